// Spaces in a real browser against the real server: from the first to the last day of one.
import { test, before, after, afterEach } from "node:test";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { base, dav, launch, look, open, picture, press, row, served, signIn } from "./web.js";

const skip = await served();
const margaret = (method, path, body, headers) => dav("margaret", "demo", method, path, body, headers); // a space administrator
const json = { "Content-Type": "application/json" };
const card = (name) => `article:has-text("${name}")`;
const toast = (text) => `section[aria-live] >> text=${text}`;
const member = (name) => `aside ul[aria-label=Members] li:has-text("${name}")`;
const long = "A space with quite a long name that does not fit on any card at all";
let browser, hers, his; // Margaret's page and Alan's

before(async () => {
  if (skip) return;
  browser = await launch();
  for (const name of ["Apollo", long]) await margaret("POST", "/graph/v1.0/drives?template=default", JSON.stringify({ name, description: "What takes us there" }), json);
  hers = await open(browser);
  await signIn(hers, "margaret", "demo", "/files/spaces/projects");
  await hers.waitForSelector(card("Apollo"));
});
after(() => browser?.close());
afterEach(async (t) => {
  if (t.error) for (const [name, page] of [["hers", hers], ["his", his]]) if (page) await picture(page, `fail-${t.name.slice(0, 20)}-${name}`);
});

const drives = async () => JSON.parse((await margaret("GET", "/graph/v1.0/me/drives")).text).value;
const drive = async (name) => (await drives()).find((d) => d.name === name);
// act chooses something from a space's menu, manage from that of the space that is open: by keyboard.
const act = (name, action) => choose(`button[aria-label='What to do with “${name}”']`, action);
const manage = (action) => choose("button:has-text('Manage')", action);
async function choose(button, action) {
  await press(hers, button);
  await hers.waitForSelector("[role=menu] :focus");
  await press(hers, `[role=menu] [data-action=${action}]`);
}

test("the overview, with the pictures of new spaces", { skip }, async () => {
  await hers.waitForFunction(() => document.querySelectorAll("article img").length === 2 && [...document.querySelectorAll("article img")].every((i) => i.complete && i.naturalWidth > 0));
  await look(hers, "spaces");
  await hers.click("button[aria-label='What to do with “Apollo”']");
  await hers.waitForSelector("[role=menu]");
  await look(hers, "spaces-menu");
  await hers.keyboard.press("Escape");
  await hers.fill("[role=searchbox]", "apol");
  await hers.waitForSelector(card(long), { state: "detached" });
  await hers.fill("[role=searchbox]", "");
});

test("the overview in another order, and as a table, by keyboard alone", { skip }, async () => {
  const order = () => hers.locator("main :is(article h2, tbody th)").evaluateAll((all) => all.map((e) => e.querySelector("a").textContent));
  assert.deepEqual(await order(), [long, "Apollo"]);
  const { id } = await drive("Apollo");
  await margaret("PUT", `/dav/spaces/${encodeURIComponent(id)}/large.txt`, "x".repeat(100_000));
  await hers.reload();
  await hers.waitForSelector(card("Apollo"));
  await hers.focus("main select");
  await hers.keyboard.type("By s");
  await hers.waitForFunction(() => document.querySelector("article h2 a")?.textContent === "Apollo");
  await hers.keyboard.press("Tab");
  await hers.waitForSelector("button[aria-label='Show as a table']:focus");
  await hers.keyboard.press("Enter");
  await hers.waitForSelector("tr:has-text('Apollo')");
  await hers.waitForFunction(() => document.querySelectorAll("tbody img").length === 2);
  assert.deepEqual(await order(), ["Apollo", long]);
  await look(hers, "spaces-table");
  await hers.reload(); // as it was left
  await hers.waitForSelector("tr:has-text('Apollo')");
  await hers.focus("button[aria-label='What to do with “Apollo”']");
  await hers.keyboard.press("Enter");
  await hers.waitForSelector("[role=menu] [data-action=members]");
  await hers.keyboard.press("Escape");
  await press(hers, "tr:has-text('Apollo') a");
  await hers.waitForSelector(row("large.txt"));
  await hers.goBack();
  await press(hers, "button[aria-label='Show as tiles']");
  await hers.waitForSelector(card("Apollo"));
  await hers.selectOption("main select", { label: "By name" });
});

