// The pages of administrators in a real browser: users, groups, spaces, general settings. Nobody else gets them.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { base, dav, launch, look, open, served, signIn } from "./web.js";
import { png } from "./fixtures.js";

const skip = await served();
const password = process.env.ADMIN_PASSWORD;
const secret = "Test-password-2";
const graph = async (method, path, body, user = "admin", pw = password) => {
  const r = await dav(user, pw, method, "/graph/v1.0" + path, body && JSON.stringify(body), { "Content-Type": "application/json" });
  return { status: r.status, ...(r.text.startsWith("{") ? JSON.parse(r.text) : {}) };
};
const item = (name) => `main li:has-text("${name}")`;
let browser, page;

before(async () => {
  if (skip) return;
  browser = await launch();
  for (const n of [1, 2, 3]) assert.equal((await graph("POST", "/users", { onPremisesSamAccountName: `temp${n}`, displayName: `Temporary ${n}`, mail: `temp${n}@example.org`, passwordProfile: { password: secret } })).status, 201);
  await graph("POST", "/users", { onPremisesSamAccountName: "long", displayName: "Somebody with a very long name indeed, as there are some ".repeat(3).trim(), mail: "long@example.org", passwordProfile: { password: secret } });
  await graph("POST", "/groups", { displayName: "Painters" });
  for (const name of ["Alpha space", "Beta space"]) assert.equal((await graph("POST", "/drives", { name })).status, 201);
  page = await open(browser);
  await signIn(page, "admin", password, "/admin-settings/users");
  await page.waitForSelector(item("Temporary 1"));
});
after(() => browser?.close());
const fine = () => assert.deepEqual(page.faults, []);
const go = async (section) => {
  await page.click(`main nav >> text=${section}`);
  await page.waitForSelector(`main nav a[aria-current=page] >> text=${section}`);
};
const choose = async (name, action) => {
  await page.click(`button[aria-label="What to do with “${name}”"]`);
  await page.click(`[role=menu] [data-action=${action}]`);
};
const until = async (true_) => {
  for (let i = 0; !(await true_()); i++) {
    assert.ok(i < 50, String(true_));
    await page.waitForTimeout(200);
  }
};
const gone = (selector) => page.waitForSelector(selector, { state: "detached" });

test("users: created, signing in, changed, by keyboard too", { skip }, async () => {
  await look(page, "admin-users");
  await page.focus("button:has-text('New user')");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=dialog]");
  await look(page, "admin-user-new");
  await page.focus("[role=dialog] input");
  for (const text of ["newcomer", "A newcomer", "new@example.org", secret]) {
    await page.keyboard.type(text);
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter"); // on the select: nothing; the form is sent from a field
  await page.focus("[role=dialog] input[type=password]");
  await page.keyboard.press("Enter");
  await page.waitForSelector("text=“A newcomer” was created.");
  await page.waitForSelector(item("A newcomer"));
  assert.equal((await graph("GET", "/me", undefined, "newcomer", secret)).displayName, "A newcomer");

  // taken: told, and nothing is lost but the dialog
  await page.click("button:has-text('New user')");
  for (const [label, text] of [["Login name", "newcomer"], ["Name", "Another"], ["Mail address", "other@example.org"], ["Password", secret]]) await page.getByLabel(label, { exact: true }).fill(text);
  await page.click("[role=dialog] button:has-text('Create')");
  await page.waitForSelector("text=The login name or mail address is taken.");
  await page.click("section[aria-live] [role=alert] button[aria-label=Close]");

  await choose("A newcomer", "edit");
  await page.waitForSelector("[role=dialog]");
  await page.getByLabel("Name", { exact: true }).fill("No newcomer any more");
  await page.getByLabel("Quota in gigabytes").fill("2");
  await page.getByLabel("Role", { exact: true }).locator("visible=true").last().selectOption({ label: "Space Admin" });
  await page.click("[role=dialog] label:has-text('Painters')");
  await look(page, "admin-user");
  await page.click("[role=dialog] button:has-text('Save')");
  await page.waitForSelector(item("No newcomer any more"));
  await page.waitForSelector(item("Space Admin"));
  const is = await graph("GET", "/users/newcomer?$expand=drive,memberOf,appRoleAssignments");
  assert.deepEqual([is.displayName, is.drive?.quota.total, is.memberOf?.map((g) => g.displayName)], ["No newcomer any more", 2_000_000_000, ["Painters"]]);
  fine();
});

