// The sidebar about what is chosen: details, tags, versions; and the way back from the trash.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { base, dav, launch, look, open, row, served, signIn } from "./web.js";

const skip = await served();
const mary = (method, path, body, headers) => dav("mary", "demo", method, "/dav/files/mary" + path, body, headers);
const tags = async (name) => (/<oc:tags>([^<]*)/.exec((await mary("PROPFIND", "/side/" + encodeURIComponent(name), '<?xml version="1.0"?><d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:tags/></d:prop></d:propfind>', { Depth: "0" })).text)?.[1] ?? "").split(",").filter(Boolean).sort();
const long = `${"a very long name that goes on ".repeat(5)}.txt`;
let browser, page;
// pick chooses a row beside its name, which would open it.
const pick = (name, options) => page.locator(row(name)).locator("[role=gridcell]").nth(2).click(options);

before(async () => {
  if (skip) return;
  browser = await launch();
  for (const folder of ["/side", "/side/inner"]) await mary("MKCOL", folder);
  for (const text of ["one", "two two", "three three three"]) assert.ok((await mary("PUT", "/side/paper.txt", text)).status < 300);
  for (const name of ["other.txt", "third.txt", long]) await mary("PUT", "/side/" + encodeURIComponent(name), name);
  page = await open(browser);
  await signIn(page, "mary", "demo", "/files/spaces/personal/mary/side");
  await page.waitForSelector(row("paper.txt"));
});
after(() => browser?.close());
const fine = () => assert.deepEqual(page.faults, []);
const tab = (name) => page.click(`aside [role=tab]:has-text("${name}")`);

test("details: of one, of a long name, of several, of the folder", { skip }, async () => {
  await pick("paper.txt");
  await page.click("button[aria-label=Details]");
  await page.waitForSelector("aside h2:has-text('paper.txt')");
  assert.match(await page.locator("aside dl").textContent(), /17 bytes/);
  await pick(long);
  await page.waitForSelector("aside h2:has-text('a very long name')");
  await look(page, "sidebar-long");
  await pick("other.txt");
  await pick("third.txt", { modifiers: ["ControlOrMeta"] });
  await page.waitForSelector("aside h2:has-text('2 selected')");
  assert.match(await page.locator("aside dl").textContent(), /18 bytes/);
  assert.equal(await page.locator("aside [role=tab]:has-text('Versions')").count(), 0);
  await look(page, "sidebar-several");
  await page.focus("[role=grid] [tabindex='0']");
  await page.keyboard.press("Escape");
  await page.waitForSelector("aside h2:has-text('side')");
  fine();
});

test("tags: added, several at once, taken away; nobody else's", { skip }, async () => {
  await pick("paper.txt");
  await page.waitForSelector("aside h2:has-text('paper.txt')");
  const field = page.locator("aside input[aria-label='Another tag']");
  await field.fill("invoice");
  await page.keyboard.press("Enter");
  await page.waitForSelector("aside li:has-text('invoice')");
  await field.fill("2026, été");
  await page.keyboard.press("Enter");
  await page.waitForSelector("aside li:has-text('été')");
  assert.deepEqual(await tags("paper.txt"), ["2026", "invoice", "été"]);
  await look(page, "sidebar-tags");
  await page.click("aside button[aria-label='Remove the tag “2026”']");
  await page.waitForSelector("aside li:has-text('2026')", { state: "detached" });
  assert.deepEqual(await tags("paper.txt"), ["invoice", "été"]);
  await pick("inner");
  await page.waitForSelector("aside h2:has-text('inner')");
  await field.fill("folder");
  await page.keyboard.press("Enter");
  await page.waitForSelector("aside li:has-text('folder')");
  const path = "/graph/v1.0/extensions/org.libregraph/tags";
  assert.deepEqual(JSON.parse((await dav("mary", "demo", "GET", path)).text).value, ["folder", "invoice", "été"]);
  assert.deepEqual(JSON.parse((await dav("alan", "demo", "GET", path)).text).value, []);
  assert.equal((await dav("", "", "GET", path)).status, 401);
  const id = await page.locator(row("paper.txt")).getAttribute("data-id");
  assert.equal((await dav("alan", "demo", "PUT", path, JSON.stringify({ resourceId: id, tags: ["x"] }), { "Content-Type": "application/json" })).status, 404);
  fine();
});

