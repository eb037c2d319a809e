// Uploads in a real browser, over a connection that is slow and breaks.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { base, dav, fab, launch, look, open, picture, row, served, signIn } from "./web.js";
import { relay } from "./relay.js";

const skip = await served();
const [user, password] = ["mary", "demo"];
const mary = (method, path, body, headers) => dav(user, password, method, "/dav/files/mary" + path, body, headers);
const text = async (path) => (await mary("GET", path)).text;
const panel = "section[aria-label=Uploads]";
const desk = mkdtempSync(join(tmpdir(), "desk-")); // the person's own files
const MiB = 1 << 20;
const patience = process.env.OC_E2E_BIG ? 1_200_000 : 120_000; // ms
let browser, line, page;

before(async () => {
  if (skip) return;
  line = await relay(base);
  browser = await launch(line.flag);
  page = await open(browser);
  page.on("dialog", (d) => d.accept()); // "leave this page?"
  await signIn(page, user, password, "/files/spaces/personal/mary");
  await page.waitForSelector(fab);
});
after(async () => {
  await browser?.close();
  line?.close();
  rmSync(desk, { recursive: true });
});

// file writes one of the person's files.
function file(name, content = name) {
  const path = join(desk, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, content);
  return path;
}

// big writes a large one and returns its path and checksum.
function big(name, size) {
  const path = join(desk, name);
  const hash = createHash("sha1");
  const f = openSync(path, "w");
  for (let left = size; left > 0; left -= 8 * MiB) {
    const part = randomBytes(Math.min(8 * MiB, left));
    hash.update(part);
    writeSync(f, part);
  }
  closeSync(f);
  return [path, hash.digest("hex").toUpperCase()];
}

// begin makes a folder, with some files in it, and shows it.
async function begin(name, files = {}) {
  await mary("DELETE", "/" + name); // of an earlier run
  await mary("MKCOL", "/" + name);
  for (const [path, content] of Object.entries(files)) {
    if (path.endsWith("/")) await mary("MKCOL", `/${name}/${path}`);
    else await mary("PUT", `/${name}/${path}`, content);
  }
  line.slow();
  await page.goto(base + "/status.php"); // leaves what a test that failed left
  await page.evaluate(() => Object.keys(localStorage).filter((k) => k.startsWith("oc_uploads.")).forEach((k) => localStorage.removeItem(k)));
  await page.goto(`${base}/files/spaces/personal/mary/${name}`);
  await page.waitForSelector(fab);
  await page.waitForSelector(Object.keys(files).length ? "[role=row][data-id]" : "text=Nothing is here yet");
}

async function choose(paths, action = "upload-files") {
  const chooser = page.waitForEvent("filechooser");
  await page.click(fab);
  await page.click(`[data-action=${action}]`);
  await (await chooser).setFiles(paths);
}

const says = (text, timeout) => page.waitForSelector(`${panel} h2:has-text("${text}")`, { timeout: timeout ?? 15_000 });
const sum = async (path) => /SHA1:([0-9A-Fa-f]+)/.exec((await mary("PROPFIND", path, '<propfind xmlns="DAV:" xmlns:oc="http://owncloud.org/ns"><prop><oc:checksums/></prop></propfind>', { Depth: "0" })).text)?.[1].toUpperCase();
const part = async () => Number(await page.getAttribute(`${panel} [role=progressbar]`, "aria-valuenow"));
async function beyond(percent) {
  await page.waitForFunction(([panel, percent]) => Number(document.querySelector(`${panel} [role=progressbar]`)?.getAttribute("aria-valuenow")) >= percent, [panel, percent], { timeout: patience });
}
const close = () => page.click(`${panel} button[aria-label=Close]`);
const end = () => assert.deepEqual(page.faults, []);

test("files by the chooser: empty ones, odd names", { skip }, async () => {
  await begin("chosen");
  await choose([file("one.txt"), file("empty.txt", ""), file("Übergrößen & “more” #1 %20.txt")]);
  await says("3 files were uploaded");
  await page.waitForSelector(row("one.txt"));
  await page.waitForSelector(row("Übergrößen & “more” #1 %20.txt"));
  assert.equal(await text("/chosen/one.txt"), "one.txt");
  assert.equal(await text("/chosen/empty.txt"), "");
  await look(page, "uploads-done");
  await close();
  await page.waitForSelector(panel, { state: "detached" });
  end();
});