test("users: filters", { skip }, async () => {
  await page.fill("input[aria-label='Search for users']", "Temporary 2");
  await gone(item("Temporary 1"));
  await page.waitForSelector(item("Temporary 2"));
  await page.fill("input[aria-label='Search for users']", "nobody at all");
  await page.waitForSelector("text=Nobody found");
  await page.fill("input[aria-label='Search for users']", "");
  await page.waitForSelector(item("Temporary 1"));
  await page.getByLabel("Group", { exact: true }).selectOption({ label: "Painters" });
  await gone(item("Temporary 1"));
  await page.waitForSelector(item("No newcomer any more"));
  await page.getByLabel("Role", { exact: true }).selectOption({ label: "Admin" });
  await page.waitForSelector("text=Nobody found");
  await page.getByLabel("Group", { exact: true }).selectOption({ label: "All groups" });
  await page.waitForSelector(item("Admin"));
  await page.getByLabel("Role", { exact: true }).selectOption({ label: "All roles" });
  await page.waitForSelector(item("Temporary 1"));
  fine();
});

test("users: locked out and let in again, one and several; deleted", { skip }, async () => {
  const me = () => graph("GET", "/me", undefined, "temp1", secret).then((r) => r.status);
  assert.equal(await me(), 200);
  await choose("Temporary 1", "disable");
  await page.waitForSelector(`${item("Temporary 1")} >> text=locked out`);
  assert.equal(await me(), 401);
  for (const n of [1, 2, 3]) await page.getByLabel(`Choose Temporary ${n}`).check();
  await page.waitForSelector("text=3 selected");
  await look(page, "admin-users-several");
  await page.click("main button:has-text('Lock out')");
  await page.waitForFunction(() => document.querySelectorAll("main li span.text-bad").length === 3);
  await page.click("main button:has-text('Let sign in')");
  await page.waitForFunction(() => document.querySelectorAll("main li span.text-bad").length === 0);
  assert.equal(await me(), 200);
  await page.getByLabel("Choose Temporary 3").uncheck();
  await page.click("main button:has-text('Delete')");
  await page.waitForSelector("text=2 users and all files of their own are deleted.");
  await look(page, "admin-users-delete");
  await page.click("[role=dialog] button:has-text('Delete')");
  await gone(item("Temporary 1"));
  await gone(item("Temporary 2"));
  await page.waitForSelector(item("Temporary 3"));
  assert.equal(await me(), 401);
  fine();
});

