// Asks the browser for a passkey and sends its answer with the form that wants one.
const page = "/signin/v1/passkey/";
const fresh = 4 * 60_000; // ms in which a challenge is surely still good
let offer; // ends what is offered beside user names: a browser asks one thing at a time

const send = (form, challenge, credential) => {
  form.elements.challenge.value = challenge;
  form.elements.answer.value = JSON.stringify(credential.toJSON());
  form.requestSubmit();
};

const ask = async (kind) => {
  const response = await fetch(page + kind, { method: "POST", credentials: "same-origin" });
  if (response.status === 403 && kind === "new") return null; // signed in too long ago
  if (!response.ok) throw new Error(response.status);
  return response.json();
};

// Offers passkeys in the list of user names, where browsers can, and goes on with a new challenge before one is too old.
const beside = async (form, { options, challenge }) => {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  offer = new AbortController();
  const { signal } = offer;
  const renew = setTimeout(async () => {
    if (signal.aborted) return;
    const next = await ask("signin").catch(() => null);
    if (signal.aborted) return;
    offer.abort();
    if (next) beside(form, next);
  }, fresh);
  try {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    send(form, challenge, await navigator.credentials.get({ mediation: "conditional", publicKey, signal }));
  } catch {
    clearTimeout(renew); // another way was chosen, or the browser cannot
  }
};

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const fault = form.querySelector("[role=alert]");
  const { passkey: kind, options, challenge } = form.dataset;
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
    form.hidden = true;
    continue;
  }
  if (options) beside(form, { options: JSON.parse(options), challenge });
  form.addEventListener("submit", async (event) => {
    if (form.elements.answer.value) return;
    event.preventDefault();
    fault.hidden = true;
    offer?.abort();
    try {
      const asked = await ask(kind);
      if (!asked) return form.submit(); // the server leads to the sign-in page
      const credential = kind === "new"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked.options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked.options) });
      send(form, asked.challenge, credential);
    } catch {
      fault.hidden = false;
    }
  });
}