test("a folder tree by the chooser", { skip }, async () => {
  for (const name of ["album/cover.txt", "album/2026/one.txt", "album/2026/deep/two.txt"]) file(name);
  await begin("tree");
  await choose(join(desk, "album"), "upload-folder");
  await says("3 files were uploaded");
  await page.waitForSelector(row("album"));
  for (const name of ["album/cover.txt", "album/2026/one.txt", "album/2026/deep/two.txt"]) assert.equal(await text("/tree/" + name), name);
  await close();
  end();
});

test("files and trees dropped from the desktop, empty folders too", { skip }, async () => {
  for (const name of ["dropped/a.txt", "dropped/in/b.txt"]) file(name);
  mkdirSync(join(desk, "dropped", "nothing"), { recursive: true });
  await begin("drop");
  const cdp = await page.context().newCDPSession(page);
  const drag = (type, x = 700) => cdp.send("Input.dispatchDragEvent", { type, x, y: 300, data: { items: [], files: [join(desk, "dropped"), file("beside.txt")], dragOperationsMask: 1 } });
  await drag("dragEnter");
  await drag("dragOver");
  await page.waitForSelector("text=Drop files here");
  await picture(page, "uploads-drop");
  await drag("dragOver", 100); // out again, over the navigation
  await page.waitForSelector("text=Drop files here", { state: "detached" });
  await drag("dragEnter");
  await drag("dragOver");
  await drag("drop");
  await says("3 files were uploaded");
  assert.equal(await page.locator("text=Drop files here").count(), 0);
  for (const name of ["dropped/a.txt", "dropped/in/b.txt", "beside.txt"]) assert.equal(await text("/drop/" + name), name);
  assert.equal((await mary("PROPFIND", "/drop/dropped/nothing", undefined, { Depth: "0" })).status, 207);
  await close();
  end();
});

test("progress, pause, resume, cancel; several at once", { skip }, async () => {
  const [first, sumOfFirst] = big("first.bin", 12 * MiB);
  const [second] = big("second.bin", 12 * MiB);
  await begin("slow");
  line.slow(6_000_000);
  await choose([first, second]);
  await says("Uploading 2 files");
  await beyond(10);
  await page.waitForSelector(`${panel} >> text=/MB of 25 MB · .*\\/s · \\d+ (sec|min) left/`);
  line.slow(20_000); // pictures take their time
  await look(page, "uploads-running");
  await page.click(`${panel} button[aria-label="Pause first.bin"]`);
  await page.waitForSelector(`${panel} button[aria-label="Resume first.bin"]`);
  await page.click(`${panel} button[aria-label="Cancel second.bin"]`);
  await says("1 upload is paused");
  const paused = await part();
  assert.ok(paused > 0 && paused < 100, `${paused} %`);
  await page.waitForTimeout(600);
  assert.equal(await part(), paused);
  line.slow();
  await page.click(`${panel} button[aria-label="Resume all"]`);
  await says("1 file was uploaded");
  assert.equal(await sum("/slow/first.bin"), sumOfFirst);
  assert.equal((await mary("GET", "/slow/second.bin")).status, 404);
  await close();
  end();
});

