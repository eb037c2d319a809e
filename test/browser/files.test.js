// The client's list of files in a real browser, against the real server.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { base, dav, fab, launch, look, open, row, served, signIn } from "./web.js";

const skip = await served();
const [user, password] = ["mary", "demo"];
const mary = (method, path, body, headers) => dav(user, password, method, "/dav/files/mary" + path, body, headers);
const there = async (path) => (await mary("PROPFIND", path, undefined, { Depth: "0" })).status === 207;
let browser;
before(async () => {
  if (skip) return;
  browser = await launch();
  for (const folder of ["/work", "/work/target"]) await mary("MKCOL", folder);
  for (const name of ["a.txt", "b.txt", "c.txt", "keep me.txt", "with “quotes” & <b>.txt", ".hidden"]) await mary("PUT", "/work/" + encodeURIComponent(name), name);
  await mary("PUT", "/work/target/b.txt", "the other");
});
after(() => browser?.close());

async function begin(path = "/files/spaces/personal/mary/work", options = {}) {
  const page = await open(browser, options);
  await signIn(page, user, password, path);
  await page.waitForSelector("[role=row][data-id]");
  return page;
}
const end = (page) => assert.deepEqual(page.faults, []);

test("a stranger gets to the sign-in page and back to where they were going, within the budget", { skip }, async () => {
  const page = await open(browser);
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Network.enable");
  let bytes = 0;
  const requests = [];
  cdp.on("Network.loadingFinished", (e) => (bytes += e.encodedDataLength));
  page.on("requestfinished", async (r) => requests.push([r.url(), await r.response().catch(() => null)]));
  await signIn(page, user, password, "/files/spaces/personal/mary/work?fileId=x");
  await page.waitForSelector(row("a.txt"));
  const sent = [];
  for (const [url, response] of requests) if (!(response && (await response.fromServiceWorker()))) sent.push(url);
  assert.equal(new URL(page.url()).pathname, "/files/spaces/personal/mary/work");
  assert.match(await page.title(), /work - Personal - OpenCloud/);
  assert.ok(bytes < 350_000, `${bytes} bytes`);
  console.log(`first load: ${sent.length} requests finished, ${bytes} bytes`);
  // what a stranger could see of it
  const stranger = await open(browser);
  await stranger.goto(base + "/files/spaces/personal/mary/work");
  await stranger.waitForSelector("#oc-login-username");
  assert.equal(await stranger.locator("text=a.txt").count(), 0);
  end(page);
});

test("pages look well", { skip }, async () => {
  const page = await begin();
  await look(page, "files");
  await page.click(row("a.txt"));
  await look(page, "files-selected");
  await page.click(row("a.txt"), { button: "right" });
  await page.waitForSelector("[role=menu]");
  await look(page, "files-menu");
  await page.keyboard.press("Escape");
  await page.click("button[aria-label=View]");
  await page.click("[data-action=tiles]");
  await look(page, "files-tiles");
  await page.click("button[aria-label=View]");
  await page.click("[data-action=condensed]");
  await look(page, "files-condensed");
  await page.keyboard.press("?");
  await page.waitForSelector("[role=dialog]");
  await look(page, "keys");
  await page.keyboard.press("Escape");
  await page.click("button[aria-label=Details]");
  await page.waitForSelector("aside dl");
  await look(page, "files-details");
  await page.click("aside button[aria-label=Close]");
  for (const [path, name] of [["/files/spaces/projects", "spaces"], ["/files/shares/with-me", "shares"], ["/files/favorites", "favourites"], ["/files/trash", "trash"], ["/nowhere", "not-found"], ["/files/spaces/personal/mary/none", "no-folder"], ["/files/spaces/personal/mary/work/target", "small-folder"]]) {
    await page.goto(base + path);
    await page.waitForSelector("main h1, main h2");
    await page.waitForTimeout(500);
    await look(page, name);
  }
  end(page);
});

