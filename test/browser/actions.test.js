// What moves data about, in a real browser: copying, moving, dragging, questions about names, undo, archives.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { base, dav, launch, look, open, picture, row, served, signIn } from "./web.js";

const skip = await served();
const [user, password] = ["admin", process.env.ADMIN_PASSWORD]; // who may make spaces
const drive = (id, method, path, body, headers) => dav(user, password, method, `/dav/spaces/${encodeURIComponent(id)}${path}`, body, headers);
const toast = (text) => `section[aria-label=Messages] >> text=${text}`;
let browser, page, home, project;

before(async () => {
  if (skip) return;
  const { value } = JSON.parse((await dav(user, password, "GET", "/graph/v1.0/me/drives")).text);
  home = value.find((d) => d.driveType === "personal").id;
  project = JSON.parse((await dav(user, password, "POST", "/graph/v1.0/drives", JSON.stringify({ name: `The project ${process.pid}` }), { "Content-Type": "application/json" })).text);
  browser = await launch();
  page = await open(browser);
  await signIn(page, user, password, "/files/spaces/personal/admin");
  await page.waitForSelector("main h1");
});
after(() => browser?.close());

// begin makes a folder anew with what is given ("x/" is a folder) and shows it.
async function begin(name, files, on = page) {
  await drive(home, "DELETE", "/" + name);
  await drive(home, "MKCOL", "/" + name);
  for (const [path, content] of Object.entries(files)) await (path.endsWith("/") ? drive(home, "MKCOL", `/${name}/${path}`) : drive(home, "PUT", `/${name}/${path}`, content));
  await on.goto(`${base}/files/spaces/personal/admin/${name}`);
  await on.waitForSelector("[role=row][data-id]");
}
const text = async (path, id = home) => (await drive(id, "GET", path)).text;
const status = async (path, id = home) => (await drive(id, "PROPFIND", path, undefined, { Depth: "0" })).status;
const hide = async () => {
  for (const b of await page.locator("section[aria-label=Messages] button[aria-label=Close]").all()) await b.click().catch(() => undefined);
};
const choose = async (...names) => {
  for (const [i, name] of names.entries()) await page.click(row(name), i ? { modifiers: ["ControlOrMeta"] } : {});
  await page.waitForSelector(`[role=toolbar] >> text=${names.length} selected`);
};
const menu = async (target, action) => {
  await page.click(target, { button: "right" });
  await page.click(`[role=menu] [data-action=${action}]`);
};
const end = () => assert.deepEqual(page.faults, []);

test("cut and paste by keys into a folder, and undo", { skip }, async () => {
  await begin("cut", { "a.txt": "a", "b.txt": "b", "stays.txt": "s", "in/": 0 });
  await choose("a.txt", "b.txt");
  await page.keyboard.press("ControlOrMeta+X");
  await page.waitForSelector(toast("2 items are cut and can be pasted."));
  await page.keyboard.press("Escape");
  await page.dblclick(row("in"));
  await page.waitForSelector("h1:has-text('in')");
  await page.waitForSelector("text=Nothing is here yet");
  await page.keyboard.press("ControlOrMeta+V");
  await page.waitForSelector(toast("2 items were moved."));
  await page.waitForSelector(row("b.txt"));
  assert.deepEqual([await text("/cut/in/a.txt"), await status("/cut/a.txt")], ["a", 404]);
  await page.click(toast("Undo"));
  await page.waitForSelector("text=Nothing is here yet");
  assert.deepEqual([await text("/cut/a.txt"), await text("/cut/b.txt"), await status("/cut/in/a.txt")], ["a", "b", 404]);
  // what was cut is pasted once
  await page.keyboard.press("ControlOrMeta+V");
  await page.waitForTimeout(300);
  assert.equal(await status("/cut/in/a.txt"), 404);
  end();
});

