// Answers applications that ask whether the sign-in they know of is still the browser's.
addEventListener("message", async ({ data, origin, source }) => {
  if (source !== parent || source === window) return;
  const answer = (text) => source.postMessage(text, origin);
  const [client, state, ...more] = typeof data === "string" ? data.split(" ") : [];
  const [, salt] = /^[0-9a-f]{64}\.([0-9a-zA-Z]+)$/.exec(state) || [];
  if (!client || !salt || more.length || origin === "null") return answer("error");
  const [, browser] = /(?:^|; )__Secure-KKBS=([0-9a-f]+)(?:;|$)/.exec(document.cookie) || [, ""];
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode([client, origin, browser, salt].join(" ")));
  const now = Array.from(new Uint8Array(hash), (b) => b.toString(16).padStart(2, "0")).join("") + "." + salt;
  answer(now === state ? "unchanged" : "changed");
});
