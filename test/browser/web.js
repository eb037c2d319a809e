// What the tests of the client share: a browser, signing in, looking at pages.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

export const base = process.env.OPENCLOUD_URL;
const shots = process.env.SHOTS;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// served tells why the client cannot be tested, or false: a server that was built without npm has none. In CI that is a failure.
export async function served() {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0"; // the server's certificate is its own
  const page = await fetch(base + "/").then((r) => r.text());
  if (page.includes('<div id="app">')) return false;
  if (process.env.CI) throw new Error("the server was built without the client");
  return "the server was built without the client (make build, with npm)";
}

// launch starts a browser, with further flags of Chromium.
export async function launch(...flags) {
  if (shots) mkdirSync(shots, { recursive: true });
  return chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", ...flags] });
}

// open returns a page of a new person's browser. What goes wrong in it is in page.faults.
export async function open(browser, options = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en-GB", viewport: { width: 1280, height: 800 }, reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (e) => page.faults.push(String(e)));
  return page;
}

// row is a file or folder in a list, fab the "New" button by the id that other programs look for.
export const row = (name) => `[role=row][data-id]:has(a[title="${name}"])`;
export const fab = "#app-floating-action-button-com-github-opencloud-eu-web-files-floating-action-button";

export async function signIn(page, user, password, path = "/") {
  await page.goto(base + path);
  await page.fill("#oc-login-username", user);
  await page.fill("#oc-login-password", password);
  await page.click("button.primary");
}

// press does by keys what a click does.
export async function press(page, selector) {
  await page.focus(selector);
  await page.keyboard.press("Enter");
}

// dav asks the server as a user, beside the browser.
export async function dav(user, password, method, path, body, headers = {}) {
  const r = await fetch(base + path, { method, body, headers: { Authorization: "Basic " + Buffer.from(`${user}:${password}`).toString("base64"), ...headers } });
  return { status: r.status, text: await r.text() };
}

// picture takes one, where pictures are wanted.
export async function picture(page, name, options = {}) {
  if (shots) await page.screenshot({ path: `${shots}/${name}.png`, ...options });
}

// look lets axe judge a page, or a frame in it, in light, dark and phone width; where pictures are wanted, it takes one of each.
export async function look(page, name, frame = page) {
  const size = page.viewportSize();
  for (const [variant, colorScheme, width, height] of [["light", "light", 1280, 800], ["dark", "dark", 1280, 800], ["phone", "light", 390, 844]]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width, height });
    await page.waitForTimeout(150);
    await picture(page, `${name}-${variant}`);
    if (!(await frame.evaluate(() => !!window.axe))) {
      await page.context().newCDPSession(frame).then((c) => c.send("Page.setBypassCSP", { enabled: true }));
      await frame.evaluate(axe);
    }
    const faults = await frame.evaluate(async (dark) => {
      const rules = dark ? { runOnly: ["color-contrast"] } : { rules: { region: { enabled: !document.querySelector("[role=menu]") } } }; // only colours differ; a menu is in no region
      return (await window.axe.run({ ...rules, resultTypes: ["violations"] })).violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join("\n")}`);
    }, variant === "dark");
    assert.deepEqual(faults, [], `${name} ${variant}`);
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.setViewportSize(size);
}
