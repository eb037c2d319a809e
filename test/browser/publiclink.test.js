// What a link opens to somebody without an account, in a real browser against the real server.
import { test, before, after, afterEach } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { base, dav, launch, look, open, picture, row, served, signIn } from "./web.js";

const skip = await served();
const mary = (method, path, body, headers) => dav("mary", "demo", method, path, body, headers);
const files = (path) => "/dav/files/mary/public" + path;
const password = "Secret-1!";
const desk = mkdtempSync(join(tmpdir(), "desk-")); // the visitor's own files
let browser, page; // the page of a visitor
const links = {};

before(async () => {
  if (skip) return;
  browser = await launch();
  await mary("MKCOL", "/dav/files/mary/public");
  for (const folder of ["view", "view/inner", "upload", "edit", "drop", "internal"]) await mary("MKCOL", files("/" + folder));
  for (const file of ["/view/a.txt", "/view/inner/b.txt", "/upload/there.txt", "/edit/old.txt", "/drop/secret name.txt", "/internal/for us.txt", "/one.txt", "/outside.txt"]) await mary("PUT", files(file), "text of " + file);
  for (const [name, item, type] of [["view", "view", "view"], ["upload", "upload", "upload"], ["edit", "edit", "edit"], ["drop", "drop", "createOnly"], ["internal", "internal", "internal"], ["one", "one.txt", "view"], ["gone", "view/inner", "view"]]) links[name] = await link(item, type);
  page = await open(browser);
});
after(async () => {
  await browser?.close();
  rmSync(desk, { recursive: true });
});
afterEach(async (t) => {
  if (t.error && page) await picture(page, `fail-${t.name.slice(0, 20)}`);
});

// link makes a link to something of Mary's and returns its address and ids.
async function link(item, type, more = {}) {
  const id = /<oc:fileid>([^<]*)/.exec((await mary("PROPFIND", files("/" + item), undefined, { Depth: "0" })).text)[1];
  const url = `/graph/v1beta1/drives/${encodeURIComponent(id.split("!")[0])}/items/${encodeURIComponent(id)}`;
  const r = await mary("POST", url + "/createLink", JSON.stringify({ type, ...(type === "internal" ? {} : { password }), ...more }), { "Content-Type": "application/json" });
  assert.equal(r.status, 200, r.text);
  const made = JSON.parse(r.text);
  return { url: made.link.webUrl, permission: `${url}/permissions/${encodeURIComponent(made.id)}` };
}
// enter opens a link with its password.
async function enter(p, name) {
  await p.goto(links[name].url);
  await p.waitForSelector("h1:has-text('This link has a password')");
  await p.fill("input[type=password]", password);
  await p.keyboard.press("Enter");
}
const there = async (path) => (await mary("PROPFIND", files(path), undefined, { Depth: "0" })).status === 207;

test("the password page, and a folder to look at", { skip }, async () => {
  await page.goto(links.view.url);
  await page.waitForSelector("h1:has-text('This link has a password')");
  assert.equal(await page.locator("text=a.txt").count(), 0);
  await look(page, "link-password");
  await page.fill("input[type=password]", "wrong");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=alert]:has-text('The password is wrong.')");
  await look(page, "link-wrong");
  await page.fill("input[type=password]", password);
  await page.keyboard.press("Enter");
  await page.waitForSelector(row("a.txt"));
  await page.waitForSelector("header >> text=Shared by Mary Kenneth Keller");
  await look(page, "link-files");
  // To look, and nothing else.
  assert.equal(await page.locator("button:has-text('New')").count(), 0);
  await page.click(row("a.txt"), { button: "right" });
  await page.waitForSelector("[role=menu]");
  for (const action of ["rename", "delete", "delete-for-good", "cut", "share", "quick-link", "favourite"]) assert.equal(await page.locator(`[role=menu] [data-action=${action}]`).count(), 0, action);
  await page.keyboard.press("Escape");
});

test("a visitor goes about by keyboard: into a folder, to a file and back", { skip }, async () => {
  await page.focus("[role=grid] [tabindex='0']");
  await page.keyboard.press("Home");
  await page.waitForSelector(row("inner") + "[aria-selected=true]");
  await page.keyboard.press("Enter");
  await page.waitForSelector(row("b.txt"));
  await page.goBack();
  await page.waitForSelector(row("a.txt"));
  await page.click(`${row("a.txt")} a`);
  await page.waitForSelector("text=text of /view/a.txt");
  await page.click("button[aria-label=Close]");
  await page.waitForSelector(row("a.txt"));
});