test("versions: listed, loaded, restored", { skip }, async () => {
  await pick("paper.txt");
  await tab("Versions");
  await page.waitForSelector("aside li:has-text('7 bytes')");
  assert.equal(await page.locator("aside li").count(), 2);
  await look(page, "sidebar-versions");
  const download = page.waitForEvent("download");
  await page.locator("aside li", { hasText: "3 bytes" }).locator("button[aria-label^=Download]").click();
  const stream = await (await download).createReadStream();
  let text = "";
  for await (const part of stream) text += part;
  assert.equal(text, "one");
  await page.locator("aside li", { hasText: "7 bytes" }).locator("button[aria-label^=Restore]").click();
  await page.waitForSelector("text=/is the current one now/");
  assert.equal((await mary("GET", "/side/paper.txt")).text, "two two");
  await page.waitForSelector("aside li:has-text('17 bytes')"); // what was the current one
  await pick("other.txt");
  await page.waitForSelector("text=There are no older versions.");
  fine();
});

test("a favourite, and no longer", { skip }, async () => {
  await pick("third.txt");
  await page.click("[role=toolbar] [data-action=favourite]");
  await page.waitForSelector(row("third.txt") + " [aria-label=Favourite]");
  await page.click("[role=toolbar] [data-action=unfavourite]");
  await page.waitForSelector(row("third.txt") + " [aria-label=Favourite]", { state: "detached" });
  await page.click("aside button[aria-label=Close]");
  await page.waitForSelector("aside", { state: "detached" });
  fine();
});

test("the trash: restored to a name that is taken, and to a folder that is gone", { skip }, async () => {
  await mary("DELETE", "/side/other.txt");
  await mary("PUT", "/side/other.txt", "a new one");
  await mary("PUT", "/side/inner/deep.txt", "deep");
  await mary("DELETE", "/side/inner/deep.txt");
  await mary("DELETE", "/side/inner");
  await page.goto(base + "/files/trash");
  await page.click("button[aria-label='Restore other.txt']");
  await page.waitForSelector("[role=dialog]");
  await look(page, "trash-conflict");
  await page.keyboard.press("Escape");
  await page.waitForSelector("[role=dialog]", { state: "detached" });
  assert.equal((await mary("GET", "/side/other.txt")).text, "a new one");
  await page.click("button[aria-label='Restore other.txt']");
  await page.click("[role=dialog] >> text=Keep both");
  await page.waitForSelector("text=1 item was restored.");
  assert.equal((await mary("GET", "/side/other%20(1).txt")).text, "other.txt");
  assert.equal((await mary("GET", "/side/other.txt")).text, "a new one");
  await page.click("button[aria-label='Restore deep.txt']");
  await page.waitForSelector("li:has-text('deep.txt')", { state: "detached" });
  assert.equal((await mary("GET", "/side/inner/deep.txt")).text, "deep");
  await mary("DELETE", "/side/third.txt");
  await mary("PUT", "/side/third.txt", "newer");
  await page.reload();
  await page.click("button[aria-label='Restore third.txt']");
  await page.click("[role=dialog] >> text=Replace");
  await page.waitForSelector("text=1 item was restored.");
  assert.equal((await mary("GET", "/side/third.txt")).text, "third.txt");
  fine();
});

test("phone: the sidebar fills the screen", { skip }, async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(base + "/files/spaces/personal/mary/side?details=details");
  await page.waitForSelector("aside dl");
  const box = await page.locator("aside").boundingBox();
  assert.deepEqual([box.x, box.width], [0, 390]);
  const small = await page.locator("aside :is(button, input):visible").evaluateAll((all) => all.map((e) => [e.getAttribute("aria-label") ?? e.textContent, e.getBoundingClientRect()]).filter(([, b]) => b.width < 44 || b.height < 44).map(([l, b]) => `${l} ${b.width}×${b.height}`));
  assert.deepEqual(small, []);
  await page.click("aside button[aria-label=Close]");
  await page.waitForSelector("aside", { state: "detached" });
  fine();
});