test("users: a group and a quota for several, what failed is told and tried again", { skip }, async () => {
  for (const n of [4, 5, 6]) {
    assert.equal((await graph("POST", "/users", { onPremisesSamAccountName: `temp${n}`, displayName: `Temporary ${n}`, mail: `temp${n}@example.org`, passwordProfile: { password: secret } })).status, 201);
    await graph("GET", "/me/drive", undefined, `temp${n}`, secret);
  }
  await page.fill("input[aria-label='Search for users']", "Temporary");
  await page.waitForSelector(item("Temporary 6"));
  await page.waitForSelector("text=4 users");
  const groupsOf = async (n) => (await graph("GET", `/users/temp${n}?$expand=memberOf`)).memberOf?.map((g) => g.displayName) ?? [];
  // all between two, with Shift
  await page.getByLabel("Choose Temporary 4").click();
  await page.getByLabel("Choose Temporary 6").click({ modifiers: ["Shift"] });
  await page.waitForSelector("text=3 selected");
  await page.click("main button:has-text('Add to groups')");
  await page.waitForSelector("[role=dialog] label:has-text('Painters')");
  await look(page, "admin-users-groups");
  await page.check("[role=dialog] label:has-text('Painters')");
  await page.click("[role=dialog] button:has-text('Add')");
  for (const n of [4, 5, 6]) await until(async () => (await groupsOf(n)).join() === "Painters");

  const { id } = await graph("GET", "/users/temp5");
  let refuse = true;
  await page.route(`**/graph/v1.0/groups/*/members/${id}/$ref`, (r) => (refuse ? r.fulfill({ status: 403, body: "{}" }) : r.continue()));
  await page.click("main button:has-text('Take out of groups')");
  await page.check("[role=dialog] label:has-text('Painters')");
  await page.click("[role=dialog] button:has-text('Take out')");
  await page.waitForSelector("text=1 of 3 failed.");
  await page.waitForSelector("[role=dialog] li:has-text('Temporary 5'):has-text('You do not have permission for this.')");
  await look(page, "admin-users-failed");
  assert.deepEqual([await groupsOf(4), await groupsOf(5), await groupsOf(6)], [[], ["Painters"], []]);
  refuse = false;
  await page.click("[role=dialog] button:has-text('Try again')");
  await gone("[role=dialog]");
  await until(async () => (await groupsOf(5)).length === 0);

  await page.click("main button:has-text('Quota')");
  await page.getByLabel("Quota in gigabytes").fill("7");
  await page.keyboard.press("Enter");
  const total = async (n) => (await graph("GET", `/users/temp${n}?$expand=drive`)).drive?.quota.total;
  for (const n of [4, 5, 6]) await until(async () => (await total(n)) === 7_000_000_000);
  await page.fill("input[aria-label='Search for users']", "");
  fine();
});

test("users: details beside the list, by keys alone", { skip }, async () => {
  await page.reload();
  await page.waitForSelector(item("Temporary 3"));
  await page.focus("button:has-text('New user')");
  const on = () => page.evaluate(() => document.activeElement.parentElement.textContent);
  await page.keyboard.press("Tab");
  assert.equal(await on(), "Choose all");
  for (let i = 0; i < 4; i++) { // past whoever looks, who is not chosen
    await page.keyboard.press("Tab");
    if ((await on()).startsWith("Choose ")) break;
  }
  const first = await on();
  assert.match(first, /^Choose /);
  await page.keyboard.press("ArrowDown");
  await page.waitForFunction((was) => /^Choose /.test(document.activeElement.parentElement.textContent) && document.activeElement.parentElement.textContent !== was, first);
  await page.keyboard.press("Space");
  await page.waitForSelector("text=1 selected");
  await page.keyboard.press("Control+a");
  await page.waitForSelector("main button:has-text('Lock out')");
  await page.keyboard.press("Escape");
  await gone("main button:has-text('Lock out')");
  await page.focus(`${item("Temporary 3")} a`);
  await page.keyboard.press("Enter");
  await page.waitForSelector("aside h2:has-text('Temporary 3')");
  await page.waitForFunction(() => document.activeElement.matches("aside h2"));
  await page.waitForSelector("aside dd:has-text('temp3@example.org')");
  await look(page, "admin-user-details");
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.activeElement.textContent === "Temporary 3");
  await gone("main aside");
  await page.goBack();
  await page.waitForSelector("aside h2:has-text('Temporary 3')");
  await page.click("aside button:has-text('Lock out')");
  await page.waitForSelector(`${item("Temporary 3")} >> text=locked out`);
  await page.click("aside button:has-text('Let sign in')");
  await gone(`${item("Temporary 3")} >> text=locked out`);
  await page.click("aside button[aria-label=Close]");
  await gone("main aside");
  fine();
});