test("by keyboard alone: from the menu to the end", { skip }, async () => {
  const [path] = big("keys.bin", 8 * MiB);
  await begin("keys");
  line.slow(1_000_000);
  const chooser = page.waitForEvent("filechooser");
  await page.focus(fab);
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=menu]");
  for (let i = 0; i < 8 && !(await page.locator("[role=menu] [data-action=upload-files][data-highlighted]").count()); i++) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await (await chooser).setFiles([path, file("other.txt")]);
  await page.waitForSelector(`${panel} button[aria-label="Pause keys.bin"]`);
  const press = async (label, key = "Enter") => {
    await page.focus(`${panel} button[aria-label="${label}"]`);
    await page.keyboard.press(key);
  };
  await press("Pause keys.bin");
  await page.waitForSelector(`${panel} button[aria-label="Resume keys.bin"]`);
  await press("Fold the list away", "Space");
  await page.waitForSelector(`${panel} ul`, { state: "detached" });
  await page.waitForSelector(`${panel} button[aria-label="Show the list"]:focus`);
  await page.keyboard.press("Space");
  await press("Resume keys.bin");
  await page.waitForSelector(`${panel} button[aria-label="Pause keys.bin"]`);
  // at phone width nothing is too small, and the list keeps out of the way of the "New" button
  await page.setViewportSize({ width: 390, height: 844 });
  for (const b of await page.locator(`${panel} button`).all()) assert.ok((await b.boundingBox()).height >= 44 && (await b.boundingBox()).width >= 44, await b.getAttribute("aria-label"));
  const [box, add] = [await page.locator(panel).boundingBox(), await page.locator(fab).boundingBox()];
  assert.ok(box.y + box.height <= add.y && box.x >= 0 && box.x + box.width <= 390, JSON.stringify([box, add]));
  await page.setViewportSize({ width: 1280, height: 800 });
  await press("Cancel keys.bin");
  await says("1 file was uploaded");
  line.slow();
  await press("Close");
  await page.waitForSelector(panel, { state: "detached" });
  end();
});

const size = process.env.OC_E2E_BIG ? 2048 * MiB : 64 * MiB;
test(`${size / MiB} MiB with the network cut twice, once without the server knowing`, { skip }, async () => {
  const [path, want] = big("large.bin", size);
  await begin("large");
  line.slow(process.env.OC_E2E_BIG ? 60_000_000 : 16_000_000);
  await choose(path);
  for (const [percent, fail] of [[20, line.cut], [60, line.lose]]) {
    await beyond(percent);
    fail();
    await page.waitForSelector(`${panel} >> text=Waiting for the connection…`);
    line.mend();
  }
  await beyond(62);
  line.slow();
  await says("1 file was uploaded", patience);
  assert.equal(await sum("/large/large.bin"), want);
  await close();
  end();
});

// kept waits until so many files are kept in the browser.
const kept = (n) => page.waitForFunction(async (n) => {
  if (!(await indexedDB.databases()).some((d) => d.name === "oc_uploads")) return n === 0;
  const db = await new Promise((resolve) => (indexedDB.open("oc_uploads").onsuccess = (e) => resolve(e.target.result)));
  const count = await new Promise((resolve) => (db.transaction("files").objectStore("files").count().onsuccess = (e) => resolve(e.target.result)));
  db.close();
  return count === n;
}, n, { polling: 300 });

test("a reload: what was begun goes on by itself, what was paused waits, what was cancelled is gone", { skip }, async () => {
  const [path, want] = big("by itself.bin", 24 * MiB);
  const [second] = big("paused.bin", 4 * MiB);
  const [third] = big("cancelled.bin", 4 * MiB);
  await begin("alone", { "by itself.bin": "old" });
  line.slow(8_000_000);
  await choose([path, second, third]);
  await page.click("[role=dialog] button:text-is('Keep both')"); // it goes on by its new name
  await page.click(`${panel} button[aria-label="Pause paused.bin"]`);
  await page.click(`${panel} button[aria-label="Cancel cancelled.bin"]`);
  await kept(2);
  await beyond(50);
  const sent = [];
  const onRequest = (r) => r.method() === "PATCH" && sent.push(Number(r.headers()["upload-offset"]));
  page.on("request", onRequest);
  await page.reload();
  await page.waitForSelector(`${panel} button[aria-label="Resume paused.bin"]`);
  assert.equal(await page.locator(`${panel} >> text=cancelled.bin`).count(), 0);
  line.slow();
  await says("1 upload is paused");
  page.off("request", onRequest);
  assert.ok(Math.min(...sent) > 5 * MiB, `it began again at ${sent}`);
  assert.equal(await sum("/alone/by%20itself%20(1).bin"), want);
  await kept(1);
  await page.click(`${panel} button[aria-label="Resume paused.bin"]`);
  await says("2 files were uploaded");
  await kept(0);
  await close();
  end();
});