test("downloads: a file, and all as an archive", { skip }, async () => {
  await page.click(`${row("a.txt")} [role=gridcell] >> nth=2`);
  let download = page.waitForEvent("download");
  await page.click("[role=toolbar] [data-action=download]");
  assert.equal(readFileSync(await (await download).path(), "utf8"), "text of /view/a.txt");
  await page.keyboard.press("Escape");
  download = page.waitForEvent("download");
  await page.click("button:has-text('Download all')");
  const archive = await download;
  assert.match(archive.suggestedFilename(), /\.(zip|tar)$/);
  const content = readFileSync(await archive.path()).toString("latin1");
  assert.ok(content.includes("b.txt") && !content.includes("outside.txt"));
});

test("after a reload the password is asked again, and the place is kept", { skip }, async () => {
  await page.click(`${row("inner")} a`);
  await page.waitForSelector(row("b.txt"));
  await page.reload();
  await page.fill("input[type=password]", password);
  await page.keyboard.press("Enter");
  await page.waitForSelector(row("b.txt"));
});

test("a link to one file", { skip }, async () => {
  await enter(page, "one");
  await page.waitForSelector("h1:has-text('one.txt')");
  await look(page, "link-file");
  const download = page.waitForEvent("download");
  await page.click("button:has-text('Download')");
  assert.equal((await download).suggestedFilename(), "one.txt");
  await page.click("button:has-text('View')");
  await page.waitForSelector("text=text of /one.txt");
  await page.click("button[aria-label=Close]");
  await page.waitForSelector("h1:has-text('one.txt')");
});

test("a link to add files: seen, added, nothing taken away", { skip }, async () => {
  await enter(page, "upload");
  await page.waitForSelector(row("there.txt"));
  await page.click("button:has-text('New')");
  await look(page, "link-new");
  await choose(page, () => page.click("[data-action=upload-files]"), "added.txt");
  await page.waitForSelector(row("added.txt"));
  assert.equal((await mary("GET", files("/upload/added.txt"))).text, "from a visitor");
  await page.click(row("there.txt"), { button: "right" });
  await page.waitForSelector("[role=menu]");
  for (const action of ["rename", "delete-for-good", "cut"]) assert.equal(await page.locator(`[role=menu] [data-action=${action}]`).count(), 0, action);
  await page.keyboard.press("Escape");
});

test("a link to change everything: folder, rename, delete", { skip }, async () => {
  await enter(page, "edit");
  await page.waitForSelector(row("old.txt"));
  await page.click("button:has-text('New')");
  await page.click("[data-action=folder]");
  await page.fill("[role=dialog] input", "by a visitor");
  await page.keyboard.press("Enter");
  await page.waitForSelector(row("by a visitor"));
  await page.click(`${row("old.txt")} [role=gridcell] >> nth=2`);
  await page.keyboard.press("Delete");
  await page.waitForSelector("[role=dialog]:has-text('Delete “old.txt”?')");
  await look(page, "link-delete");
  await page.click("[role=dialog] button:has-text('Delete')");
  await page.waitForSelector(row("old.txt"), { state: "detached" });
  assert.ok(await there("/edit/by%20a%20visitor"));
  assert.ok(!(await there("/edit/old.txt")));
});

test("a file drop: files go in, names are never seen", { skip }, async () => {
  const seen = [];
  const listen = async (r) => seen.push(await r.text().catch(() => ""));
  page.on("response", listen);
  await enter(page, "drop");
  await page.waitForSelector("h1:has-text('drop')");
  await look(page, "link-drop");
  await choose(page, () => page.press("button:has-text('Upload files')", "Enter"), "secret name.txt");
  await page.waitForFunction(() => !document.querySelector("[role=progressbar]"));
  for (let i = 0; i < 50 && !(await there("/drop/secret%20name%20(1).txt")); i++) await page.waitForTimeout(100);
  const names = [...(await mary("PROPFIND", files("/drop"), undefined, { Depth: "1" })).text.matchAll(/<d:href>[^<]*\/drop\/([^<]+)/g)].map((m) => decodeURIComponent(m[1]));
  assert.equal(names.length, 2, names.join()); // the old one stays, and the new one is there beside it
  assert.equal((await mary("GET", files("/drop/secret%20name.txt"))).text, "text of /drop/secret name.txt");
  await look(page, "link-dropped");
  page.off("response", listen);
  assert.ok(!seen.some((s) => s.includes("text of /drop")));
  for (const path of ["", "/secret%20name.txt"]) assert.ok((await dav("public", password, path ? "GET" : "PROPFIND", `/dav/public-files/${links.drop.url.split("/").pop()}${path}`, undefined, { Depth: "1" })).text.indexOf("secret") < 0);
});