test("create, rename, delete and undo, by keyboard alone", { skip }, async () => {
  const page = await begin();
  await page.keyboard.press("n");
  await page.waitForSelector("[role=dialog] input");
  await page.keyboard.type("work/x");
  await page.keyboard.press("Enter");
  await page.waitForSelector("text=A name cannot contain a slash.");
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("by keys");
  await page.keyboard.press("Enter");
  await page.waitForSelector(row("by keys"));
  assert.ok(await there("/work/by%20keys"));
  // Tab leads into the list; arrows to the folder, which comes first
  await page.focus("[role=grid] [tabindex='0']");
  await page.keyboard.press("Home");
  await page.keyboard.press("F2");
  await page.waitForSelector("[role=grid] input:not([type=checkbox])");
  await page.waitForTimeout(200);
  await page.keyboard.type("by keys 2");
  await page.keyboard.press("Enter");
  await page.waitForSelector(row("by keys 2"));
  await page.waitForTimeout(300);
  assert.ok(await there("/work/by%20keys%202"));
  await page.keyboard.press("Delete");
  await page.waitForSelector("text=“by keys 2” is in the trash.");
  assert.equal(await page.locator(row("by keys 2")).count(), 0);
  assert.ok(!(await there("/work/by%20keys%202")));
  await page.click("text=Undo");
  await page.waitForSelector(row("by keys 2"));
  assert.ok(await there("/work/by%20keys%202"));
  await page.focus("[role=grid] [tabindex='0']");
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  await page.waitForSelector("text=Nothing is here yet");
  await page.keyboard.press("Backspace");
  await page.waitForSelector(row("a.txt"));
  end(page);
});

test("a text file from the New button", { skip }, async () => {
  const page = await begin();
  await page.click(fab);
  await page.click("[data-action=text]");
  await page.fill("[role=dialog] input", "b.txt");
  await page.waitForSelector("text=This name is taken.");
  await page.fill("[role=dialog] input", "from “New”.txt");
  await page.click("[role=dialog] button:has-text('Create')");
  await page.waitForSelector(row("from “New”.txt"));
  end(page);
});

test("selecting by mouse, and copying where a name is taken", { skip }, async () => {
  const page = await begin();
  await page.click(row("a.txt"));
  await page.click(row("c.txt"), { modifiers: ["Shift"] });
  await page.waitForSelector("[role=toolbar] >> text=3 selected");
  await page.click(row("c.txt"), { modifiers: ["ControlOrMeta"] });
  await page.waitForSelector("[role=toolbar] >> text=2 selected");
  await page.keyboard.press("ControlOrMeta+C");
  await page.dblclick(row("target"));
  await page.waitForSelector("h1:has-text('target')");
  await page.waitForSelector(row("b.txt"));
  await page.keyboard.press("ControlOrMeta+V");
  await page.waitForSelector("text=This file exists already");
  await look(page, "conflict");
  await page.click("text=Keep both");
  await page.waitForSelector(row("b (1).txt"));
  assert.equal((await mary("GET", "/work/target/b%20(1).txt")).text, "b.txt");
  assert.equal((await mary("GET", "/work/target/b.txt")).text, "the other");
  assert.ok(await there("/work/a.txt"));
  end(page);
});

test("dragging into a folder, and undo", { skip }, async () => {
  const page = await begin();
  await page.dragAndDrop(row("keep me.txt"), row("target"));
  await page.waitForSelector("text=“keep me.txt” was moved.");
  assert.ok(await there("/work/target/keep%20me.txt"));
  await page.click("text=Undo");
  await page.waitForSelector(row("keep me.txt"));
  assert.ok(await there("/work/keep%20me.txt"));
  end(page);
});

test("favourites, hidden files, search", { skip }, async () => {
  const page = await begin();
  await page.click(row("c.txt"));
  await page.click("[role=toolbar] [data-action=favourite]");
  await page.waitForSelector(row("c.txt") + " [aria-label=Favourite]");
  await page.click("nav >> text=Favourites");
  await page.waitForSelector("main h1:has-text('Favourites')");
  await page.waitForSelector(row("c.txt"));
  await page.goBack();
  await page.waitForSelector(row("a.txt"));
  assert.equal(await page.locator(row(".hidden")).count(), 0);
  await page.click("button[aria-label=View]");
  await page.click("[data-action=hidden]");
  await page.waitForSelector(row(".hidden"));
  await page.keyboard.press("/");
  await page.keyboard.type("hidd");
  await page.waitForFunction(() => document.querySelectorAll("[role=row][data-id]").length === 1);
  await page.keyboard.press("Escape");
  await page.waitForSelector(row("a.txt"));
  end(page);
});