test("a space is made by keyboard alone, and opens", { skip }, async () => {
  await hers.focus("button:has-text('New space')");
  await hers.keyboard.press("Enter");
  await hers.waitForSelector("[role=dialog] input");
  await hers.keyboard.type("a/b");
  await hers.waitForSelector("text=Names cannot contain:");
  await look(hers, "space-name");
  await hers.keyboard.press("ControlOrMeta+A");
  await hers.keyboard.type("Gemini");
  await hers.keyboard.press("Tab");
  await hers.keyboard.type("Two by two");
  await hers.keyboard.press("Tab");
  await hers.keyboard.type("5");
  await hers.keyboard.press("Enter");
  await hers.waitForSelector("h1:has-text('Gemini')");
  await hers.waitForSelector("text=Two by two");
  const made = await drive("Gemini");
  assert.deepEqual([made.description, made.quota.total], ["Two by two", 5e9]);
});

test("its readme is shown, and written", { skip }, async () => {
  await hers.waitForSelector("section[aria-label=Readme]");
  await hers.waitForFunction(() => document.querySelector("section img")?.naturalWidth > 0);
  await look(hers, "space");
  await manage("readme");
  await hers.fill("[role=dialog] textarea", "# Rendezvous\n\n- dock\n- **undock**\n\n<script>document.title='x'</script> [no](javascript:alert(1))");
  await hers.waitForSelector("[role=dialog] section strong");
  await look(hers, "space-readme");
  await press(hers, "[role=dialog] button[type=submit]");
  await hers.waitForSelector("section[aria-label=Readme] h2:has-text('Rendezvous')");
  assert.equal(await hers.locator("section[aria-label=Readme] script, section[aria-label=Readme] a").count(), 0);
  await hers.click("button:has-text('Readme')");
  await hers.waitForSelector("section[aria-label=Readme]", { state: "detached" });
  await hers.reload();
  await hers.waitForSelector("button[aria-expanded=false]:has-text('Readme')");
  await hers.click("button:has-text('Readme')");
  await hers.waitForSelector("section[aria-label=Readme] h2:has-text('Rendezvous')");
});

test("its picture is changed", { skip }, async () => {
  const before = await hers.getAttribute("section img", "src");
  const chooser = hers.waitForEvent("filechooser");
  await manage("picture");
  await (await chooser).setFiles(fileURLToPath(new URL("testdata/space.png", import.meta.url)));
  await hers.waitForFunction((old) => {
    const img = document.querySelector("section img");
    return img?.src !== old && img?.naturalWidth === 2;
  }, before);
});

test("name, subtitle and quota are changed", { skip }, async () => {
  await manage("edit");
  await hers.fill("[role=dialog] input >> nth=0", "Gemini 2");
  await hers.fill("[role=dialog] input >> nth=1", "Three by three");
  await hers.fill("[role=dialog] input >> nth=2", "7.5");
  await look(hers, "space-edit");
  await hers.click("[role=dialog] button[type=submit]");
  await hers.waitForSelector("h1:has-text('Gemini 2')");
  await hers.waitForSelector("text=Three by three");
  assert.equal((await drive("Gemini 2")).quota.total, 7.5e9);
});

test("members: with a role and an end, changed, taken out", { skip }, async () => {
  await hers.click("button:has-text('Members')");
  await hers.waitForSelector(member("Margaret Hamilton"));
  for (const [term, name] of [["turing", "Alan Turing"], ["chess", "chess-lovers"]]) {
    await hers.fill("[role=combobox]", term);
    await hers.click(`[role=option]:has-text("${name}")`);
  }
  await hers.selectOption("aside form select", { label: "Can view" });
  await hers.fill("aside form input[type=date]", "2099-01-01");
  await look(hers, "space-invite");
  await hers.click("aside button[type=submit]");
  await hers.waitForSelector(`${member("Alan Turing")} >> text=2099`);
  await hers.waitForSelector(member("chess-lovers"));
  await look(hers, "space-members");
  // He sees it and its files, and can change nothing.
  his = await open(browser);
  await signIn(his, "alan", "demo", "/files/spaces/projects");
  await his.click(`${card("Gemini 2")} a`);
  await his.waitForSelector("section[aria-label=Readme]");
  assert.equal(await his.locator("button:has-text('Manage')").count(), 0);
  assert.equal(await his.locator("button:has-text('New')").count(), 0);
  await his.click("button:has-text('Members')");
  await his.waitForSelector(member("Margaret Hamilton"));
  assert.equal(await his.locator("[role=combobox]").count(), 0);
  await his.goto(base + "/files/spaces/projects");
  await his.waitForSelector(card("Gemini 2"));
  assert.equal(await his.locator("button:has-text('New space')").count(), 0);
  assert.equal(await his.locator(card("Apollo")).count(), 0);
  // What is in the space is theirs as well.
  await hers.goto(base + "/files/spaces/projects");
  await margaret("PUT", `/dav/spaces/${encodeURIComponent((await drive("Gemini 2")).id)}/plan.txt`, "x");
  await hers.click(`${card("Gemini 2")} a`);
  await hers.click(row("plan.txt") + " [role=gridcell] >> nth=2");
  await hers.keyboard.press("s");
  await hers.waitForSelector("section[aria-label='By folders above'] li:has-text('Alan Turing') >> text=via Gemini 2");
  await look(hers, "space-file-members");
  await hers.click("section[aria-label='By folders above'] li:has-text('Alan Turing') a");
  await hers.waitForSelector(member("Alan Turing"));
  // The only manager stays one.
  await hers.selectOption(`${member("Margaret Hamilton")} select`, { label: "Can view" });
  await hers.waitForSelector(toast("The rights of Margaret Hamilton could not be changed."));
  await hers.click("section[aria-live] button[aria-label=Close]");
  await hers.selectOption(`${member("Alan Turing")} select`, { label: "Can edit" });
  await press(hers, `${member("chess-lovers")} button[aria-label^='Take access']`);
  await press(hers, "[role=dialog] button:has-text('Take away')");
  await hers.waitForSelector(member("chess-lovers"), { state: "detached" });
  await his.goto(base + "/files/spaces/projects");
  await his.click(`${card("Gemini 2")} a`);
  await his.waitForSelector("button:has-text('New')");
});