test("5,000 users: only some are in the page, and keys reach all", { skip }, async () => {
  const many = Array.from({ length: 5000 }, (_, i) => ({ id: `u${i}`, displayName: `Person ${i}`, onPremisesSamAccountName: `p${i}`, mail: `p${i}@example.org` }));
  await page.route("**/graph/v1.0/users?*", (r) => r.fulfill({ json: { value: many } }));
  await page.reload();
  await page.waitForSelector("text=5000 users");
  const lines = () => page.locator("main li").count();
  assert.ok((await lines()) < 60, `${await lines()} lines`);
  await page.focus(`${item("Person 3")} a`);
  await page.keyboard.press("End");
  await page.waitForFunction(() => document.activeElement.textContent === "Person 4999");
  assert.ok((await lines()) < 60, `${await lines()} lines`);
  assert.equal(await page.locator("main li:has-text('Person 4999')").getAttribute("aria-posinset"), "5000");
  await page.keyboard.press("Control+a");
  await page.waitForSelector("text=5000 selected");
  await page.unroute("**/graph/v1.0/users?*");
  await page.reload();
  await page.waitForSelector(item("Temporary 3"));
  fine();
});

test("nobody locks out or deletes themselves", { skip }, async () => {
  await page.click("button[aria-label='What to do with “Admin”']");
  await page.waitForSelector("[role=menu]");
  assert.deepEqual(await page.locator("[role=menuitem]").evaluateAll((all) => all.map((e) => e.dataset.action)), ["details", "edit"]);
  await page.keyboard.press("Escape");
  assert.ok(await page.getByLabel("Choose Admin").isDisabled());
  fine();
});

test("groups: created, members, renamed, deleted", { skip }, async () => {
  await go("Groups");
  await page.waitForSelector(item("Painters"));
  await page.click("button:has-text('New group')");
  await page.fill("[role=dialog] input", "Painters");
  await page.waitForSelector("text=This name is taken.");
  await page.fill("[role=dialog] input", "Sculptors");
  await page.keyboard.press("Enter");
  await page.waitForSelector(item("Sculptors"));
  await look(page, "admin-groups");
  await choose("Sculptors", "details");
  await page.waitForSelector("aside >> text=The group has no members.");
  await page.fill("[role=combobox]", "Temporary 3");
  await page.waitForSelector("[role=option]");
  await page.keyboard.press("Enter");
  await page.waitForSelector("aside li:has-text('Temporary 3')");
  await look(page, "admin-group");
  await page.click("button[aria-label='Take out Temporary 3']");
  await page.waitForSelector("aside >> text=The group has no members.");
  await page.keyboard.press("Escape");
  await gone("main aside");
  await choose("Sculptors", "rename");
  await page.fill("[role=dialog] input", "Carvers");
  await page.keyboard.press("Enter");
  await page.waitForSelector(item("Carvers"));
  await choose("Carvers", "delete");
  await page.click("[role=dialog] button:has-text('Delete')");
  await gone(item("Carvers"));
  await page.fill("input[aria-label='Search for groups']", "zzz");
  await page.waitForSelector("text=Nothing found");
  fine();
});

test("groups that are kept elsewhere are marked, and only looked at", { skip }, async () => {
  const kept = { id: "kept", displayName: "Directory people", groupTypes: ["ReadOnly"] };
  await page.route("**/graph/v1.0/groups?*", async (r) => {
    const answer = await (await r.fetch()).json();
    await r.fulfill({ json: { value: [...answer.value, kept] } });
  });
  await page.route("**/graph/v1.0/groups/kept?*", (r) => r.fulfill({ json: { ...kept, members: [] } }));
  await page.reload();
  await page.waitForSelector(`${item("Directory people")} >> text=kept elsewhere`);
  assert.ok(await page.getByLabel("Choose Directory people").isDisabled());
  await page.click(`${item("Directory people")} a`);
  await page.waitForSelector("aside >> text=This group is kept elsewhere");
  await page.waitForSelector("aside >> text=The group has no members.");
  assert.equal(await page.locator("aside :is([role=combobox], button:has-text('Delete'))").count(), 0);
  await look(page, "admin-group-kept");
  await page.unroute("**/graph/v1.0/groups?*");
  await page.unroute("**/graph/v1.0/groups/kept?*");
  fine();
});

