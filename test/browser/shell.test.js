// The frame around the pages: keys, focus, themes, languages, right-to-left, and what other programs look for.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { base, dav, launch, look, open, row, served, signIn } from "./web.js";

const skip = await served();
const home = "/files/spaces/personal/mary";
const root = (name) => page.evaluate((n) => getComputedStyle(document.documentElement).getPropertyValue(n).trim(), name);
const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label") || document.activeElement.textContent.trim() || document.activeElement.id);
let browser, page;

before(async () => {
  if (skip) return;
  browser = await launch();
  for (const name of ["one.txt", "a name that is so long that no list has the room to show all of it without cutting it somewhere in the middle.txt"]) await dav("mary", "demo", "PUT", "/dav/files/mary/" + encodeURIComponent(name), "1");
  page = await open(browser);
  await signIn(page, "mary", "demo");
  await page.waitForSelector(row("one.txt"));
});
after(() => browser?.close());
const clean = () => assert.deepEqual(page.faults, []);

test("what other programs look for: the title of the page, of the personal space, and the “New” button", { skip }, async () => {
  assert.match(await fetch(base + "/").then((r) => r.text()), /<title>OpenCloud<\/title>/);
  await page.waitForURL("**" + home);
  assert.match(await page.title(), /Personal/);
  assert.match(await page.title(), /OpenCloud/);
  await page.click("#app-floating-action-button-com-github-opencloud-eu-web-files-floating-action-button");
  await page.waitForSelector("[role=menu] [data-action=text]");
  await page.keyboard.press("Escape");
  await page.waitForSelector("[role=menu]", { state: "detached" });
  clean();
});

test("Tab goes from the skip link through the frame into the page", { skip }, async () => {
  await page.reload();
  await page.waitForSelector(row("one.txt"));
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to content");
  assert.ok((await page.locator("text=Skip to content").boundingBox()).y >= 0); // seen while it has the focus
  const seen = [];
  for (let i = 0; i < 40 && !seen.includes("Details"); i++) {
    await page.keyboard.press("Tab");
    seen.push(await focused());
    const box = await page.evaluate(() => document.activeElement.getBoundingClientRect().toJSON());
    assert.ok(box.width > 0 && box.right > 0 && box.bottom > 0, `nobody sees ${seen.at(-1)}`);
  }
  const order = ["OpenCloud", "Search by name", "Account of Mary", "Personal", "Trash", "View", "Details"].map((want) => seen.findIndex((s) => s.startsWith(want)));
  assert.ok(order.every((at, i) => at >= 0 && (i === 0 || at > order[i - 1])), seen.join(" | "));
  await page.reload();
  await page.waitForSelector(row("one.txt"));
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await page.keyboard.press("Tab");
  assert.ok(await page.evaluate(() => document.activeElement.closest("main") !== null));
  clean();
});

test("keys: help, search, and back to where the focus was", { skip }, async () => {
  await page.focus("button[aria-label=View]");
  await page.keyboard.press("?");
  await page.waitForSelector("[role=dialog] >> text=Keyboard shortcuts");
  for (const key of ["Ctrl+C", "F2", "Del", "/"]) assert.ok(await page.locator(`[role=dialog] kbd:text-is("${key}")`).count(), key);
  assert.ok(await page.evaluate(() => document.activeElement.closest("[role=dialog]") !== null));
  await page.keyboard.press("Escape");
  await page.waitForSelector("[role=dialog]", { state: "detached" });
  assert.equal(await focused(), "View");
  await page.keyboard.press("/");
  await page.keyboard.type("one?");
  assert.equal(await page.inputValue("[role=searchbox]"), "one?");
  assert.equal(await page.locator("[role=dialog]").count(), 0);
  await page.keyboard.press("Escape");
  await page.waitForSelector(row("one.txt"));
  clean();
});