test("a reload: a large file that was dropped goes on after asking, by keyboard alone", { skip }, async () => {
  const [path, want] = big("dropped.bin", 100 * MiB); // too large to be kept itself
  await begin("asking");
  line.slow(30_000_000);
  const cdp = await page.context().newCDPSession(page);
  for (const type of ["dragEnter", "dragOver", "drop"]) await cdp.send("Input.dispatchDragEvent", { type, x: 700, y: 300, data: { items: [], files: [path], dragOperationsMask: 1 } });
  await kept(1);
  await beyond(10);
  line.slow();
  // A browser without a window does not ask; here it would.
  await page.addInitScript(() => {
    FileSystemHandle.prototype.queryPermission = () => Promise.resolve(sessionStorage.asks ? "prompt" : "granted");
    FileSystemHandle.prototype.requestPermission = async () => (navigator.userActivation.isActive ? (sessionStorage.refused ? "denied" : "granted") : "denied");
  });
  await page.evaluate(() => (sessionStorage.asks = sessionStorage.refused = "1"));
  await page.reload();
  await says("1 upload was interrupted");
  await look(page, "uploads-asking");
  await page.focus(`${panel} button[aria-label="Go on with dropped.bin"]`);
  await page.keyboard.press("Enter");
  await page.waitForTimeout(300);
  await says("1 upload was interrupted"); // refused: nothing changes
  await page.evaluate(() => sessionStorage.removeItem("refused"));
  await page.focus(`${panel} button:text-is("Go on")`);
  await page.keyboard.press("Enter");
  await says("1 file was uploaded", patience);
  await page.evaluate(() => sessionStorage.removeItem("asks"));
  assert.equal(await sum("/asking/dropped.bin"), want);
  await kept(0);
  await close();
  end();
});

test("two tabs: only one goes on", { skip }, async () => {
  const [path, want] = big("tabs.bin", 12 * MiB);
  await begin("tabs");
  line.slow(3_000_000);
  await choose(path);
  await kept(1);
  const other = await page.context().newPage();
  await other.goto(`${base}/files/spaces/personal/mary/tabs`);
  await other.waitForSelector(fab);
  await other.waitForTimeout(500);
  assert.equal(await other.locator(panel).count(), 0);
  line.slow();
  await says("1 file was uploaded");
  assert.equal(await sum("/tabs/tabs.bin"), want);
  await other.close();
  await close();
  end();
});

test("signing out leaves nothing, and the next person gets nothing", { skip }, async () => {
  const person = await open(browser);
  person.on("dialog", (d) => d.accept());
  const mine = page;
  try {
    page = person;
    await signIn(page, user, password, "/files/spaces/personal/mary");
    await page.waitForSelector(fab);
    const [path] = big("secret.bin", 8 * MiB);
    line.slow(500_000);
    await choose(path);
    await kept(1);
    await page.click("button[aria-label^='Account']");
    await page.click("[data-action=sign-out]");
    await page.waitForURL((u) => !u.pathname.startsWith("/files"));
    line.slow();
    await page.goto(base + "/status.php");
    assert.deepEqual(await page.evaluate(async () => [(await indexedDB.databases()).length, Object.keys(localStorage).filter((k) => k.startsWith("oc_uploads"))]), [0, []]);
    // somebody whose session ended without signing out leaves it to nobody else
    await signIn(page, user, password, "/files/spaces/personal/mary");
    await page.waitForSelector(fab);
    line.slow(500_000);
    await choose(path);
    await kept(1);
    await page.waitForFunction(() => Object.keys(localStorage).some((k) => k.startsWith("oc_uploads")));
    line.slow();
    await page.goto(base + "/status.php");
    await page.evaluate(() => Object.keys(localStorage).filter((k) => k.startsWith("oc_oAuth")).forEach((k) => localStorage.removeItem(k)));
    await page.context().clearCookies();
    await signIn(page, "alan", "demo", "/files/spaces/personal/alan");
    await page.waitForSelector(fab);
    await kept(0);
    assert.equal(await page.locator(panel).count(), 0);
    assert.deepEqual(await page.evaluate(() => Object.keys(localStorage).filter((k) => k.startsWith("oc_uploads"))), []);
    end();
  } finally {
    page = mine;
    line.slow();
    await person.context().close();
  }
});

