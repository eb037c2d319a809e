// The client in the frame of another page, where something is chosen: folders, files, links. Only the configured origin is told, and only
// its tokens are taken.
import { test, before, after, afterEach } from "node:test";
import assert from "node:assert/strict";
import { base, dav, launch, look, open, picture, row, served, signIn } from "./web.js";

const skip = await served();
const partner = "https://partner.example";
let browser, token;

before(async () => {
  if (skip) return;
  browser = await launch("--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessForNavigations");
  for (const name of ["Documents", "Documents/Letters"]) await dav("mary", "demo", "MKCOL", `/dav/files/mary/${name}`);
  for (const name of ["notes.txt", "table.csv", "Documents/letter.txt"]) assert.ok((await dav("mary", "demo", "PUT", `/dav/files/mary/${name}`, "1")).status < 300);
  const page = await open(browser);
  await signIn(page, "mary", "demo");
  await page.waitForSelector(row("notes.txt"));
  token = await page.evaluate(() => JSON.parse(localStorage.getItem(Object.keys(localStorage).find((k) => k.startsWith("oc_oAuth.user:")))).access_token);
  await page.context().close();
});
after(() => browser?.close());

const pages = [];
afterEach(async () => {
  for (const p of pages.splice(0)) {
    assert.deepEqual(p.faults, []);
    await p.context().close();
  }
});

// around opens a page of an origin with the client in a frame. It keeps what it is told, and signs people in if it has a token.
async function around(origin, query, { give = token, signedIn = "", size = { width: 1280, height: 800 } } = {}) {
  const page = await open(browser, { viewport: size });
  pages.push(page);
  const html = `<!doctype html><html lang="en"><title>Around</title><body style="margin:0"><main><h1 style="font:16px sans-serif;margin:8px">Around</h1><iframe title="Files" style="border:0;width:100%;height:calc(100vh - 48px)" src="${base}/${query}"></iframe></main><script>
    window.told = [];
    addEventListener("message", (e) => {
      told.push({ origin: e.origin, ...e.data });
      if (e.data?.name === "opencloud-embed:request-token" && ${JSON.stringify(give)}) e.source.postMessage({ name: "opencloud-embed:update-token", data: { access_token: ${JSON.stringify(give)} } }, e.origin);
    });
  </script></body></html>`;
  if (signedIn) await page.context().addInitScript(([key, value]) => location.origin.startsWith("https://localhost") && localStorage.setItem(key, value), signedIn);
  await page.route(`${origin}/`, (r) => r.fulfill({ contentType: "text/html", body: html }));
  await page.goto(`${origin}/`);
  return { page, frame: page.frameLocator("iframe"), told: (name) => page.evaluate((n) => window.told.filter((t) => t.name === `opencloud-embed:${n}`), name) };
}
async function tellsOf(it, name) {
  await it.page.waitForFunction((n) => window.told.some((t) => t.name === `opencloud-embed:${n}`), name);
  return (await it.told(name)).at(-1);
}
const delegated = "embed=true&embed-delegate-authentication=true";
const fillsFrame = (frame) => frame.locator("html").evaluate((e) => e.scrollWidth <= innerWidth);

test("a folder is chosen, with a name for a file, by keys alone", { skip }, async () => {
  const it = await around(partner, `?${delegated}&embed-target=location&embed-choose-file-name=true&embed-choose-file-name-suggestion=report.pdf&embed-submit-button-title=Save+here&hide-logo=true`);
  await it.frame.locator(row("Documents")).waitFor();
  assert.equal((await tellsOf(it, "request-token")).origin, base);
  assert.equal(await it.frame.locator(row("notes.txt")).count(), 0); // only folders
  assert.equal(await it.frame.locator("header :is(img, button[aria-label^=Account])").count(), 0);
  assert.deepEqual(await it.frame.locator("nav li").allTextContents().then((all) => all.some((t) => /Trash/.test(t))), false);
  await it.frame.locator("text=Into “Personal”").waitFor();
  await look(it.page, "embed-location", it.page.frames()[1]);
  await it.frame.locator(row("Documents")).focus();
  await it.page.keyboard.press("Enter");
  await it.frame.locator("text=Into “Documents”").waitFor();
  await it.frame.locator(row("Letters")).focus();
  await it.page.keyboard.press("Space");
  await it.frame.locator("text=Into “Letters”").waitFor();
  await it.frame.getByLabel("File name").focus();
  await it.page.keyboard.press("Control+a");
  await it.page.keyboard.type("a/b.pdf");
  await it.frame.locator("text=A name cannot contain a slash.").waitFor();
  await it.page.keyboard.press("Enter");
  assert.deepEqual(await it.told("select"), []);
  await it.page.keyboard.press("Control+a");
  await it.page.keyboard.type("mine.pdf");
  await it.page.keyboard.press("Tab");
  await it.page.keyboard.press("Tab");
  assert.equal(await it.frame.locator(":focus").textContent(), "Save here");
  await it.page.keyboard.press("Enter");
  const { data, origin } = await tellsOf(it, "select");
  assert.equal(origin, base);
  assert.equal(data.fileName, "mine.pdf");
  assert.deepEqual(data.resources.map((r) => [r.path, r.type, r.id === data.locationQuery.fileId]), [["/Documents/Letters", "folder", true]]);
  await it.frame.locator("button:has-text('Cancel')").click();
  await tellsOf(it, "cancel");
});