test("copy and paste by the menu, into the same folder and into another space", { skip }, async () => {
  await begin("copy", { "a.txt": "a", "tree/": 0, "tree/deep.txt": "deep" });
  await hide();
  await page.click(row("a.txt"));
  await page.click(row("tree"), { modifiers: ["ControlOrMeta"] });
  await menu(row("tree"), "copy");
  await page.keyboard.press("Escape");
  await menu("[data-list] > [role=rowgroup]", "paste"); // beside the rows: into the folder that is shown
  await page.waitForSelector(row("a (1).txt"));
  await page.waitForSelector(row("tree (1)"));
  assert.equal(await text("/copy/tree%20(1)/deep.txt"), "deep");
  await page.click("nav >> text=Spaces");
  await page.click(`text=${project.name}`);
  await page.waitForSelector(`h1:has-text("${project.name}")`);
  await page.keyboard.press("ControlOrMeta+V");
  await page.waitForSelector(row("tree"));
  assert.deepEqual([await text("/tree/deep.txt", project.id), await text("/a.txt", project.id), await text("/copy/a.txt")], ["deep", "a", "a"]);
  end();
});

test("dragging: several into a folder, with Ctrl as copies, onto the way, and not into themselves", { skip }, async () => {
  await begin("drag", { "a.txt": "a", "b.txt": "b", "target/": 0 });
  await hide();
  await choose("a.txt", "b.txt");
  await page.dragAndDrop(row("b.txt"), row("target"));
  await page.waitForSelector(toast("2 items were moved."));
  assert.deepEqual([await text("/drag/target/a.txt"), await status("/drag/a.txt")], ["a", 404]);
  await hide();
  await page.dblclick(row("target"));
  await page.waitForSelector(row("a.txt"));
  await page.dragAndDrop(row("a.txt"), "nav[aria-label='Way to this folder'] >> text=drag");
  await page.waitForSelector(toast("“a.txt” was moved."));
  assert.deepEqual([await text("/drag/a.txt"), await status("/drag/target/a.txt")], ["a", 404]);
  await hide();
  await page.click("nav[aria-label='Way to this folder'] >> text=drag");
  await page.waitForSelector(row("target"));
  await page.keyboard.down("Control");
  await page.dragAndDrop(row("a.txt"), row("target"));
  await page.keyboard.up("Control");
  await page.waitForSelector(toast("“a.txt” was copied."));
  assert.deepEqual([await text("/drag/a.txt"), await text("/drag/target/a.txt")], ["a", "a"]);
  await page.dragAndDrop(row("target"), row("target"));
  await page.waitForTimeout(200);
  assert.equal(await status("/drag/target/target"), 404);
  end();
});

test("taken names when moving: skip, replace, keep both, for all, and giving up", { skip }, async () => {
  await begin("names", { "a.txt": "new", "b.txt": "new", "c.txt": "new", "d/": 0, "in/": 0, "in/a.txt": "old", "in/b.txt": "old", "in/c.txt": "old", "in/d/": 0, "in/d/x.txt": "x" });
  await hide();
  const into = async (...names) => {
    await page.keyboard.press("Escape");
    await choose(...names);
    await page.dragAndDrop(row(names[0]), row("in"));
    await page.waitForSelector("[role=dialog]");
  };
  await into("a.txt", "b.txt");
  await page.keyboard.press("Escape");
  await page.waitForSelector("[role=dialog]", { state: "detached" });
  assert.deepEqual([await text("/names/in/a.txt"), await text("/names/a.txt")], ["old", "new"]);
  await into("a.txt", "b.txt");
  await page.click("[role=dialog] >> text=Skip");
  await page.waitForSelector("[role=dialog] >> text=“b.txt” is taken here.");
  await page.click("[role=dialog] >> text=Replace");
  await page.waitForSelector(toast("“b.txt” was moved."));
  assert.deepEqual([await text("/names/in/a.txt"), await text("/names/in/b.txt"), await status("/names/b.txt")], ["old", "new", 404]);
  assert.equal(await page.locator(toast("Undo")).count(), 0); // what was replaced would be lost
  await hide();
  // files and folders are answered apart; by keys alone
  await into("a.txt", "c.txt", "d");
  await page.waitForSelector("[role=dialog] button:text-is('Keep both'):focus");
  if ((await page.locator("[role=dialog] >> text=This folder").count()) === 1) {
    await look(page, "conflict-folder");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[role=dialog] >> text=This file");
  }
  await page.check("[role=dialog] input[type=checkbox]");
  await page.focus("[role=dialog] button:text-is('Keep both')");
  await page.keyboard.press("Enter");
  await page.waitForSelector(toast("3 items were moved."));
  assert.deepEqual([await text("/names/in/a%20(1).txt"), await text("/names/in/c%20(1).txt"), await status("/names/in/d%20(1)"), await status("/names/in/d/x.txt")], ["new", "new", 207, 207]);
  end();
});

