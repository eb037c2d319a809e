// The sign-in pages in a real browser. OPENCLOUD_URL comes from the Go test that starts the server, OPENCLOUD_STRICT_URL is one where
// users must have a second factor; SHOTS is the folder for screenshots.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { base, launch, picture } from "./web.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const web = (base = process.env.OPENCLOUD_URL) => {
  const q = new URLSearchParams({ client_id: "web", redirect_uri: base + "/oidc-callback.html", response_type: "code", scope: "openid profile email",
    state: "s" + Math.random(), code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256" });
  return `${base}/signin/v1/identifier/_/authorize?${q}`;
};

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const page = async (options = {}) => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en-GB", ...options });
  context.setDefaultTimeout(10_000);
  // the application's page: what it does with the code is not ours to test here
  await context.route("**/oidc-callback.html*", (r) => r.fulfill({ body: "arrived", contentType: "text/plain" }));
  return context.newPage();
};

// look takes a picture in light, dark and phone width, and lets axe judge each.
async function look(p, name) {
  for (const [variant, scheme, size] of [["light", "light", [1280, 800]], ["dark", "dark", [1280, 800]], ["phone", "light", [390, 844]]]) {
    await p.emulateMedia({ colorScheme: scheme });
    await p.setViewportSize({ width: size[0], height: size[1] });
    await picture(p, `${name}-${variant}`, { fullPage: true });
    const faults = await p.evaluate(async (source) => {
      if (!window.axe) (0, eval)(source);
      return (await window.axe.run()).violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`);
    }, axe).catch(async () => {
      // our policy forbids eval, as it should: axe is put there by the browser itself
      await p.context().newCDPSession(p).then((c) => c.send("Page.setBypassCSP", { enabled: true }));
      await p.addScriptTag({ content: axe }).catch(() => {});
      return p.evaluate(async () => (await window.axe.run()).violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`));
    });
    assert.deepEqual(faults, [], `${name} ${variant}`);
  }
}

const signIn = async (p, user, password) => {
  await p.fill("#oc-login-username", user);
  await p.fill("#oc-login-password", password);
  await p.click("button.primary");
};
// disable takes somebody's account away, as an administrator does.
async function disable(name) {
  const headers = { Authorization: "Basic " + Buffer.from("admin:" + process.env.ADMIN_PASSWORD).toString("base64"), "Content-Type": "application/json" };
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const { id } = await (await context.request.get(`${base}/graph/v1.0/users/${name}`, { headers })).json();
  const answer = await context.request.patch(`${base}/graph/v1.0/users/${id}`, { headers, data: { accountEnabled: false } });
  assert.equal(answer.status(), 200, await answer.text());
}
const arrived = (p) => p.waitForURL((u) => u.pathname === "/oidc-callback.html" && u.searchParams.has("code"), { waitUntil: "commit" });