test("spaces: filters, quota, disabled, enabled, deleted", { skip }, async () => {
  await go("Spaces");
  await page.waitForSelector(item("Alpha space"));
  await look(page, "admin-spaces");
  await choose("Alpha space", "quota");
  await page.getByLabel("Quota in gigabytes").fill("many");
  await page.waitForSelector("text=Enter a number.");
  await look(page, "admin-quota");
  await page.getByLabel("Quota in gigabytes").fill("3");
  await page.keyboard.press("Enter");
  await page.waitForSelector(`${item("Alpha space")} >> text=/of 3(\\.0)? GB used/`);
  await choose("Alpha space", "disable");
  await page.click("[role=dialog] button:has-text('Disable')");
  await page.waitForSelector(`${item("Alpha space")} >> text=disabled`);
  await page.getByLabel("State").selectOption({ label: "Disabled" });
  await gone(item("Beta space"));
  await choose("Alpha space", "enable");
  await gone(item("Alpha space"));
  await page.getByLabel("State").selectOption({ label: "All spaces" });
  await choose("Beta space", "disable");
  await page.click("[role=dialog] button:has-text('Disable')");
  await page.waitForSelector(`${item("Beta space")} >> text=disabled`);
  await choose("Beta space", "delete");
  await page.click("[role=dialog] button:has-text('Delete')");
  await gone(item("Beta space"));
  await choose("Alpha space", "rename");
  await page.fill("[role=dialog] input", "Gamma space");
  await page.keyboard.press("Enter");
  await page.waitForSelector(item("Gamma space"));
  await page.fill("input[aria-label='Search for spaces']", "zzz");
  await page.waitForSelector("text=Nothing found");
  fine();
});

test("spaces: several at once; who is in one", { skip }, async () => {
  for (const n of [1, 2, 3]) assert.equal((await graph("POST", "/drives", { name: `Batch ${n}` })).status, 201);
  await page.reload();
  await page.fill("input[aria-label='Search for spaces']", "Batch");
  await page.waitForSelector("text=3 spaces");
  await page.getByLabel("Choose all").check();
  await page.waitForSelector("text=3 selected");
  await look(page, "admin-spaces-several");
  await page.click("main button:has-text('Quota')");
  await page.waitForSelector("[role=dialog] >> text=Quota of 3 spaces");
  await page.getByLabel("Quota in gigabytes").fill("4");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => [...document.querySelectorAll("main li")].filter((l) => /of 4(\.0)? GB used/.test(l.textContent)).length === 3);
  await page.getByLabel("Choose Batch 3").uncheck();
  await page.click("main button:has-text('Disable')");
  await page.click("[role=dialog] button:has-text('Disable')");
  await page.waitForFunction(() => [...document.querySelectorAll("main li")].filter((l) => l.textContent.includes("disabled")).length === 2);
  // with one that is on and two that are off, each is offered for those that it applies to
  await page.getByLabel("Choose Batch 3").check();
  await page.click("main button:has-text('Enable')");
  await page.waitForFunction(() => ![...document.querySelectorAll("main li")].some((l) => l.textContent.includes("disabled")));
  await page.click("main button:has-text('Disable')");
  await page.waitForSelector("[role=dialog] >> text=Disable 3 spaces?");
  await page.click("[role=dialog] button:has-text('Disable')");
  await page.waitForFunction(() => [...document.querySelectorAll("main li")].filter((l) => l.textContent.includes("disabled")).length === 3);
  await page.click(`${item("Batch 2")} a`);
  await page.waitForSelector("aside li:has-text('Admin')"); // who made it manages it
  await look(page, "admin-space-details");
  await page.keyboard.press("Escape");
  await page.click("main button:has-text('Delete')");
  await page.click("[role=dialog] button:has-text('Delete')");
  await page.waitForSelector("text=Nothing found");
  assert.equal((await graph("GET", "/drives")).value.filter((d) => d.name.startsWith("Batch")).length, 0);
  await page.fill("input[aria-label='Search for spaces']", "");
  fine();
});