test("its trash", { skip }, async () => {
  const { id } = await drive("Gemini 2");
  const url = `/dav/spaces/${encodeURIComponent(id)}/lost.txt`;
  await margaret("PUT", url, "x");
  await margaret("DELETE", url);
  await hers.goto(base + "/files/spaces/projects");
  await act("Gemini 2", "trash");
  await hers.waitForSelector("text=lost.txt");
  await look(hers, "space-trash");
  await press(hers, "button[aria-label='Restore lost.txt']");
  await hers.waitForSelector(toast("1 item was restored."));
  assert.equal((await margaret("GET", url)).status, 200);
});

test("disabled, enabled, deleted", { skip }, async () => {
  await hers.goto(base + "/files/spaces/projects");
  await act("Gemini 2", "disable");
  await hers.waitForSelector("[role=dialog]");
  await look(hers, "space-disable");
  await press(hers, "[role=dialog] button:has-text('Disable')");
  await hers.waitForSelector(`${card("Gemini 2")} >> text=disabled`);
  await look(hers, "spaces-disabled");
  const state = (label) => hers.selectOption("main select >> nth=1", { label });
  await state("Disabled");
  await hers.waitForSelector(card("Apollo"), { state: "detached" });
  assert.equal(await hers.locator("article").count(), 1);
  await state("In use");
  await hers.waitForSelector(card("Gemini 2"), { state: "detached" });
  await state("All spaces");
  await hers.waitForSelector(`${card("Gemini 2")} >> text=disabled`);
  await his.goto(base + "/files/spaces/projects");
  await his.waitForSelector("text=There are no spaces yet");
  await act("Gemini 2", "enable");
  await hers.waitForSelector(`${card("Gemini 2")} h2 a`);
  await his.reload();
  await his.waitForSelector(card("Gemini 2"));
  await act("Gemini 2", "disable");
  await press(hers, "[role=dialog] button:has-text('Disable')");
  await hers.waitForSelector(`${card("Gemini 2")} >> text=disabled`);
  await act("Gemini 2", "delete");
  await press(hers, "[role=dialog] button:has-text('Delete')");
  await hers.waitForSelector(card("Gemini 2"), { state: "detached" });
  assert.equal(await drive("Gemini 2"), undefined);
  for (const p of [hers, his]) assert.deepEqual(p.faults, []);
});