test("a file of some kinds is chosen, by its name or by the button; a new folder can be made, nothing else", { skip }, async () => {
  const it = await around(partner, `?${delegated}&embed-target=file&embed-file-types=txt`);
  await it.frame.locator(row("notes.txt")).waitFor();
  assert.equal(await it.frame.locator(row("table.csv")).count(), 0);
  assert.ok(await it.frame.locator("form button[type=submit]").isDisabled());
  await it.frame.locator(row("notes.txt")).click({ button: "right" });
  assert.deepEqual(await it.frame.locator("[role=menuitem]").evaluateAll((all) => all.map((e) => e.dataset.action)), ["open"]);
  await it.page.keyboard.press("Escape");
  await it.frame.locator(row("notes.txt") + " a").click();
  assert.equal((await tellsOf(it, "file-pick")).data.resource.name, "notes.txt");
  await it.frame.locator(row("Documents") + " a").click();
  await it.frame.locator(row("letter.txt") + " [role=gridcell]").first().click();
  await it.frame.locator("form button[type=submit]").click();
  await it.page.waitForFunction(() => window.told.filter((t) => t.name === "opencloud-embed:file-pick").length === 2);
  assert.equal((await it.told("file-pick"))[1].data.resource.path, "/Documents/letter.txt");
  await it.frame.locator("button:has-text('New')").click();
  assert.deepEqual(await it.frame.locator("[role=menuitem]").evaluateAll((all) => all.map((e) => e.dataset.action)), ["folder"]);
  await it.page.keyboard.press("Escape");
  await it.frame.locator("body").evaluate(() => location.reload()); // what the page wants is still known
  await it.frame.locator(row("letter.txt")).waitFor();
  await it.frame.locator("form button:has-text('Cancel')").waitFor();
});

test("several are chosen, or links to them are made; on a phone", { skip }, async () => {
  const it = await around(partner, `?${delegated}`, { size: { width: 390, height: 844 } });
  await it.frame.locator(row("notes.txt")).waitFor();
  await it.frame.locator("[data-list] :is(input[aria-label='Select notes.txt'])").check();
  await it.frame.locator("[data-list] :is(input[aria-label='Select table.csv'])").check();
  await it.frame.locator("form >> text=2 selected").waitFor();
  await picture(it.page, "embed-resources-phone");
  assert.ok(await fillsFrame(it.frame));
  const small = await it.frame.locator("form button:visible").evaluateAll((all) => all.filter((e) => e.getBoundingClientRect().height < 44).length);
  assert.equal(small, 0);
  await it.frame.locator("form button[type=submit]").click();
  assert.deepEqual((await tellsOf(it, "select")).data.map((r) => r.name).sort(), ["notes.txt", "table.csv"]);
  await it.frame.locator("form button:has-text('Share links')").click();
  const { data } = await tellsOf(it, "share-links");
  assert.equal(data.length, 2);
  for (const { url, password } of data) {
    assert.match(url, /\/s\/\w+$/);
    assert.ok(password?.length >= 8); // as the server wants one
  }
  await tellsOf(it, "share");
});

test("a page of another origin gets nothing, and its token is not taken", { skip }, async () => {
  const foreign = await around("https://foreign.example", `?${delegated}&embed-delegate-authentication-origin=https://foreign.example&embed-target=file`);
  await foreign.frame.locator("text=You are signed out").waitFor();
  await picture(foreign.page, "embed-signed-out");
  await foreign.frame.locator("body").evaluate((_, t) => parent.postMessage({ name: "opencloud-embed:probe", data: !!t }, "*"), token); // messages do arrive
  await tellsOf(foreign, "probe");
  await foreign.page.evaluate((t) => document.querySelector("iframe").contentWindow.postMessage({ name: "opencloud-embed:update-token", data: { access_token: t } }, "*"), token);
  await foreign.page.waitForTimeout(1000);
  assert.equal(await foreign.frame.locator("[role=row]").count(), 0);
  assert.deepEqual((await foreign.page.evaluate(() => window.told)).map((t) => t.name), ["opencloud-embed:probe"]);
});

test("somebody who is signed in chooses in a foreign page: it is not told", { skip }, async () => {
  const page = await open(browser);
  pages.push(page);
  await signIn(page, "mary", "demo");
  await page.waitForSelector(row("notes.txt"));
  const kept = await page.evaluate(() => Object.entries(localStorage).find(([k]) => k.startsWith("oc_oAuth.user:")));
  const foreign = await around("https://foreign.example", "?embed=true&embed-target=file", { signedIn: kept });
  await foreign.frame.locator(row("notes.txt") + " a").click();
  await foreign.frame.locator("button:has-text('Cancel')").click();
  await foreign.page.waitForTimeout(500);
  assert.deepEqual(await foreign.page.evaluate(() => window.told), []);
  const ours = await around(partner, "?embed=true&embed-target=file", { signedIn: kept });
  await ours.frame.locator(row("notes.txt") + " a").click();
  assert.equal((await tellsOf(ours, "file-pick")).data.resource.name, "notes.txt");
});

test("outside of a frame there is nothing to choose, and others may not have us in a frame", { skip }, async () => {
  const page = await open(browser);
  pages.push(page);
  await signIn(page, "mary", "demo", "/?embed=true");
  await page.waitForSelector(row("notes.txt"));
  assert.equal(await page.locator("text=Cancel").count(), 0);
  const other = await around("https://evil.example", "?embed=true");
  await other.page.waitForTimeout(1000);
  assert.equal(await other.frame.locator("#app").count(), 0);
});