test("general: the logo, and an announcement that all see", { skip }, async () => {
  await go("General");
  await page.waitForSelector("text=Version");
  const logo = () => page.locator("main img").getAttribute("src");
  const usual = await logo();
  await page.setInputFiles("input[type=file]", { name: "logo.png", mimeType: "image/png", buffer: png(120, 40, [200, 120, 40]) });
  await page.waitForFunction((was) => document.querySelector("main img")?.getAttribute("src") !== was, usual);
  const ours = await logo();
  assert.equal(await page.locator("header img").getAttribute("src"), ours);
  await page.setInputFiles("input[type=file]", { name: "logo.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
  await page.waitForSelector("text=The logo could not be changed.");
  await page.click("section[aria-live] button[aria-label=Close]");
  await page.click("button:has-text('The usual one')");
  await page.waitForFunction((was) => ![null, was].includes(document.querySelector("main img")?.getAttribute("src")), ours);

  await page.getByLabel("Line above every page").fill("We are closed on Friday.");
  await page.getByLabel("More about it").fill("## Why\n\nBecause of **cleaning**. [More](https://example.org/) <script>window.harmed=1</script>");
  await page.click("main button:has-text('Preview')");
  await page.waitForSelector("[role=dialog] strong:has-text('cleaning')");
  await page.keyboard.press("Escape");
  await page.check("text=Show it");
  await page.click("main form button:has-text('Save')");
  await page.waitForSelector("aside[aria-label=Announcement]:has-text('We are closed on Friday.')");
  await look(page, "admin-general");
  await page.click("aside[aria-label=Announcement] button");
  await page.waitForSelector("[role=dialog] strong:has-text('cleaning')");
  assert.equal(await page.evaluate(() => window.harmed), undefined);
  await look(page, "announcement");
  await page.keyboard.press("Escape");
  const { options } = await fetch(base + "/config.json").then((r) => r.json());
  assert.equal(options.announcement.bannerText, "We are closed on Friday.");
  await page.uncheck("text=Show it");
  await page.click("main form button:has-text('Save')");
  await gone("aside[aria-label=Announcement]");
  fine();
});

test("general: extensions that cannot be loaded are told, and keep nobody from the page", { skip }, async () => {
  const url = `${base}/admin-settings/general`;
  await page.route(url, async (r) => {
    const answer = await r.fetch();
    const body = (await answer.text()).replace('"options":', '"external_apps":[{"id":"good","path":"/assets/apps/good/main.js"},{"id":"broken","path":"/assets/apps/broken/main.js"}],"options":');
    await r.fulfill({ response: answer, body });
  });
  await page.route("**/assets/apps/good/main.js", (r) => r.fulfill({ contentType: "text/javascript", body: "" }));
  await page.goto(url);
  await page.waitForSelector("main li:has-text('good'):has-text('It can be loaded.')");
  await page.waitForSelector("main li:has-text('broken'):has-text('the server answers 404')");
  await page.locator("main h2:has-text('Extensions')").scrollIntoViewIfNeeded();
  await look(page, "admin-extensions");
  await page.unroute(url);
  await page.unroute("**/assets/apps/good/main.js");
  fine();
});

test("groups and spaces by keys alone", { skip }, async () => {
  await page.goto(`${base}/admin-settings/groups`);
  await page.focus("button:has-text('New group')");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=dialog]");
  await page.keyboard.type("Keyed");
  await page.keyboard.press("Enter");
  await page.waitForSelector(item("Keyed"));
  await page.focus(`${item("Keyed")} button`);
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=menu]");
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=dialog] >> text=Delete the group?");
  for (let i = 0; i < 4 && (await page.evaluate(() => document.activeElement.textContent.trim())) !== "Delete"; i++) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await gone(item("Keyed"));
  await page.goto(`${base}/admin-settings/spaces`);
  await page.waitForSelector(item("Gamma space"));
  await page.getByLabel("Choose Gamma space").focus();
  await page.keyboard.press("Space");
  await page.focus("main button:has-text('Quota')");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=dialog]");
  await page.keyboard.press("Control+a");
  await page.keyboard.type("6");
  await page.keyboard.press("Enter");
  await page.waitForSelector(`${item("Gamma space")} >> text=/of 6(\\.0)? GB used/`);
  assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), "Quota"); // back to where the keys were
  fine();
});