test("below a list: how much is in it; above: the folder's readme, folded by key", { skip }, async () => {
  await mary("MKCOL", "/told");
  await mary("MKCOL", "/told/sub");
  await mary("PUT", "/told/ReadMe.md", "# What this is\n\nA folder with *notes*.\n\n- one\n- two\n");
  await mary("PUT", "/told/notes.tar.gz", "x".repeat(2500));
  const page = await begin("/files/spaces/personal/mary/told");
  const readme = "section[aria-label='Readme of this folder']";
  await page.waitForSelector(`${readme} h2:text-is("What this is")`);
  assert.match(await page.innerText("[data-foot]"), /^1 folder · 2 files · 2.6 kB$/);
  await look(page, "files-readme");
  await page.focus(`${readme} button`);
  await page.keyboard.press("Enter");
  await page.waitForSelector(`${readme} h2`, { state: "detached" });
  await page.waitForSelector(`${readme} button[aria-expanded=false]:focus`);
  await page.reload();
  await page.waitForSelector(`${readme} button[aria-expanded=false]`);
  await page.focus(`${readme} button`);
  await page.keyboard.press("Space");
  await page.waitForSelector(`${readme} h2`);
  // another version is shown at once
  await mary("PUT", "/told/ReadMe.md", "# Something else\n");
  await page.reload();
  await page.waitForSelector(`${readme} h2:text-is("Something else")`);
  await page.dblclick(row("sub"));
  await page.waitForSelector("text=Nothing is here yet");
  assert.equal(await page.locator(readme).count(), 0);
  end(page);
});

test("how lists look: extensions and sizes of tiles, by keyboard alone", { skip }, async () => {
  await mary("MKCOL", "/looks");
  for (const name of ["notes.tar.gz", "a long name of a file that nobody can read to its end in a tile.txt", "x.pdf"]) await mary("PUT", "/looks/" + encodeURIComponent(name), name);
  const page = await begin("/files/spaces/personal/mary/looks");
  const option = async (id) => {
    await page.focus("button[aria-label=View]");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[role=menu]");
    for (let i = 0; i < 12 && !(await page.locator(`[role=menu] [data-action=${id}][data-highlighted]`).count()); i++) await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[role=menu]", { state: "detached" });
    await page.waitForSelector("button[aria-label=View]:focus");
  };
  const shown = () => page.innerText(`a[title="notes.tar.gz"]`);
  assert.equal((await shown()).replace("\n", ""), "notes.tar.gz");
  await option("extensions");
  assert.equal((await shown()).trim(), "notes");
  await page.reload();
  await page.waitForSelector("[role=row][data-id]");
  assert.equal((await shown()).trim(), "notes");
  await page.focus("[role=grid] [tabindex='0']");
  await page.keyboard.press("Home");
  await page.keyboard.press("F2"); // who renames sees the whole name
  await page.waitForFunction(() => /\.(txt|pdf|gz)$/.test(document.querySelector("[role=grid] input:not([type=checkbox]):focus")?.value));
  await page.keyboard.press("Escape");
  await page.waitForSelector("[role=row]:focus");
  await option("tiles");
  const width = () => page.locator("[role=grid] [data-id]").first().evaluate((e) => e.getBoundingClientRect().width);
  const widths = [];
  for (const size of ["small", "medium", "large"]) {
    await option(`tiles-${size}`);
    widths.push(await width());
    await look(page, `files-tiles-${size}`);
  }
  assert.ok(widths[0] < widths[1] && widths[1] < widths[2], `${widths}`);
  await page.focus("[role=grid] [tabindex='0']");
  await page.keyboard.press("End");
  await page.waitForSelector("[role=toolbar] >> text=1 selected");
  await page.click("nav >> text=Favourites"); // it is the same there
  await page.waitForSelector("main h1:has-text('Favourites')");
  await page.waitForSelector("button[aria-label=View]");
  end(page);
});

test("downloads: one file, several as an archive", { skip }, async () => {
  const page = await begin();
  await page.click(row("a.txt"));
  let download = page.waitForEvent("download");
  await page.click("[role=toolbar] [data-action=download]");
  assert.equal((await download).suggestedFilename(), "a.txt");
  await page.click(row("b.txt"), { modifiers: ["Shift"] });
  download = page.waitForEvent("download");
  await page.click("[role=toolbar] [data-action=download]");
  assert.match((await download).suggestedFilename(), /\.(zip|tar)$/);
  end(page);
});

test("trash: restore, delete for good", { skip }, async () => {
  await mary("PUT", "/work/gone.txt", "x");
  await mary("DELETE", "/work/gone.txt");
  const page = await begin();
  await page.click("nav >> text=Trash");
  await page.click("button[aria-label='Restore gone.txt']");
  await page.waitForSelector("text=1 item was restored.");
  assert.ok(await there("/work/gone.txt"));
  await mary("DELETE", "/work/gone.txt");
  await page.reload();
  await page.click("li:has-text('gone.txt') label");
  await page.click("button:has-text('Delete for good')");
  await look(page, "trash-ask");
  await page.click("[role=dialog] button:has-text('Delete for good')");
  await page.waitForSelector("text=Deleted for good.");
  assert.equal(await page.locator("li:has-text('gone.txt')").count(), 0);
  end(page);
});

