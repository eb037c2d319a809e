// Asks the browser for a passkey and sends its answer with the form that wants one.
for (const form of document.querySelectorAll("form[data-passkey]")) {
  const fault = form.querySelector("[role=alert]");
  const fields = form.elements;
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
    form.hidden = true;
    continue;
  }
  form.addEventListener("submit", async (event) => {
    if (fields.answer.value) return;
    event.preventDefault();
    fault.hidden = true;
    try {
      const kind = form.dataset.passkey;
      const response = await fetch("/signin/v1/passkey/" + kind, { method: "POST", credentials: "same-origin" });
      if (response.status === 403 && kind === "new") return form.submit(); // signed in too long ago: the server leads to the sign-in page
      if (!response.ok) throw new Error(response.status);
      const { options, challenge } = await response.json();
      const credential = kind === "new"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
      fields.challenge.value = challenge;
      fields.answer.value = JSON.stringify(credential.toJSON());
      form.requestSubmit();
    } catch {
      fault.hidden = false;
    }
  });
}
