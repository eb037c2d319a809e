// A person's own account in a real browser: language, theme, picture, password, second factors, app tokens, sessions, their data.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { base, dav, launch, look, open, served, signIn } from "./web.js";
import { png } from "./fixtures.js";

const skip = await served();
const admin = process.env.ADMIN_PASSWORD;
const [secret, next] = ["Test-password-2", "Test-password-3"];
const ask = (user, password, method, path, body) => dav(user, password, method, path, body, { "Content-Type": "application/json" });
let browser, page;

before(async () => {
  if (skip) return;
  browser = await launch();
  for (const name of ["anna", "ben"]) assert.equal((await ask("admin", admin, "POST", "/graph/v1.0/users", JSON.stringify({ onPremisesSamAccountName: name, displayName: `${name[0].toUpperCase()}${name.slice(1)} Example`, mail: `${name}@example.org`, passwordProfile: { password: secret } }))).status, 201);
  page = await open(browser);
  await signIn(page, "anna", secret, "/account");
  await page.waitForSelector("main h2:has-text('Anna Example')");
  await page.waitForSelector("text=Choose a picture of you");
});
after(() => browser?.close());
const fine = () => assert.deepEqual(page.faults, []);
const go = async (section) => {
  await page.click(`main nav >> text=${section}`);
  await page.waitForSelector(`main nav a[aria-current=page] >> text=${section}`);
};

