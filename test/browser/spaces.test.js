// Spaces in a real browser against the real server: from the first to the last day of one.
import { test, before, after, afterEach } from "node:test";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { base, dav, launch, look, open, picture, row, served, signIn } from "./web.js";

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
// act chooses something from a space's menu.
async function act(name, action) {
  await hers.click(`button[aria-label='What to do with “${name}”']`);
  await hers.click(`[role=menu] [data-action=${action}]`);
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
  await hers.click("button:has-text('Manage')");
  await hers.click("[data-action=readme]");
  await hers.fill("[role=dialog] textarea", "# Rendezvous\n\n- dock\n- **undock**\n\n<script>document.title='x'</script> [no](javascript:alert(1))");
  await hers.waitForSelector("[role=dialog] section strong");
  await look(hers, "space-readme");
  await hers.click("[role=dialog] button[type=submit]");
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
  await hers.click("button:has-text('Manage')");
  const chooser = hers.waitForEvent("filechooser");
  await hers.click("[data-action=picture]");
  await (await chooser).setFiles(fileURLToPath(new URL("testdata/space.png", import.meta.url)));
  await hers.waitForFunction((old) => {
    const img = document.querySelector("section img");
    return img?.src !== old && img?.naturalWidth === 2;
  }, before);
});

test("name, subtitle and quota are changed", { skip }, async () => {
  await hers.click("button:has-text('Manage')");
  await hers.click("[data-action=edit]");
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
  // The only manager stays one.
  await hers.selectOption(`${member("Margaret Hamilton")} select`, { label: "Can view" });
  await hers.waitForSelector(toast("The rights of Margaret Hamilton could not be changed."));
  await hers.click("section[aria-live] button[aria-label=Close]");
  await hers.selectOption(`${member("Alan Turing")} select`, { label: "Can edit" });
  await hers.click(`${member("chess-lovers")} button[aria-label^='Take access']`);
  await hers.click("[role=dialog] button:has-text('Take away')");
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
  await hers.click("button[aria-label='Restore lost.txt']");
  await hers.waitForSelector(toast("1 item was restored."));
  assert.equal((await margaret("GET", url)).status, 200);
});

test("disabled, enabled, deleted", { skip }, async () => {
  await hers.goto(base + "/files/spaces/projects");
  await act("Gemini 2", "disable");
  await hers.waitForSelector("[role=dialog]");
  await look(hers, "space-disable");
  await hers.click("[role=dialog] button:has-text('Disable')");
  await hers.waitForSelector(`${card("Gemini 2")} >> text=disabled`);
  await look(hers, "spaces-disabled");
  await his.goto(base + "/files/spaces/projects");
  await his.waitForSelector("text=There are no spaces yet");
  await act("Gemini 2", "enable");
  await hers.waitForSelector(`${card("Gemini 2")} h2 a`);
  await his.reload();
  await his.waitForSelector(card("Gemini 2"));
  await act("Gemini 2", "disable");
  await hers.click("[role=dialog] button:has-text('Disable')");
  await hers.waitForSelector(`${card("Gemini 2")} >> text=disabled`);
  await act("Gemini 2", "delete");
  await hers.click("[role=dialog] button:has-text('Delete')");
  await hers.waitForSelector(card("Gemini 2"), { state: "detached" });
  assert.equal(await drive("Gemini 2"), undefined);
  for (const p of [hers, his]) assert.deepEqual(p.faults, []);
});

test("on a phone, without any space", { skip }, async () => {
  const page = await open(browser, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await signIn(page, "lynn", "demo", "/files/spaces/projects");
  await page.waitForSelector("text=There are no spaces yet");
  await look(page, "spaces-none");
  assert.deepEqual(page.faults, []);
});
