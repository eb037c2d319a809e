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
  await page.waitForSelector("[role=dialog] canvas");
  assert.ok(await page.locator("[role=dialog] canvas").evaluate((c) => c.getContext("2d").getImageData(c.width / 2, c.height / 2, 1, 1).data[3] === 255));
  await look(page, "account-crop");
  await page.click("[role=dialog] button:has-text('Use this')");
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

test("a part of the picture: by keys, wheel and mouse, dropped onto the profile", { skip }, async () => {
  // the stripes get brighter to the right: what is in the middle of the part tells which one it is
  const middle = () => page.locator("[role=dialog] canvas").evaluate((c) => c.getContext("2d").getImageData(c.width / 2, c.height / 2, 1, 1).data[0]);
  const stripes = () => page.locator("[role=dialog] canvas").evaluate((c) => {
    const row = c.getContext("2d").getImageData(0, c.height / 2, c.width, 1).data;
    const times = new Map();
    for (let x = 0; x < row.length; x += 4) times.set(row[x], (times.get(row[x]) ?? 0) + 1);
    return [...times.values()].filter((n) => n > 20).length; // and not where two meet
  });
  const data = await page.evaluateHandle((bytes) => {
    const d = new DataTransfer();
    d.items.add(new File([new Uint8Array(bytes)], "me.png", { type: "image/png" }));
    return d;
  }, [...png(800, 400, [240, 150, 60])]);
  await page.dispatchEvent("main h2:has-text('Anna Example')", "dragover", { dataTransfer: data });
  await page.dispatchEvent("main h2:has-text('Anna Example')", "drop", { dataTransfer: data });
  await page.waitForSelector("[role=dialog] canvas");
  const was = await middle();
  await page.focus("[role=dialog] canvas");
  for (let i = 0; i < 8; i++) await page.keyboard.press("ArrowRight");
  await page.waitForFunction((n) => { const c = document.querySelector("[role=dialog] canvas"); return c.getContext("2d").getImageData(c.width / 2, c.height / 2, 1, 1).data[0] > n; }, was);
  const many = await stripes();
  assert.ok(many >= 4);
  for (let i = 0; i < 6; i++) await page.keyboard.press("+");
  await page.waitForTimeout(100);
  assert.ok((await stripes()) < many);
  await page.getByLabel("Size").focus();
  await page.keyboard.press("End");
  await page.waitForTimeout(100);
  assert.ok((await stripes()) <= 2);
  await page.keyboard.press("Home");
  await page.waitForTimeout(100);
  assert.equal(await stripes(), many);
  const box = await page.locator("[role=dialog] canvas").boundingBox();
  await page.mouse.move(box.x + 20, box.y + 140);
  await page.mouse.wheel(0, -300);
  await page.waitForTimeout(200);
  assert.ok((await stripes()) < many);
  const bright = await middle();
  await page.mouse.down();
  await page.mouse.move(box.x + 270, box.y + 140, { steps: 5 });
  await page.mouse.up();
  await page.waitForTimeout(100);
  assert.ok((await middle()) < bright); // the picture goes with the mouse
  await page.keyboard.press("Escape");
  await page.waitForSelector("[role=dialog]", { state: "detached" });
  assert.equal(await page.locator("main img").count(), 0); // nothing was chosen
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

test("preferences and tokens by keys alone", { skip }, async () => {
  await page.focus("main nav a:has-text('Preferences')");
  await page.keyboard.press("Enter");
  await page.getByLabel("Theme").focus();
  await page.keyboard.press("ArrowDown"); // from the system's to light
  await page.waitForFunction(() => localStorage.getItem("oc_theme") === "light");
  await page.keyboard.press("ArrowUp");
  await page.waitForFunction(() => localStorage.getItem("oc_theme") === "auto");
  await page.focus("main nav a:has-text('App tokens')");
  await page.keyboard.press("Enter");
  await page.getByLabel("What is it for?").focus();
  await page.keyboard.type("By keys");
  await page.keyboard.press("Enter");
  await page.waitForSelector("li:has-text('By keys')");
  await page.focus("button[aria-label='Delete “By keys”']");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=dialog]");
  for (let i = 0; i < 4 && (await page.evaluate(() => document.activeElement.textContent.trim())) !== "Delete"; i++) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForSelector("li:has-text('By keys')", { state: "detached" });
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
  await page.goto(`${base}/account`);
  await page.waitForSelector("text=Choose a picture of you");
  await page.setInputFiles("input[type=file]", { name: "me.png", mimeType: "image/png", buffer: png(600, 400, [240, 150, 60]) });
  await page.waitForFunction(() => { // once it has come in
    const b = document.querySelector("[role=dialog]")?.getBoundingClientRect();
    return b && b.left >= 0 && b.right <= 390 && b.bottom <= 845;
  });
  assert.ok((await page.locator("[role=dialog] canvas").boundingBox()).width >= 250);
  await page.click("[role=dialog] button:has-text('Use this')");
  await page.waitForSelector("main img");
  fine();
});