test("what failed is told, and can be unfolded and copied", { skip }, async () => {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.route("**/dav/spaces/**", (r) => (r.request().method() === "MKCOL" ? r.fulfill({ status: 500, headers: { "X-Request-Id": "req-17" }, contentType: "application/xml", body: "<d:error xmlns:d='DAV:' xmlns:s='http://sabredav.org/ns'><s:message>The disk is full of ideas.</s:message></d:error>" }) : r.continue()));
  await page.keyboard.press("n");
  await page.waitForSelector("[role=dialog] input");
  await page.keyboard.press("Enter");
  const toast = "section[aria-live] [role=alert]";
  await page.waitForSelector(`${toast} >> text=could not be created.`);
  assert.equal(await page.locator(`${toast} pre`).count(), 0);
  await page.focus(`${toast} button[aria-label='More about it']`);
  await page.keyboard.press("Enter");
  await page.waitForSelector(`${toast} pre:has-text("Request-ID: req-17")`);
  await look(page, "shell-failed");
  await page.click(`${toast} button:has-text('Copy')`);
  await page.waitForSelector(`${toast} button:has-text('Copied')`);
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(copied, /could not be created\.\nThe disk is full of ideas\.\nHTTP 500\nRequest-ID: req-17\n/);
  await page.click(`${toast} button[aria-label=Close]`);
  await page.waitForSelector(toast, { state: "detached" });
  await page.unroute("**/dav/spaces/**");
  clean();
});

test("leaving is asked about while something is being changed, and not afterwards", { skip }, async () => {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route("**/dav/spaces/**", async (r) => {
    if (r.request().method() === "MKCOL") await held;
    await r.continue();
  });
  await page.keyboard.press("n");
  await page.waitForSelector("[role=dialog] input");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=dialog]", { state: "detached" });
  const leaves = () => page.evaluate(() => dispatchEvent(new Event("beforeunload", { cancelable: true })));
  assert.equal(await leaves(), false);
  release();
  await page.waitForSelector(row("New folder"));
  await page.unroute("**/dav/spaces/**");
  assert.equal(await leaves(), true);
  clean();
});

test("who is signed in and not known here gets a way out", { skip }, async () => {
  const other = await open(browser);
  await other.route("**/graph/v1beta1/me/drives", (r) => r.fulfill({ status: 403, body: "{}" }));
  await signIn(other, "mary", "demo");
  await other.waitForURL("**/access-denied");
  await other.waitForSelector("h1:has-text('You have no access')");
  await look(other, "shell-denied");
  await other.unroute("**/graph/v1beta1/me/drives");
  await other.click("button:has-text('Sign in as somebody else')"); // asked anew, though there is a session
  await other.waitForSelector("#oc-login-password");
  assert.deepEqual(other.faults, []);
  await other.context().close();
});

test("screen readers are told of the page that was gone to", { skip }, async () => {
  await page.click("nav >> text=Trash");
  await page.waitForFunction(() => [...document.querySelectorAll("[role=status]")].some((s) => /^(Trash|Deleted files).* - /.test(s.textContent)));
  await page.click("nav >> text=Personal");
  await page.waitForFunction(() => [...document.querySelectorAll("[role=status]")].some((s) => /^Personal - /.test(s.textContent)));
  clean();
});

test("light, dark, and as the system has it; never a flash of the other", { skip }, async () => {
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  const choose = async (id) => {
    await page.click("button[aria-label^=Account]");
    await page.click(`[data-action=theme-${id}]`);
  };
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
  await choose("light");
  assert.equal(await theme(), "light");
  await choose("dark");
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  assert.equal(await theme(), "dark");
  await page.route("**/assets/app-*.js", () => {}); // all that is drawn before the application is there
  await page.goto(base + home, { waitUntil: "commit" });
  await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
  await page.unroute("**/assets/app-*.js");
  await page.goto(base + home);
  await page.waitForSelector(row("one.txt"));
  assert.equal(await theme(), "dark");
  await choose("auto");
  assert.equal(await theme(), "light");
  await page.click("button[aria-label^=Account]");
  await page.waitForSelector("[role=menu]");
  await page.waitForSelector("[data-reka-popper-content-wrapper] >> text=/ used$/");
  await look(page, "shell-account");
  await page.keyboard.press("Escape");
  clean();
});

test("motion only for those who want it", { skip }, async () => {
  const duration = async (reducedMotion) => {
    await page.emulateMedia({ colorScheme: "light", reducedMotion });
    await page.keyboard.press("?");
    const seconds = await page.locator("[role=dialog]").evaluate((e) => parseFloat(getComputedStyle(e).animationDuration));
    await page.keyboard.press("Escape");
    await page.waitForSelector("[role=dialog]", { state: "detached" });
    return seconds;
  };
  assert.ok((await duration("no-preference")) > 0.05);
  assert.ok((await duration("reduce")) < 0.001);
  clean();
});