test("trash: by keyboard alone, and at phone width", { skip }, async () => {
  const [k1, k2, k3] = [1, 2, 3].map((n) => `key ${process.pid} ${n}.txt`);
  for (const name of [k1, k2, k3]) {
    await mary("PUT", "/work/" + encodeURIComponent(name), "x");
    await mary("DELETE", "/work/" + encodeURIComponent(name));
  }
  const page = await begin();
  await page.goto(base + `/files/trash/personal/mary?q=${process.pid}`);
  const box = (name) => `li:has-text("${name}") input`;
  await page.waitForSelector(box(k1));
  assert.match(await page.innerText("[data-foot]"), /^\d+ files? · \d+ bytes?$/);
  await page.focus(box(k1));
  await page.keyboard.press("Space");
  await page.waitForSelector("h1:has-text('1 selected')");
  await page.focus("button:has-text('Delete for good')");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=dialog]");
  await page.keyboard.press("Escape");
  await page.waitForSelector("[role=dialog]", { state: "detached" });
  await page.waitForSelector("button:has-text('Delete for good'):focus");
  await page.focus("main button:text-is('Restore')");
  await page.keyboard.press("Enter");
  await page.waitForSelector("text=1 item was restored.");
  assert.ok(await there("/work/" + encodeURIComponent(k1)));
  await page.setViewportSize({ width: 390, height: 844 });
  await page.waitForSelector(box(k2));
  await page.click(`li:has-text("${k2}") label`);
  for (const b of await page.locator("main button:visible, main li label:visible").all()) assert.ok((await b.boundingBox()).height >= 44, await b.innerText());
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await page.click("main button:text-is('Restore')");
  await page.waitForSelector("text=1 item was restored.");
  await page.click(`button[aria-label="Restore ${k3}"]`);
  await page.waitForSelector(box(k3), { state: "detached" });
  assert.ok((await there("/work/" + encodeURIComponent(k2))) && (await there("/work/" + encodeURIComponent(k3))));
  end(page);
});

test("phone: navigation, touch", { skip }, async () => {
  const page = await begin(undefined, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await page.tap("button[aria-label=Navigation]");
  await page.waitForSelector("nav >> text=Trash");
  await look(page, "phone-nav");
  await page.tap("button[aria-label=Navigation]"); // it had been closed by the width of a desktop
  await page.tap("nav >> text=Personal");
  await page.waitForSelector(row("work"));
  await page.tap(row("work") + " [role=gridcell] >> nth=1"); // opens, as nothing is selected
  await page.waitForSelector(row("a.txt"));
  await page.tap(row("a.txt") + " [role=gridcell] >> nth=0");
  await page.tap(row("b.txt") + " [role=gridcell] >> nth=1");
  await page.waitForSelector("[role=toolbar] >> text=2 selected");
  const [foot, add] = [await page.locator("[data-foot]").boundingBox(), await page.locator(fab).boundingBox()];
  assert.ok(add.y + add.height <= foot.y, "what is below the list is to be read");
  for (const box of await page.locator("main button:visible").evaluateAll((all) => all.map((e) => [e.outerHTML.slice(0, 120), e.getBoundingClientRect()].map((x) => (x.height === undefined ? x : { w: x.width, h: x.height }))))) {
    if (box[0].includes("columnheader") || box[0].includes("-mx-2")) continue;
    assert.ok(box[1].h >= 44, JSON.stringify(box));
  }
  end(page);
});

test("signing out", { skip }, async () => {
  const page = await begin();
  await page.click("button[aria-label^='Account']");
  await page.click("[data-action=sign-out]");
  await page.waitForURL((u) => !u.pathname.startsWith("/files"));
  await page.goto(base + "/files/spaces/personal/mary/work");
  await page.waitForTimeout(1000);
  assert.equal(await page.locator("text=a.txt").count(), 0);
  end(page);
});

test("other languages", { skip }, async () => {
  for (const [locale, word] of [["de-DE", "Papierkorb"], ["fr-FR", "Corbeille"], ["es-ES", "Papelera"]]) {
    const page = await begin(undefined, { locale });
    await page.waitForSelector(`nav >> text=${word}`);
    assert.equal(await page.evaluate(() => document.documentElement.lang), locale.slice(0, 2));
    end(page);
  }
});
