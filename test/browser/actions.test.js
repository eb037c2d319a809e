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

test("a folder that meets another is merged: questions about files within, and undo, by keyboard alone", { skip }, async () => {
  const files = { "d/": 0, "d/both.txt": "new", "d/mine.txt": "mine", "d/deep/": 0, "d/deep/y.txt": "y", "in/": 0, "in/d/": 0, "in/d/both.txt": "old", "in/d/deep/": 0, "in/d/deep/x.txt": "x" };
  await begin("merge", files);
  await hide();
  await choose("d");
  await page.keyboard.press("ControlOrMeta+X");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForSelector("h1:has-text('in')");
  await page.waitForSelector(row("d"));
  await page.keyboard.press("ControlOrMeta+V");
  await page.waitForSelector("[role=dialog] >> text=This folder exists already");
  await look(page, "conflict-merge");
  await page.keyboard.press("Shift+Tab");
  await page.waitForSelector("[role=dialog] button:text-is('Merge'):focus");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=dialog] >> text=“both.txt” is taken here.");
  await page.keyboard.press("Enter"); // keep both
  await page.waitForSelector(toast("3 items were moved."));
  assert.deepEqual([await text("/merge/in/d/both.txt"), await text("/merge/in/d/both%20(1).txt"), await text("/merge/in/d/mine.txt"), await text("/merge/in/d/deep/y.txt"), await text("/merge/in/d/deep/x.txt"), await status("/merge/d")], ["old", "new", "mine", "y", "x", 404]);
  await page.click(toast("Undo"));
  for (let n = 0; n < 50 && (await status("/merge/d/deep/y.txt")) !== 207; n++) await page.waitForTimeout(100);
  await page.waitForTimeout(300);
  for (const [path, content] of Object.entries(files)) assert.equal(content ? await text(`/merge/${path}`) : await status(`/merge/${path}`), content || 207, path);
  assert.deepEqual([await status("/merge/in/d/mine.txt"), await status("/merge/in/d/deep/y.txt")], [404, 404]);
  end();
});

test("a folder from the trash is merged into the one that is there", { skip }, async () => {
  await begin("returned", { "d/": 0, "d/both.txt": "old", "d/gone.txt": "gone" });
  await drive(home, "DELETE", "/returned/d");
  await drive(home, "MKCOL", "/returned/d");
  await drive(home, "PUT", "/returned/d/both.txt", "new");
  await page.goto(`${base}/files/trash/personal/admin?q=d`);
  await page.click("li:has-text('/returned') button[aria-label='Restore d']");
  await page.click("[role=dialog] button:text-is('Merge')");
  await page.waitForSelector("[role=dialog] >> text=“both.txt” is taken here.");
  await page.click("[role=dialog] button:text-is('Skip')");
  await page.waitForSelector(toast("1 item was restored."));
  assert.deepEqual([await text("/returned/d/gone.txt"), await text("/returned/d/both.txt"), await status("/returned/d%20(1)")], ["gone", "new", 404]);
  await page.waitForSelector("li:has-text('d (1)')"); // what was skipped
  end();
});

test("long work shows how far it is, and can be stopped", { skip }, async () => {
  await begin("long", { "target/": 0, ...Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`${i}.txt`, "x"])) });
  await hide();
  await page.route("**/dav/spaces/**", async (route) => {
    if (route.request().method() === "MOVE") await new Promise((resolve) => setTimeout(resolve, 900));
    await route.fallback();
  });
  await page.keyboard.press("ControlOrMeta+A");
  await page.click(row("target"), { modifiers: ["ControlOrMeta"] });
  await page.dragAndDrop(row("0.txt"), row("target"));
  await page.waitForSelector(toast("Moving 12 items…"));
  await page.waitForFunction(() => Number(document.querySelector("section[aria-label=Messages] [role=progressbar]")?.getAttribute("aria-valuenow")) > 20);
  await picture(page, "work");
  await page.click(toast("Stop"));
  await page.waitForSelector(toast(/\d+ items were moved\./));
  await page.unroute("**/dav/spaces/**");
  const left = await page.locator("[role=row][data-id]").count();
  assert.ok(left > 1 && left < 13, `${left} are left`);
  end();
});