test("a space is duplicated, with files, picture, readme and description; stopped, nothing is left of it", { skip }, async () => {
  const at = async (name) => `/dav/spaces/${encodeURIComponent((await drive(name)).id)}`;
  const from = await at("Apollo");
  await margaret("MKCOL", from + "/docs");
  for (const name of ["docs/one.txt", "docs/two.txt", "three.txt"]) await margaret("PUT", `${from}/${name}`, name);
  await margaret("PUT", from + "/docs/large.txt", "x".repeat(300_000));
  await margaret("PUT", from + "/.space/readme.md", "# To the moon");
  await hers.goto(base + "/files/spaces/projects");
  let release;
  const held = () => new Promise((resolve) => (release = resolve));
  let wait = held();
  const hold = async (route) => {
    if (route.request().method() === "COPY") await wait;
    await route.continue();
  };
  await hers.route("**/dav/spaces/**", hold);
  const begin = async () => {
    const copying = hers.waitForRequest((r) => r.method() === "COPY");
    await act("Apollo", "duplicate");
    await copying;
    await hers.waitForSelector("section[aria-live] [role=progressbar]");
  };
  await begin();
  await look(hers, "space-duplicate");
  release();
  await hers.waitForSelector(toast("The space “Apollo (1)” was created."));
  await hers.waitForSelector(card("Apollo (1)"));
  const made = await drive("Apollo (1)");
  assert.equal(made.description, "What takes us there");
  assert.deepEqual(made.special.map((s) => s.specialFolder.name).sort(), ["image", "readme"]);
  const to = await at("Apollo (1)");
  for (const name of ["docs/one.txt", "docs/two.txt", "three.txt"]) assert.equal((await margaret("GET", `${to}/${name}`)).text, name);
  assert.equal((await margaret("GET", to + "/docs/large.txt")).text.length, 300_000);
  await hers.click(`${toast("The space “Apollo (1)” was created.")} >> xpath=../.. >> button:has-text('Open')`);
  await hers.waitForSelector("section[aria-label=Readme] h2:has-text('To the moon')");
  await hers.waitForFunction(() => document.querySelector("section img")?.naturalWidth > 0);
  await hers.goto(base + "/files/spaces/projects");
  wait = held();
  await begin();
  await press(hers, "section[aria-live] button:has-text('Stop')");
  release();
  for (let i = 0; i < 50 && (await drive("Apollo (2)")); i++) await hers.waitForTimeout(200);
  assert.equal(await drive("Apollo (2)"), undefined);
  await hers.unroute("**/dav/spaces/**", hold);
  assert.deepEqual(hers.faults, []);
});

test("the trash of each space, searched, by keyboard alone", { skip }, async () => {
  const from = `/dav/spaces/${encodeURIComponent((await drive("Apollo")).id)}`;
  await margaret("DELETE", from + "/docs/one.txt");
  await margaret("DELETE", from + "/three.txt");
  await hers.click("nav >> text=Trash");
  const bin = (name) => `main li:has(a[title="${name}"])`;
  await hers.waitForSelector(`${bin("Apollo")} >> text=2 items`);
  await hers.waitForSelector(`${bin("Personal")} >> text=Empty`);
  await look(hers, "trash-bins");
  await hers.focus("[role=searchbox]");
  await hers.keyboard.type("apollo");
  await hers.waitForSelector(bin("Personal"), { state: "detached" });
  await press(hers, `${bin("Apollo")} a`);
  await hers.waitForSelector("li:has-text('three.txt')");
  await press(hers, "button[aria-label='The trash of all spaces']");
  await hers.waitForSelector(bin("Personal"));
  assert.deepEqual(hers.faults, []);
});

test("on a phone, with fingers", { skip }, async () => {
  const page = await open(browser, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await signIn(page, "margaret", "demo", "/files/spaces/projects");
  await page.waitForSelector(card("Apollo"));
  const small = () => page.locator("main :is(button, select, input, a):visible").evaluateAll((all) => all.map((e) => [e.getAttribute("aria-label") ?? e.textContent, e.getBoundingClientRect(), getComputedStyle(e, "::after").position]).filter(([, b, after]) => after !== "absolute" && (b.width < 44 || b.height < 44)).map(([l, b]) => `${l} ${b.width}×${b.height}`));
  assert.deepEqual(await small(), []);
  await page.tap("button[aria-label='Show as a table']");
  await page.waitForSelector("tr:has-text('Apollo')");
  assert.deepEqual(await small(), []);
  await picture(page, "spaces-phone-table");
  await page.tap("button[aria-label='What to do with “Apollo (1)”']");
  await picture(page, "spaces-phone-menu");
  await page.tap("[role=menu] [data-action=edit]");
  await page.fill("[role=dialog] input >> nth=0", "Apollo eleven");
  await page.tap("[role=dialog] button[type=submit]");
  await page.waitForSelector("tr:has-text('Apollo eleven')");
  await page.tap("tr:has-text('Apollo eleven') a");
  await page.tap("button:has-text('Members')");
  await page.waitForSelector(member("Margaret Hamilton"));
  assert.deepEqual(await page.locator("aside :is(button, select, input):visible").evaluateAll((all) => all.map((e) => [e.getAttribute("aria-label") ?? e.textContent, e.getBoundingClientRect()]).filter(([, b]) => b.width < 44 || b.height < 44).map(([l, b]) => `${l} ${b.width}×${b.height}`)), []);
  assert.deepEqual(page.faults, []);
});

test("on a phone, without any space", { skip }, async () => {
  const page = await open(browser, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await signIn(page, "lynn", "demo", "/files/spaces/projects");
  await page.waitForSelector("text=There are no spaces yet");
  await look(page, "spaces-none");
  assert.deepEqual(page.faults, []);
});