test("a plain user gets none of it, nor does a stranger", { skip }, async () => {
  const plain = await open(browser);
  await signIn(plain, "mary", "demo", "/admin-settings/users");
  await plain.waitForSelector("text=There is nothing at this address");
  assert.equal(await plain.locator("text=Temporary 3").count(), 0);
  await look(plain, "admin-none");
  await plain.click("button[aria-label^='Account of']");
  await plain.waitForSelector("[role=menu]");
  assert.equal(await plain.locator("[data-action=admin]").count(), 0);
  assert.deepEqual(plain.faults, []);
  for (const [user, pw, statuses] of [["mary", "demo", [403]], ["", "", [401]]]) {
    for (const [method, path, body] of [["POST", "/graph/v1.0/users", "{}"], ["PATCH", "/graph/v1.0/users/admin", '{"displayName":"x"}'], ["DELETE", "/graph/v1.0/users/temp3"], ["POST", "/graph/v1.0/groups", '{"displayName":"x"}'], ["PUT", "/announcement", "{}"], ["GET", "/announcement"], ["DELETE", "/branding/logo"]]) {
      const r = await dav(user, pw, method, path, body, { "Content-Type": "application/json" });
      assert.ok(statuses.includes(r.status), `${user} ${method} ${path}: ${r.status}`);
    }
  }
});

test("phone: everything fits and can be touched", { skip }, async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  for (const section of ["users", "groups", "spaces", "general"]) {
    await page.goto(`${base}/admin-settings/${section}`);
    await page.waitForSelector("main li button, main dl");
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), section);
    const small = await page.locator("main :is(button, select, input:not([type=checkbox]):not([type=file])):visible").evaluateAll((all) => all.map((e) => [e.getAttribute("aria-label") ?? e.textContent, e.getBoundingClientRect()]).filter(([, b]) => b.width < 44 || b.height < 44).map(([l, b]) => `${l} ${b.width}×${b.height}`));
    assert.deepEqual(small, [], section);
  }
  // details are a page of their own, and what is done with several is in a menu
  await page.goto(`${base}/admin-settings/users`);
  await page.click(`${item("Temporary 3")} a`);
  await page.waitForSelector("aside h2:has-text('Temporary 3')");
  assert.ok(await page.locator(item("Temporary 4")).first().isHidden());
  assert.ok((await page.locator("main aside").boundingBox()).width >= 390);
  await page.goBack();
  await page.waitForSelector(item("Temporary 4"));
  await page.getByLabel("Choose Temporary 4").check();
  await page.getByLabel("Choose Temporary 5").check();
  await page.click("main button:has-text('What to do'):visible >> nth=0");
  await page.click("[role=menu] [data-action=disable]");
  await page.waitForFunction(() => document.querySelectorAll("main li span.text-bad").length === 2);
  fine();
});