test("a reload: a file that was not kept is chosen again and goes on", { skip }, async () => {
  const [path, want] = big("kept.bin", 24 * MiB);
  await begin("reload");
  line.slow(8_000_000);
  await choose(path);
  await beyond(45);
  await kept(1);
  await page.goto(base + "/status.php");
  await page.evaluate(() => new Promise((resolve) => (indexedDB.deleteDatabase("oc_uploads").onsuccess = resolve))); // as if it had been too large
  await page.goto(`${base}/files/spaces/personal/mary/reload`);
  await says("1 upload was interrupted");
  await look(page, "uploads-interrupted");
  // another file of this name is not taken for it
  let chooser = page.waitForEvent("filechooser");
  await page.click(`${panel} button:has-text("Choose…")`);
  await (await chooser).setFiles(file("other/kept.bin"));
  await page.waitForSelector("text=This is not the same file");
  line.slow();
  const sent = [];
  const onRequest = (r) => r.method() === "PATCH" && sent.push(Number(r.headers()["upload-offset"]));
  page.on("request", onRequest);
  chooser = page.waitForEvent("filechooser");
  await page.click(`${panel} button:has-text("Choose…")`);
  await (await chooser).setFiles(path);
  await says("1 file was uploaded");
  page.off("request", onRequest);
  assert.ok(Math.min(...sent) > 5 * MiB, `it began again at ${sent}`);
  assert.equal(await sum("/reload/kept.bin"), want);
  await close();
  end();
});

test("taken names: replace, keep both, skip, merge folders, for all", { skip }, async () => {
  await begin("taken", { "a.txt": "old", "b.txt": "old", "c.txt": "old", "album/": 0, "album/one.txt": "old", "album/stays.txt": "old" });
  const answer = async (text, name) => {
    await page.waitForSelector(`[role=dialog] >> text=“${name}” is taken here.`);
    await page.click(`[role=dialog] button:text-is("${text}")`);
  };
  await choose([file("a.txt", "new a"), file("b.txt", "new b"), file("c.txt", "new c")]);
  await page.waitForSelector("text=This file exists already");
  await look(page, "uploads-conflict");
  await answer("Replace", "a.txt");
  await answer("Keep both", "b.txt");
  await answer("Skip", "c.txt");
  await says("2 files were uploaded");
  for (const [name, content] of Object.entries({ "a.txt": "new a", "b.txt": "old", "b%20(1).txt": "new b", "c.txt": "old" })) assert.equal(await text("/taken/" + name), content, name);
  await close();
  // for all, by keyboard alone: the keys are on "Keep both"; the box is before the buttons
  await choose([join(desk, "a.txt"), join(desk, "c.txt")]);
  await page.waitForSelector("[role=dialog] button:text-is('Keep both'):focus");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Space");
  assert.ok(await page.isChecked("[role=dialog] input[type=checkbox]"));
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await says("2 files were uploaded");
  assert.equal(await text("/taken/c.txt"), "new c");
  await close();
  // a folder is filled up
  for (const name of ["album/one.txt", "album/two.txt"]) file("merge/" + name, "new");
  await choose(join(desk, "merge", "album"), "upload-folder");
  await page.waitForSelector("text=Merging puts the files into the folder");
  await look(page, "uploads-merge");
  await answer("Merge", "album");
  await says("2 files were uploaded");
  for (const [name, content] of Object.entries({ "one.txt": "new", "two.txt": "new", "stays.txt": "old" })) assert.equal(await text("/taken/album/" + name), content, name);
  await close();
  end();
});