test("moved and copied into a folder that is picked, by keyboard alone", { skip }, async () => {
  await begin("picked", { "a.txt": "a", "b.txt": "b", "target/": 0, "target/inner/": 0, "a folder with a name that goes on and on and on, so that nobody can see the end of it at all/": 0 });
  await hide();
  const dialog = "[role=dialog]";
  const ask = async (name, action) => {
    await page.click(row(name));
    await page.keyboard.press("Shift+F10");
    await page.waitForSelector(`[role=menu] [data-action=${action}]`);
    for (let i = 0; i < 20 && !(await page.locator(`[role=menu] [data-action=${action}][data-highlighted]`).count()); i++) await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForSelector(`${dialog} input:focus`);
  };
  await ask("a.txt", "move-to");
  await page.waitForSelector(`${dialog} h2:text-is("Move “a.txt” to…")`);
  await page.waitForSelector(`${dialog} >> text=It is here already.`);
  assert.ok(await page.isDisabled(`${dialog} button:text-is("Move here")`));
  await look(page, "picker");
  await page.keyboard.press("ControlOrMeta+Enter"); // nothing, as it is refused
  await page.keyboard.type("targ");
  await page.waitForFunction(() => document.querySelectorAll("[role=dialog] [role=option]").length === 1);
  await page.keyboard.press("Enter");
  await page.waitForSelector(`${dialog} [role=option]:has-text("inner")`);
  await page.keyboard.press("ArrowRight");
  await page.waitForSelector(`${dialog} >> text=No folders are in here.`);
  await page.keyboard.press("Backspace");
  await page.waitForSelector(`${dialog} [role=option][aria-selected=true]:has-text("inner")`);
  await page.keyboard.press("Enter");
  await page.waitForSelector(`${dialog} >> text=No folders are in here.`);
  await page.keyboard.press("ControlOrMeta+Enter");
  await page.waitForSelector(toast("“a.txt” was moved."));
  assert.deepEqual([await text("/picked/target/inner/a.txt"), await status("/picked/a.txt")], ["a", 404]);
  await page.click(toast("Undo"));
  await page.waitForSelector(row("a.txt"));
  await hide();
  // closing does nothing, and the keys are where they were
  await ask("a.txt", "copy-to");
  await page.keyboard.press("Escape");
  await page.waitForSelector(dialog, { state: "detached" });
  await page.waitForSelector(`${row("a.txt")}:focus`);
  // a new folder, in another space
  await ask("b.txt", "move-to");
  await page.keyboard.press("Backspace");
  await page.waitForSelector(`${dialog} >> text=Personal`);
  await page.keyboard.press("Backspace");
  await page.waitForSelector(`${dialog} [role=option]:has-text("${project.name}")`);
  await look(page, "picker-spaces");
  await page.keyboard.type(project.name);
  await page.keyboard.press("Enter");
  await page.waitForSelector(`${dialog} >> text=Between spaces it is copied, and stays where it is.`);
  await page.focus(`${dialog} button:text-is("New folder")`);
  await page.keyboard.press("Enter");
  await page.waitForSelector(`${dialog} input[required], ${dialog} #name-form input`);
  await page.keyboard.type("made here");
  await page.keyboard.press("Enter");
  await page.waitForSelector(`${dialog} p:text-is("made here")`);
  await page.waitForSelector(`${dialog} input:focus`);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.waitForSelector(`${dialog} button:text-is("Copy here"):focus`);
  await page.keyboard.press("Enter");
  await page.waitForSelector(toast("“b.txt” was copied."));
  assert.deepEqual([await text("/made%20here/b.txt", project.id), await text("/picked/b.txt")], ["b", "b"]);
  // not into itself
  await ask("target", "copy-to");
  await page.keyboard.type("target");
  await page.keyboard.press("Enter");
  await page.waitForSelector(`${dialog} >> text=A folder cannot be put into itself.`);
  await page.keyboard.press("Escape");
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
  // into a folder that is picked
  await phone.tap(row("a (1).txt") + " [role=gridcell] >> nth=0");
  await phone.tap("[role=toolbar] button[aria-label=More]");
  await phone.tap("[role=menu] [data-action=copy-to]");
  await phone.waitForSelector("[role=dialog] [role=listbox]:focus"); // not the field: its keyboard would cover the folders
  await phone.tap("[role=dialog] button[aria-label='To the folder above']");
  await phone.waitForSelector("[role=dialog] p:text-is('touch')");
  await phone.tap("[role=dialog] [role=option]:has-text('in')");
  await phone.waitForSelector("[role=dialog] >> text=No folders are in here.");
  await phone.tap("[role=dialog] button[aria-label='To the folder above']");
  await phone.waitForSelector("[role=dialog] p:text-is('touch')");
  await picture(phone, "picker-touch");
  for (const b of await phone.locator("[role=dialog] button, [role=dialog] input, [role=option]").all()) assert.ok((await b.boundingBox()).height >= 44, await b.innerText());
  await phone.tap("[role=dialog] button:text-is('Copy here')");
  await phone.waitForSelector(toast("“a (1).txt” was copied."));
  assert.equal(await text("/touch/a%20(1).txt"), "new");
  await context.close();
});
