// Speaks to the logon API as the original's sign-in page does.
document.querySelector("button").addEventListener("click", async () => {
  const query = new URLSearchParams(location.search);
  const value = (id) => document.getElementById(id).value;
  const state = Math.random().toString(36).slice(2);
  const response = await fetch("/signin/v1/identifier/_/logon", { method: "POST", headers: { "Kopano-Konnect-XSRF": "1", "Content-Type": "application/json" },
    body: JSON.stringify({ state, params: [value("user"), value("pass"), "1"], hello: { state, flow: query.get("flow"), client_id: query.get("client_id"),
      scope: query.get("scope"), redirect_uri: query.get("redirect_uri"), prompt: query.get("prompt") || "" } }) });
  const { hello } = await response.json();
  query.set("prompt", "none");
  location.replace(hello.continue_uri + "?" + query);
});