test("what cannot be: no space, a refused file, and one that is gone; retry", { skip }, async () => {
  await begin("faults");
  // too large for the space is said before anything is sent
  await page.route("**/graph/*/me/drives*", async (route) => {
    const r = await route.fetch();
    const drives = await r.json();
    for (const d of drives.value) d.quota = { ...d.quota, total: 1000, remaining: 10 };
    await route.fulfill({ response: r, json: drives });
  });
  await page.reload();
  await page.waitForSelector(fab);
  await page.waitForSelector("text=Nothing is here yet");
  await choose(file("fat.txt", "x".repeat(100)));
  await page.waitForSelector("text=There is not enough space left for this.");
  await page.unroute("**/graph/*/me/drives*");
  await page.reload();
  await page.waitForSelector(fab);
  await page.waitForSelector("text=Nothing is here yet");
  // the server refuses: first for lack of space, then it takes it
  let refused = 0;
  await page.route(/\/dav\/spaces\//, (route) => (route.request().method() === "POST" && route.request().headers()["upload-metadata"]?.includes(btoa("refused.txt")) && refused++ < 1 ? route.fulfill({ status: 507, body: "" }) : route.fallback()));
  await choose([file("refused.txt"), file("fine.txt")]);
  await says("1 upload failed");
  await page.waitForSelector(`${panel} >> text=There is not enough space left.`);
  await look(page, "uploads-failed");
  await page.click(`${panel} button[aria-label="Retry refused.txt"]`);
  await says("2 files were uploaded");
  await page.unroute(/\/dav\/spaces\//);
  assert.equal(await text("/faults/refused.txt"), "refused.txt");
  await close();
  // a file that is deleted before its turn
  const [path] = big("deleted.bin", 8 * MiB);
  line.slow(2_000_000);
  await choose(path);
  await beyond(10);
  await page.click(`${panel} button[aria-label="Pause deleted.bin"]`);
  rmSync(path);
  line.slow();
  await page.click(`${panel} button[aria-label="Resume deleted.bin"]`);
  await page.waitForSelector(`${panel} >> text=The file was changed or is no longer there.`);
  await page.click(`${panel} button[aria-label="Cancel deleted.bin"]`);
  await page.waitForSelector(panel, { state: "detached" });
  end();
});

test("1,000 small files: one request each, and the page stays smooth", { skip }, async () => {
  const many = 1000;
  const folder = join(desk, "thousand");
  mkdirSync(folder);
  for (let i = 0; i < many; i++) writeFileSync(join(folder, `file ${i}.txt`), `content of ${i}`);
  await begin("many");
  let requests = 0;
  const count = (r) => ["POST", "PATCH", "PUT", "HEAD"].includes(r.method()) && requests++;
  page.on("request", count);
  await page.evaluate(() => {
    window.longest = 0;
    let last = performance.now();
    const frame = (now) => {
      window.longest = Math.max(window.longest, now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const started = Date.now();
  await choose(folder, "upload-folder");
  await says(`${many} files were uploaded`, 240_000);
  const seconds = (Date.now() - started) / 1000;
  page.off("request", count);
  const longest = await page.evaluate(() => window.longest);
  const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
  assert.ok(nodes < 2_000, `${nodes} nodes`);
  console.log(`1,000 files: ${seconds.toFixed(1)} s, ${requests} requests, the longest time between two frames ${Math.round(longest)} ms`);
  assert.ok(requests <= many + 10, `${requests} requests`);
  const listing = (await mary("PROPFIND", "/many/thousand", '<propfind xmlns="DAV:" xmlns:oc="http://owncloud.org/ns"><prop><oc:checksums/></prop></propfind>', { Depth: "1" })).text;
  const sums = new Map([...listing.matchAll(/<d:href>[^<]*\/([^/<]+)<\/d:href>.*?SHA1:([0-9A-Fa-f]+)/gs)].map((m) => [decodeURIComponent(m[1]), m[2].toLowerCase()]));
  assert.equal(sums.size, many);
  for (let i = 0; i < many; i++) assert.equal(sums.get(`file ${i}.txt`), createHash("sha1").update(`content of ${i}`).digest("hex"), `file ${i}`);
  await close();
  end();
});