test("delete several, and undo", { skip }, async () => {
  await begin("gone", { "a.txt": "a", "tree/": 0, "tree/deep.txt": "deep", "stays.txt": "s" });
  await hide();
  await choose("a.txt", "tree");
  await page.keyboard.press("Delete");
  await page.waitForSelector(toast("2 items are in the trash."));
  assert.equal(await page.locator(row("tree")).count(), 0);
  assert.equal(await status("/gone/tree"), 404);
  await page.click(toast("Undo"));
  await page.waitForSelector(row("tree"));
  assert.deepEqual([await text("/gone/tree/deep.txt"), await text("/gone/a.txt")], ["deep", "a"]);
  end();
});

test("an archive holds what was chosen, with its folders", { skip }, async () => {
  await begin("pack", { "a.txt": "content of a", "tree/": 0, "tree/deep.txt": "content of deep", "not.txt": "not" });
  await hide();
  await choose("a.txt", "tree");
  const download = page.waitForEvent("download");
  await page.click("[role=toolbar] [data-action=download]");
  const file = await (await download).path();
  const name = (await download).suggestedFilename();
  const list = name.endsWith(".zip") ? execFileSync("python3", ["-c", "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); print('\\n'.join(z.namelist())); print(z.read('tree/deep.txt').decode())", file]) : execFileSync("tar", ["-xOvf", file], { stdio: ["ignore", "pipe", "pipe"] });
  assert.match(list.toString(), /content of deep/);
  assert.doesNotMatch(list.toString(), /^not/m);
  end();
});

test("phone: a question about a name, by touch", { skip }, async () => {
  const context = await browser.newContext({ storageState: await page.context().storageState(), ignoreHTTPSErrors: true, locale: "en-GB", viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, reducedMotion: "reduce" });
  context.setDefaultTimeout(15_000);
  const phone = await context.newPage();
  await phone.goto(base + "/files/spaces/personal/admin");
  await phone.waitForSelector("#oc-login-username, main h1");
  if (await phone.locator("#oc-login-username").count()) await signIn(phone, user, password, "/files/spaces/personal/admin");
  await phone.waitForSelector("main h1");
  await begin("touch", { "a.txt": "new", "in/": 0, "in/a.txt": "old" }, phone);
  await phone.tap(row("a.txt") + " [role=gridcell] >> nth=0");
  await phone.tap("[role=toolbar] button[aria-label=More]");
  await phone.tap("[role=menu] [data-action=cut]");
  await phone.tap("[role=toolbar] button[aria-label='Clear selection']");
  await phone.tap(row("in") + " [role=gridcell] >> nth=1");
  await phone.waitForSelector("h1:has-text('in')");
  await phone.waitForSelector(row("a.txt"));
  // pasting without a mouse or keys: by the folder's own menu
  await phone.tap("button[aria-label='Paste']");
  await phone.waitForSelector("[role=dialog] >> text=This file exists already");
  await picture(phone, "conflict-touch");
  for (const b of await phone.locator("[role=dialog] button").all()) assert.ok((await b.boundingBox()).height >= 44, await b.innerText());
  await phone.tap("[role=dialog] >> text=Keep both");
  await phone.waitForSelector(row("a (1).txt"));
  assert.deepEqual([await text("/touch/in/a%20(1).txt"), await text("/touch/in/a.txt"), await status("/touch/a.txt")], ["new", "old", 404]);
  await context.close();
});