test("another language, here and at the next visit anywhere", { skip }, async () => {
  await page.click("button[aria-label^=Account]");
  await page.click("[data-action=language]");
  await page.waitForSelector("[role=dialog] >> text=Deutsch");
  await look(page, "shell-language");
  await page.click("[role=dialog] label:has-text('Deutsch')");
  await page.waitForSelector("nav >> text=Papierkorb");
  assert.equal(await page.locator("[role=dialog]").count(), 0);
  assert.equal(await page.evaluate(() => document.documentElement.lang), "de");
  await page.evaluate(() => localStorage.removeItem("oc_language")); // as on another device
  await page.reload();
  await page.waitForSelector("nav >> text=Papierkorb");
  await page.click("button[aria-label^=Konto]");
  await page.click("[data-action=language]");
  await page.click("[role=dialog] label:has-text('English')");
  await page.waitForSelector("nav >> text=Trash");
  clean();
});

test("right-to-left", { skip }, async () => {
  await page.evaluate(() => (document.documentElement.dir = "rtl"));
  const box = (selector) => page.locator(selector).first().boundingBox();
  const [nav, main, fab] = [await box("nav[aria-label='Main navigation']"), await box("main"), await box("#app-floating-action-button-com-github-opencloud-eu-web-files-floating-action-button")];
  assert.ok(nav.x > main.x + main.width - 40, "the navigation is at the right");
  assert.ok(fab.x < main.x + main.width / 2, "the button is at the left");
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
  const [name, ending] = [await box(row("one.txt") + " a span"), await box(row("one.txt") + " a span + span")];
  assert.ok(name.x < ending.x, "a name is written as it is");
  await page.click(row("one.txt"));
  await look(page, "shell-rtl");
  await page.keyboard.press("Escape");
  await page.evaluate(() => (document.documentElement.dir = "ltr"));
  clean();
});

test("on a phone the navigation is a drawer that has the keys until it is closed", { skip }, async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.focus("button[aria-label=Navigation]");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.closest("nav"));
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press("Tab");
    assert.ok(await page.evaluate(() => document.activeElement === document.body || document.activeElement.closest("nav, section[aria-live]") || document.activeElement.matches("a[href='#main']")), await focused());
  }
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.activeElement.getAttribute("aria-label") === "Navigation");
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
  await page.setViewportSize({ width: 1280, height: 800 });
  clean();
});

test("an operator's look: name, logo, colours for light and dark, and nothing that is no colour", { skip: skip || (process.env.OPENCLOUD_DATA ? false : "OPENCLOUD_DATA is not set") }, async () => {
  const dir = process.env.OPENCLOUD_DATA + "/web/assets/themes/opencloud";
  const roles = (primary, onPrimary) => ({ designTokens: { roles: { primary, onPrimary } } });
  mkdirSync(dir, { recursive: true });
  writeFileSync(dir + "/acme.svg", '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 30"><rect width="90" height="30" rx="6" fill="#7a1fa2"/></svg>');
  writeFileSync(dir + "/theme.json", JSON.stringify({
    common: { name: "ACME files", logo: "themes/opencloud/acme.svg", urls: { imprint: "https://acme.example/imprint" } },
    clients: { web: { defaults: { logo: "themes/opencloud/acme.svg" }, themes: [{ isDark: false, ...roles("#7a1fa2", "#ffffff") }, { isDark: true, ...roles("#e0b0ff", "red;background:url(https://evil.example)") }] } },
  }));
  try {
    await page.goto(base + home);
    await page.waitForSelector(row("one.txt"));
    assert.equal(await root("--brand"), "#7a1fa2");
    assert.match(await page.title(), /ACME files.*OpenCloud/);
    await page.waitForFunction(() => document.querySelector("header img")?.naturalWidth > 0);
    await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
    await page.waitForFunction(() => getComputedStyle(document.documentElement).getPropertyValue("--brand").trim() === "#e0b0ff");
    assert.doesNotMatch(await root("--on-brand"), /evil|red/);
    await page.click("button[aria-label^=Account]");
    await page.waitForSelector("[data-action=imprint]");
    await page.keyboard.press("Escape");
    await page.waitForSelector("[role=menu]", { state: "detached" });
    await look(page, "shell-operator");
  } finally {
    rmSync(dir, { recursive: true });
  }
  clean();
});