test("a file drop: files and a folder are dragged there, with progress", { skip }, async () => {
  mkdirSync(join(desk, "parcel/inner"), { recursive: true });
  for (const name of ["one.bin", "two.bin", "parcel/three.txt", "parcel/inner/four.txt"]) writeFileSync(join(desk, name), name.repeat(name.endsWith("bin") ? 200_000 : 1));
  const seen = [];
  const listen = async (r) => ["PROPFIND", "GET"].includes(r.request().method()) && r.url().includes("/dav/") && seen.push(await r.text().catch(() => ""));
  page.on("response", listen);
  await enter(page, "drop");
  await page.waitForSelector("h1:has-text('drop')");
  const cdp = await page.context().newCDPSession(page);
  const drag = (type, y = 400) => cdp.send("Input.dispatchDragEvent", { type, x: 640, y, data: { items: [], files: ["one.bin", "two.bin", "parcel"].map((n) => join(desk, n)), dragOperationsMask: 1 } });
  const lit = "section[aria-label=Upload] .bg-tint";
  await drag("dragEnter");
  await drag("dragOver");
  await page.waitForSelector(lit);
  await picture(page, "link-drag");
  await drag("dragOver", 20); // out again, over the bar
  await page.waitForSelector(lit, { state: "detached" });
  await cdp.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 500_000 });
  await drag("dragEnter");
  await drag("dragOver");
  await drag("drop");
  await page.waitForSelector("section[aria-label=Uploads] [role=progressbar]");
  await picture(page, "link-dropping");
  await cdp.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  await page.waitForSelector("section[aria-label=Uploads] h2:has-text('4 files were uploaded')", { timeout: 60_000 });
  assert.equal((await mary("GET", files("/drop/parcel/inner/four.txt"))).text, "parcel/inner/four.txt");
  for (const name of ["one.bin", "two.bin", "parcel/three.txt"]) assert.equal((await mary("GET", files("/drop/" + name))).text.length, readFileSync(join(desk, name)).length);
  assert.equal(await page.locator("[role=row], [role=grid]").count(), 0);
  page.off("response", listen);
  assert.ok(!seen.some((s) => /secret|parcel|one\.bin/.test(s)), seen.join("\n"));
});

// choose gives a file to a file chooser.
async function choose(p, click, name) {
  const chooser = p.waitForEvent("filechooser");
  await click();
  await (await chooser).setFiles({ name, mimeType: "text/plain", buffer: Buffer.from("from a visitor") });
}

test("links that are gone, and such that never were", { skip }, async () => {
  await enter(page, "gone");
  await page.waitForSelector(row("b.txt"));
  assert.equal((await mary("DELETE", links.gone.permission)).status, 204);
  for (const url of [links.gone.url, base + "/s/nnnnnnnnnnnnnnn"]) {
    await page.goto(url);
    await page.waitForSelector("h1:has-text('This link is not there')");
  }
  await look(page, "link-gone");
});