function code(secret, at = Date.now()) {
  const bits = [...secret.replaceAll(" ", "")].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = createHmac("sha1", key).update(counter).digest();
  const o = mac[19] & 15;
  return String((mac.readUInt32BE(o) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

test("password: the page, a wrong one, a right one, sign out", async () => {
  const p = await page();
  const requests = [];
  p.on("request", (r) => requests.push(r.url()));
  await p.goto(web());
  assert.equal(await p.title(), "Sign in - OpenCloud");
  const loaded = requests.filter((u) => !u.startsWith("data:") && !u.includes("/_/authorize")); // that was the application
  assert.ok(loaded.length <= 3, loaded.join("\n"));
  await look(p, "signin");
  await signIn(p, "mary", "wrong");
  await p.waitForSelector("[role=alert]:not([hidden])");
  await look(p, "signin-wrong");
  await signIn(p, "mary", "demo");
  await arrived(p);
  await p.goto(base + "/signin/v1/welcome");
  await look(p, "welcome");
  await p.goto(base + "/signin/v1/goodbye");
  await look(p, "goodbye-ask");
  await p.click("button.primary");
  await p.waitForSelector("text=You are signed out");
  await look(p, "goodbye");
});

test("without JavaScript", async () => {
  const p = await page({ javaScriptEnabled: false });
  await p.goto(web());
  await signIn(p, "mary", "demo");
  await arrived(p);
});

test("consent, account chooser, errors", async () => {
  const p = await page();
  const desktop = (more) => `${base}/signin/v1/identifier/_/authorize?` + new URLSearchParams({ client_id: "OpenCloudDesktop", redirect_uri: "http://127.0.0.1:9", response_type: "code",
    scope: "openid profile offline_access", state: "d" + Math.random(), code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256", ...more });
  await p.goto(desktop());
  await signIn(p, "mary", "demo");
  await p.waitForSelector("text=Allow access?");
  await look(p, "consent");
  await p.goto(desktop({ prompt: "select_account" }));
  await p.waitForSelector("text=Choose an account");
  await look(p, "chooser");
  await p.goto(desktop({ redirect_uri: "https://evil.example/" }));
  assert.equal(new URL(p.url()).origin, base);
  await look(p, "bad-redirect");
  await p.goto(base + "/signin/v1/identifier");
  await p.evaluate(() => { document.querySelector("[name=proof]").value = "x"; });
  await signIn(p, "mary", "demo");
  await p.waitForSelector("text=Your session has expired");
  await look(p, "expired");
});

test("authenticator app, recovery code", async () => {
  const p = await page();
  await p.goto(web());
  await signIn(p, "alan", "demo");
  await arrived(p);
  await p.goto(base + "/signin/v1/account");
  await look(p, "account");
  await p.click("text=Set up an authenticator app");
  const secret = await p.textContent("code");
  await look(p, "account-totp");
  const first = Date.now();
  await p.fill("#code", code(secret, first));
  await p.click("button.primary");
  await p.waitForSelector(".codes li");
  const recovery = await p.locator(".codes li").allTextContents();
  assert.equal(recovery.length, 10);
  await look(p, "recovery");

  const q = await page();
  await q.goto(web());
  await signIn(q, "alan", "demo");
  await q.waitForSelector("text=Confirm that it is you");
  await look(q, "factor");
  await q.fill("#code", code(secret, first)); // used when it was set up
  await q.click("button.primary");
  await q.waitForSelector("[role=alert]:not([hidden])");
  await q.fill("#code", code(secret, first + 30_000));
  await q.click("button.primary");
  await arrived(q);

  const r = await page();
  await r.goto(web());
  await signIn(r, "alan", "demo");
  await r.fill("#code", recovery[3]);
  await r.click("button.primary");
  await arrived(r);
});

test("a second factor is required", async () => {
  const p = await page();
  await p.goto(web(process.env.OPENCLOUD_STRICT_URL));
  await signIn(p, "mary", "demo");
  await p.waitForSelector("text=Set up a second factor");
  const secret = await p.textContent("code");
  await look(p, "enrol");
  await p.fill("#code", "000000");
  await p.click("button.primary");
  await p.waitForSelector("[role=alert]:not([hidden])");
  assert.equal(await p.textContent("code"), secret); // who scanned it need not scan again
  await look(p, "enrol-wrong");
  await p.fill("#code", code(secret));
  await p.click("button.primary");
  await p.waitForSelector(".codes li");
  await p.click("text=I have kept them");
  await arrived(p);
  const q = await page();
  await q.goto(web(process.env.OPENCLOUD_STRICT_URL));
  await signIn(q, "mary", "demo");
  await q.waitForSelector("text=Confirm that it is you");
});

test("passkey: set up, sign in without password, as second factor", async () => {
  const p = await page();
  const cdp = await p.context().newCDPSession(p);
  await cdp.send("WebAuthn.enable");
  await cdp.send("WebAuthn.addVirtualAuthenticator", { options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
  // This authenticator takes whatever is offered, also beside user names: not before the end of this test.
  await p.addInitScript(() => {
    if (!sessionStorage.offer) PublicKeyCredential.isConditionalMediationAvailable = async () => false;
  });
  await p.goto(web());
  await signIn(p, "lynn", "demo");
  await arrived(p);
  await p.goto(base + "/signin/v1/account");
  await p.fill("#passkey-name", "my phone");
  await p.click("text=Set up a passkey");
  await p.waitForSelector(".codes li");
  assert.equal(await p.locator(".codes li").count(), 10);
  await p.click("text=I have kept them");
  await p.waitForSelector("text=10 recovery codes are left.");
  await look(p, "account-passkey");
  await p.fill("#passkey-name", "again"); // the codes are kept: they are shown once
  await p.click("text=Set up a passkey");
  await p.waitForSelector("text=The passkey could not be set up. Try again."); // this authenticator has one already
  // whoever signed in too long ago is sent to the server, which leads to the sign-in page (here it says that nothing came)
  await p.route("**/passkey/new", (r) => r.fulfill({ status: 403, body: "{}" }));
  await p.click("text=Set up a passkey");
  await p.waitForSelector("text=This was not right. Try again.");
  // a password typed before does not keep anybody from using a passkey instead
  await p.context().clearCookies();
  await p.goto(web());
  await signIn(p, "lynn", "demo");
  await p.waitForSelector("text=Confirm that it is you");
  await p.goBack();
  await p.click("text=Use a passkey");
  await arrived(p);
  await p.context().clearCookies();
  await p.goto(web());
  await p.click("text=Use a passkey");
  await arrived(p);
  await p.context().clearCookies();
  await p.goto(web());
  await signIn(p, "lynn", "demo");
  await p.waitForSelector("text=Confirm that it is you");
  await look(p, "factor-passkey");
  await p.click("text=Use a passkey");
  await arrived(p);
  await p.context().clearCookies();
  await p.goto(base + "/signin/v1/goodbye");
  await p.evaluate(() => { sessionStorage.offer = "yes"; });
  await p.goto(web()).catch(() => {}); // it may be gone already
  await arrived(p);
});

test("passkey beside the user name", async () => {
  const p = await page();
  const cdp = await p.context().newCDPSession(p);
  await cdp.send("WebAuthn.enable");
  await cdp.send("WebAuthn.addVirtualAuthenticator", { options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: false } });
  // a stand-in for the list that browsers show: it answers when it is told to
  await p.addInitScript(() => {
    window.asked = [];
    const get = navigator.credentials.get.bind(navigator.credentials);
    PublicKeyCredential.isConditionalMediationAvailable = async () => true;
    navigator.credentials.get = (o) => {
      window.asked.push({ mediation: o.mediation, aborted: () => o.signal?.aborted });
      return o.mediation === "conditional" ? new Promise((_, no) => o.signal.addEventListener("abort", () => no(new DOMException("", "AbortError")))) : get(o);
    };
  });
  await p.goto(web());
  await p.waitForFunction(() => window.asked.length === 1);
  assert.equal(await p.evaluate(() => window.asked[0].mediation), "conditional");
  await p.click("text=Use a passkey");
  await p.waitForFunction(() => window.asked.length === 2 && window.asked[0].aborted());
  await p.reload();
  await signIn(p, "margaret", "demo"); // the offer is in nobody's way
  await arrived(p);
});

test("a disabled account, a session that has ended", async () => {
  const p = await page();
  await p.goto(web());
  await signIn(p, "dennis", "demo");
  await arrived(p);
  const q = await page();
  await q.goto(web());
  await signIn(q, "dennis", "demo");
  await arrived(q);
  await q.goto(base + "/signin/v1/account");
  await q.locator("li", { hasNotText: "this device" }).locator("text=Sign out").first().click();
  await q.waitForSelector("text=The device is signed out.");
  await p.goto(base + "/signin/v1/account"); // ended elsewhere
  await p.waitForSelector("text=Sign in");
  assert.equal(new URL(p.url()).pathname, "/signin/v1/identifier");
  await q.goto(base + "/signin/v1/account");
  await disable("dennis");
  await q.click("button[value=totp-new]");
  await q.waitForSelector("#oc-login-username");
  await signIn(q, "dennis", "demo");
  await q.waitForSelector("[role=alert]:not([hidden])");
  assert.equal(await q.textContent("[role=alert]:not([hidden])"), "The user name or the password is wrong.");
  await look(q, "disabled");
});

test("an operator's sign-in page", async () => {
  const other = process.env.OPENCLOUD_ASSETS_URL;
  const p = await page();
  const faults = [];
  p.on("console", (m) => m.type() === "error" && faults.push(m.text()));
  p.on("pageerror", (e) => faults.push(String(e)));
  await p.goto(web(other));
  await p.waitForSelector("text=A page of the operator");
  assert.equal(await p.evaluate(() => getComputedStyle(document.body).color), "rgb(1, 2, 3)"); // its style, by nonce
  await p.fill("#user", "mary");
  await p.fill("#pass", "demo");
  await p.click("button");
  await p.waitForSelector("text=Set up a second factor"); // ours
  const secret = await p.textContent("code");
  await p.goto(web(other)); // no way round
  await p.waitForSelector("text=Set up a second factor");
  await p.fill("#code", code(secret));
  await p.click("button.primary");
  await p.waitForSelector(".codes li");
  assert.deepEqual(faults, []);
  await p.click("text=I have kept them");
  await arrived(p);
});

test("four languages, long names", async () => {
  for (const [locale, text] of [["de-DE", "Anmelden"], ["fr-FR", "Connexion"], ["es-ES", "Iniciar sesión"]]) {
    const p = await page({ locale });
    await p.goto(web());
    assert.equal(await p.textContent("h1"), text);
    await look(p, "signin-" + locale);
  }
});

test("too many attempts", async () => {
  const p = await page();
  await p.goto(web());
  for (let i = 0; i < 40; i++) {
    if (await p.locator("text=Too many attempts").count()) break;
    await signIn(p, "margaret", "wrong" + i);
    await p.waitForTimeout(150);
  }
  await p.waitForSelector("text=Too many attempts");
  await look(p, "throttled");
});