test("a picture: chosen, seen by others, taken away", { skip }, async () => {
  await look(page, "account");
  await page.setInputFiles("input[type=file]", { name: "me.png", mimeType: "image/png", buffer: png(600, 400, [240, 150, 60]) });
  await page.waitForSelector("main img");
  await page.waitForSelector("header button[aria-label^=Account] img"); // and above
  await look(page, "account-picture");
  const { id } = JSON.parse((await ask("anna", secret, "GET", "/graph/v1.0/me")).text);
  const photo = await fetch(`${base}/graph/v1.0/users/${id}/photo/$value`, { headers: { Authorization: "Basic " + Buffer.from(`ben:${secret}`).toString("base64") } });
  assert.equal(photo.headers.get("content-type"), "image/png");
  assert.equal((await fetch(`${base}/graph/v1.0/users/${id}/photo/$value`)).status, 401);
  await page.setInputFiles("input[type=file]", { name: "me.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
  await page.waitForSelector("text=Your picture could not be changed.");
  await page.click("section[aria-live] button[aria-label=Close]");
  await page.click("button:has-text('Remove the picture')");
  await page.waitForSelector("main img", { state: "detached" });
  await page.waitForSelector("text=Choose a picture of you");
  fine();
});

test("language and theme, which stay", { skip }, async () => {
  await go("Preferences");
  await page.waitForSelector("text=Notifications");
  await look(page, "account-preferences");
  await page.getByLabel("Theme").selectOption("dark");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await page.getByLabel("Language").selectOption("de");
  await page.waitForSelector("main h1:has-text('Konto')");
  await page.reload();
  await page.waitForSelector("main h1:has-text('Konto')");
  assert.deepEqual(await page.evaluate(() => [document.documentElement.dataset.theme, document.documentElement.lang]), ["dark", "de"]);
  await page.waitForFunction(() => document.querySelector("main select")?.value === "de");
  assert.equal(JSON.parse((await ask("anna", secret, "GET", "/graph/v1.0/me")).text).preferredLanguage, "de");
  await page.getByLabel("Sprache").selectOption("en");
  await page.waitForSelector("main h1:has-text('Account')");
  await page.getByLabel("Theme").selectOption("auto");
  fine();
});

test("a notification is turned off, and stays so", { skip }, async () => {
  const box = page.locator("main input[type=checkbox]:enabled").first();
  await box.waitFor();
  const was = await box.isChecked();
  const saved = page.waitForResponse((r) => r.url().endsWith("values-save"));
  await box.setChecked(!was);
  assert.ok((await saved).ok());
  await page.reload();
  await box.waitFor();
  assert.equal(await box.isChecked(), !was);
  fine();
});

test("app tokens: made, shown once, used, revoked", { skip }, async () => {
  await go("App tokens");
  await page.waitForSelector("text=There are no tokens.");
  await page.getByLabel("What is it for?").fill("My calendar");
  await page.keyboard.press("Enter");
  await page.waitForSelector("text=It is shown only now.");
  await look(page, "account-tokens");
  const token = await page.locator("main code").textContent();
  const status = () => ask("anna", token, "GET", "/graph/v1.0/me").then((r) => r.status);
  assert.equal(await status(), 200);
  assert.notEqual((await ask("ben", token, "GET", "/graph/v1.0/me")).status, 200);
  await page.reload();
  await page.waitForSelector("li:has-text('My calendar')");
  assert.ok(!(await page.locator("body").textContent()).includes(token));
  await page.click("button[aria-label='Delete “My calendar”']");
  await page.click("[role=dialog] button:has-text('Delete')");
  await page.waitForSelector("text=There are no tokens.");
  assert.equal(await status(), 401);
  fine();
});

test("one's data as a file", { skip }, async () => {
  await go("My data");
  await page.click("button:has-text('Make the file')");
  await page.waitForSelector("button:has-text('Make it again')", { timeout: 30_000 });
  await look(page, "account-data");
  const download = page.waitForEvent("download");
  await page.click("main button:has-text('Download')");
  assert.match((await download).suggestedFilename(), /personal_data_export/);
  const { text } = await ask("anna", secret, "GET", "/dav/files/anna/.personal_data_export.json");
  assert.equal(JSON.parse(text).user?.displayName ?? JSON.stringify(JSON.parse(text)).includes("Anna Example"), JSON.parse(text).user ? "Anna Example" : true);
  fine();
});

test("second factors and sessions: the page of the server", { skip }, async () => {
  await go("Profile");
  await page.click("text=Open the security settings");
  await page.waitForSelector("h1:has-text('Account security')");
  await page.waitForSelector("h2:has-text('Authenticator app')");
  await page.waitForSelector("h2:has-text('Passkeys')");
  // another device, signed out from here
  const other = await open(browser);
  await signIn(other, "anna", secret, "/account");
  await other.waitForSelector("main h2:has-text('Anna Example')");
  await page.reload();
  await page.locator("li", { hasNotText: "this device" }).locator("button[value=revoke]").first().click();
  await page.waitForSelector("text=The device is signed out.");
  await other.goto(base + "/signin/v1/account");
  await other.waitForSelector("#oc-login-username");
  await other.context().close();
  await page.goto(base + "/account");
  await page.waitForSelector("main h2:has-text('Anna Example')");
});

test("the password: a wrong one, two that differ, a weak one, a good one", { skip }, async () => {
  const fill = async (...three) => {
    for (const [i, label] of ["Current password", "New password", "New password, again"].entries()) await page.getByLabel(label, { exact: true }).fill(three[i]);
  };
  await page.getByLabel("Current password").waitFor();
  await fill(secret, next, "something else");
  await page.waitForSelector("text=The two are not the same.");
  await look(page, "account-password");
  await fill("wrong", next, next);
  await page.keyboard.press("Enter");
  await page.waitForSelector("form [role=alert]");
  assert.equal((await ask("anna", next, "GET", "/graph/v1.0/me")).status, 401);
  await fill(secret, next, next);
  await page.keyboard.press("Enter");
  await page.waitForSelector("text=Your password was changed.");
  assert.equal((await ask("anna", next, "GET", "/graph/v1.0/me")).status, 200);
  assert.equal((await ask("anna", secret, "GET", "/graph/v1.0/me")).status, 401);
  fine();
});

test("phone: everything fits and can be touched", { skip }, async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  for (const section of ["information", "preferences", "apps", "gdpr"]) {
    await page.goto(`${base}/account/${section}`);
    await page.waitForSelector("main :is(form, button, select)");
    await page.waitForTimeout(300);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), section);
    const small = await page.locator("main :is(button, select, input:not([type=checkbox]):not([type=file])):visible").evaluateAll((all) => all.map((e) => [e.getAttribute("aria-label") ?? e.textContent, e.getBoundingClientRect()]).filter(([, b]) => b.width < 44 || b.height < 44).map(([l, b]) => `${l} ${b.width}×${b.height}`));
    assert.deepEqual(small, [], section);
  }
  fine();
});