test("a link that expires, one that is removed and one that gets another password while somebody is there", { skip }, async () => {
  links.removed = await link("view", "view");
  links.changed = await link("view", "view");
  const end = Date.now() + 20_000;
  links.short = await link("view", "view", { expirationDateTime: new Date(end).toISOString() });
  for (const [name, ends] of [
    ["short", () => page.waitForTimeout(Math.max(0, end - Date.now()))],
    ["removed", () => mary("DELETE", links.removed.permission)],
  ]) {
    await enter(page, name);
    await page.waitForSelector(row("inner"));
    await page.waitForSelector(`header >> text=${name === "short" ? "until" : "Shared by"}`);
    await ends();
    await page.click(`${row("inner")} a`);
    await page.waitForSelector("h1:has-text('This link is not there')");
    await page.waitForSelector("text=It may have expired or been taken back.");
    assert.equal(await page.locator("[role=row]").count(), 0);
    await page.reload();
    await page.waitForSelector("h1:has-text('This link is not there')");
  }
  await enter(page, "changed");
  await page.waitForSelector(row("inner"));
  const other = "Another-2!";
  assert.ok((await mary("POST", links.changed.permission + "/setPassword", JSON.stringify({ password: other }), { "Content-Type": "application/json" })).status < 300);
  await page.click(`${row("inner")} a`);
  await page.waitForSelector("h1:has-text('This link has a password')");
  await page.fill("input[type=password]", other);
  await page.keyboard.press("Enter");
  await page.waitForSelector(row("b.txt"));
});

test("too many wrong passwords", { skip }, async () => {
  const token = links.edit.url.split("/").pop();
  await page.goto(links.edit.url);
  await page.fill("input[type=password]", "wrong");
  const guess = async () => (await dav("public", "wrong", "PROPFIND", `/dav/public-files/${token}`)).status;
  for (let i = 0; i < 40 && (await page.locator("[role=alert]:has-text('too many')").count()) === 0; i++) {
    for (let j = 0; j < 40 && (await guess()) !== 429; j++);
    await page.keyboard.press("Enter");
    await page.waitForTimeout(200);
  }
  await page.waitForSelector("[role=alert]:has-text('There were too many wrong passwords.')");
  assert.match(await page.locator("[role=alert]").textContent(), /Try again in \d+ (second|minute)s?\./);
  // Who has to wait longer is told so, and can go on then.
  await page.route("**/dav/public-files/**", (route) => route.fulfill({ status: 429, headers: { "Retry-After": "200" } }));
  await page.goto(links.edit.url);
  await page.waitForSelector("[role=alert]:has-text('Try again in 4 minutes.')");
  await page.waitForSelector("button[type=submit]:disabled");
  await look(page, "link-wait");
  await page.unroute("**/dav/public-files/**");
  await page.route("**/dav/public-files/**", (route) => route.fulfill({ status: 429, headers: { "Retry-After": "1" } }));
  await page.reload();
  await page.waitForSelector("button[type=submit]:disabled");
  await page.waitForSelector("button[type=submit]:enabled");
  await page.unroute("**/dav/public-files/**");
});

test("an internal link: sign in, then there; who has no access is told so", { skip }, async () => {
  const hers = await open(browser);
  await hers.goto(links.internal.url);
  await hers.fill("#oc-login-username", "mary");
  await hers.fill("#oc-login-password", "demo");
  await hers.click("button.primary");
  await hers.waitForSelector(row("for us.txt"));
  assert.match(new URL(hers.url()).pathname, /^\/files\/spaces\/personal\/mary\/public\/internal/);
  await enter(hers, "view"); // who has an account may come by a link as well
  await hers.waitForSelector(row("a.txt"));
  await hers.waitForSelector("header >> text=To my files");
  const his = await open(browser);
  await signIn(his, "alan", "demo", new URL(links.internal.url).pathname);
  await his.waitForSelector("h1:has-text('This link is for people with access')");
  await look(his, "link-members");
  for (const p of [page, hers, his]) assert.deepEqual(p.faults, []);
});

test("on a phone", { skip }, async () => {
  const phone = await open(browser, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await enter(phone, "view");
  await phone.tap(`${row("inner")} [role=gridcell] >> nth=1`);
  await phone.waitForSelector(row("b.txt"));
  for (const [name, w, h] of await phone.locator("header button:visible, main button:visible").evaluateAll((all) => all.map((e) => [e.outerHTML.slice(0, 120), e.getBoundingClientRect().width, e.getBoundingClientRect().height]))) {
    if (!name.includes("columnheader") && !name.includes("-mx-2")) assert.ok(w >= 44 && h >= 44, `${name} ${w}x${h}`);
  }
  await enter(phone, "drop");
  await choose(phone, () => phone.tap("button:has-text('Upload files')"), "by finger.txt");
  await phone.waitForSelector("section[aria-label=Uploads] h2:has-text('1 file was uploaded')");
  await picture(phone, "link-drop-touch");
  assert.deepEqual(phone.faults, []);
});
