// Viewers and editors in a real browser: each kind of file, saving, conflicts, and files that mean harm.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { base, dav, launch, look, open, served, signIn } from "./web.js";
import { epub, pdf, png, wav } from "./fixtures.js";

const skip = await served();
const mary = (method, path, body, headers) => dav("mary", "demo", method, "/dav/files/mary" + path, body, headers);
const url = (name) => `${base}/view/personal/mary/media/${encodeURIComponent(name)}`;
const lines = Array.from({ length: 60 }, (_, i) => `<p>Paragraph ${i} of a long story.</p>`).join("");
const story = `# A story

With *emphasis*, \`code\`, a [link](https://example.org/) and a list:

- [x] done
- [ ] to do

| a | b |
|---|---|
| 1 | 2 |

> said somebody

\`\`\`js
const answer = 42; // highlighted
\`\`\`
`;
// Each of these says so if it runs.
const evil = 'parent.harmed=1;top.harmed=1;window.harmed=1';
const hostile = {
  "evil.svg": `<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200" onload="${evil}"><script>${evil}</script><rect width="300" height="200" fill="teal"/><image href="x" onerror="${evil}"/></svg>`,
  "evil.html": `<!doctype html><title>x</title><script>${evil}</script><img src=x onerror="${evil}"><h1>Hello</h1>`,
  "evil.md": `# Evil\n\n<script>${evil}</script>\n\n<img src=x onerror="${evil}">\n\n[a](javascript:${evil}) [b](data:text/html,<script>${evil}</script>)\n\n![p](x" onerror="${evil})\n`,
  "evil.epub": epub("Evil", { One: `<script>${evil}</script><img src="x" onerror="${evil}"/><a id="js" href="javascript:${evil}">click</a><iframe src="javascript:${evil}"/><svg xmlns="http://www.w3.org/2000/svg" onload="${evil}"/><form action="https://example.org/"/><p style="background:url(${base}/leak.png)">Harmless words</p>` }),
  "evil <img src=x onerror=window.harmed=1>.txt": "a name",
  "evil “quotes” %2e%2e & ' \".txt": "another name",
};
let browser, page;

before(async () => {
  if (skip) return;
  browser = await launch();
  await mary("MKCOL", "/media");
  const put = (name, body, headers) => mary("PUT", "/media/" + encodeURIComponent(name), body, headers).then((r) => assert.ok(r.status < 300, `${name}: ${r.status}`));
  await Promise.all([
    put("1 red.png", png(640, 400, [220, 60, 60])), put("2 green.png", png(300, 700, [60, 180, 90])), put("3 blue.png", png(900, 300, [60, 90, 220])),
    put("clip.webm", readFileSync(new URL("testdata/viewers/clip.webm", import.meta.url))), put("tone.wav", wav()), put("broken.png", "no picture"), put("broken.mp4", "no film"), put("broken.pdf", "no document"), put("broken.epub", "no book"),
    put("doc.pdf", pdf("First page", "Second page", "Third page")),
    put("book.epub", epub("A long book with a title that goes on and on", { "Chapter the first": `<p>It begins. <a href="c1.xhtml#here">Onwards</a></p>${lines}`, "Chapter the second": `${lines}<p id="here">Here we are.</p>`, "Chapter the third": "<p>The end.</p>" }, { "OEBPS/style.css": "p { text-indent: 1em; color: black }" })),
    put("note.txt", "first\n"), put("story.md", story), put("code.py", "def f(x):\n    return 'a string'  # a comment\n"), put("latin.txt", Buffer.from([0x61, 0xe4, 0x6f])), put("thing.bin", "x"),
    ...Object.entries(hostile).map(([name, body]) => put(name, body)),
  ]);
  page = await open(browser);
  await signIn(page, "mary", "demo", "/files/spaces/personal/mary/media");
  await page.waitForSelector("[role=row][data-id]");
});
after(async () => {
  await browser?.close();
});
const fine = () => assert.deepEqual(page.faults, []);
const heading = (name) => page.waitForFunction((n) => document.querySelector("article h1")?.textContent === n, name);
const picture = (name) => page.waitForFunction((n) => { const i = document.querySelector("article img"); return i?.alt === n && i.complete && i.naturalWidth > 0; }, name);
const transform = () => page.locator("article img").evaluate((i) => i.style.transform);
const button = (label) => page.click(`article button[aria-label="${label}"]`);

test("pictures: opened from the list, zoom, turning, the next one, and back to the list", { skip }, async () => {
  await page.dblclick('[role=row]:has(a[title="1 red.png"])');
  await picture("1 red.png");
  await look(page, "view-image");
  await page.keyboard.press("+");
  await page.waitForFunction(() => document.querySelector("article img").style.transform.includes("scale(1.25)"));
  await page.mouse.move(640, 400);
  await page.mouse.down();
  await page.mouse.move(700, 430, { steps: 3 });
  await page.mouse.up();
  assert.match(await transform(), /translate\(60px, 30px\)/);
  await heading("1 red.png"); // what is large is moved, not turned over
  await page.keyboard.press("0");
  assert.match(await transform(), /translate\(0px, 0px\) scale\(1\)/);
  await page.keyboard.press("r");
  assert.match(await transform(), /rotate\(90deg\)/);
  const fits = await page.locator("article img").evaluate((i) => { const [a, b] = [i.getBoundingClientRect(), i.parentElement.getBoundingClientRect()]; return a.top >= b.top - 1 && a.bottom <= b.bottom + 1 && a.left >= b.left - 1 && a.right <= b.right + 1; });
  assert.ok(fits, "a turned picture fits");
  await page.keyboard.press("Shift+R");
  assert.match(await transform(), /rotate\(0deg\)/);
  await button("Larger");
  assert.match(await transform(), /scale\(1.25\)/);
  await page.keyboard.press("ArrowRight");
  await picture("2 green.png");
  assert.match(await transform(), /scale\(1\)/);
  await page.keyboard.press("ArrowLeft");
  await picture("1 red.png");
  await button("Next file");
  await picture("2 green.png");
  await button("Next file");
  await picture("3 blue.png");
  await page.keyboard.press("Escape");
  await page.waitForSelector('[role=row]:has(a[title="3 blue.png"])');
  assert.equal(new URL(page.url()).pathname, "/files/spaces/personal/mary/media");
  fine();
});

test("by keyboard alone: from the list and back, every button by Tab", { skip }, async () => {
  await page.goto(`${base}/files/spaces/personal/mary/media`);
  await page.waitForSelector("[role=row][data-id]");
  await page.focus("[role=grid] [tabindex='0']");
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  await picture("1 red.png");
  const buttons = await page.locator("article button:not(:disabled):visible").evaluateAll((all) => all.map((b) => b.getAttribute("aria-label") ?? b.textContent));
  const reached = new Set();
  for (let i = 0; i < buttons.length + 4; i++) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent));
  }
  assert.deepEqual(buttons.filter((b) => !reached.has(b)), []);
  await page.focus("article button[aria-label='Next file']");
  await page.keyboard.press("Enter");
  await picture("2 green.png");
  await page.waitForSelector("article button[aria-label='Next file']:focus");
  await page.keyboard.press("Escape");
  await page.waitForSelector('[role=row]:has(a[title="2 green.png"]):focus');
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await page.waitForSelector("article");
  await page.goto(url("tone.wav"));
  await page.waitForFunction(() => document.querySelector("article audio")?.readyState >= 2);
  for (let i = 0; i < 10 && !(await page.evaluate(() => document.activeElement.localName === "audio")); i++) await page.keyboard.press("Tab");
  const paused = await page.evaluate(() => document.querySelector("article audio").paused);
  await page.keyboard.press("Space");
  await page.waitForFunction((was) => document.querySelector("article audio").paused !== was, paused);
  await page.goto(url("book.epub"));
  await page.frameLocator("article iframe").locator("h1", { hasText: "Chapter the first" }).waitFor();
  await page.focus("article button[aria-label=Contents]");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=menu]");
  for (let i = 0; i < 5 && !(await page.locator("[role=menu] [data-highlighted] >> text=Chapter the third").count()); i++) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.frameLocator("article iframe").locator("text=The end.").waitFor();
  await page.evaluate(() => localStorage.clear === undefined || Object.keys(localStorage).filter((k) => !k.startsWith("oc_oAuth")).forEach((k) => localStorage.removeItem(k))); // where reading stopped
  fine();
});

test("a slide show goes on by itself, and round", { skip }, async () => {
  await page.goto(url("1 red.png"));
  await picture("1 red.png");
  await page.clock.install();
  await button("Slide show");
  await page.clock.runFor(5_100);
  await picture("2 green.png");
  await page.clock.runFor(5_100);
  await picture("3 blue.png");
  await button("Stop the slide show");
  await page.clock.runFor(20_000);
  await heading("3 blue.png");
  await page.clock.resume();
  fine();
});

test("film and sound play; what cannot be shown says so", { skip }, async () => {
  for (const [name, element] of [["clip.webm", "video"], ["tone.wav", "audio"]]) {
    await page.goto(url(name));
    await page.waitForFunction((e) => document.querySelector(`article ${e}`)?.readyState >= 2, element);
    await look(page, `view-${element}`);
  }
  for (const [name, text] of [["broken.png", "The picture cannot be shown"], ["broken.mp4", "This browser cannot play it"], ["broken.pdf", "The document cannot be shown"], ["broken.epub", "The book cannot be shown"], ["thing.bin", "This kind of file cannot be shown here"], ["nowhere.png", "This file is not there"]]) {
    await page.goto(url(name));
    await page.waitForSelector(`text=${text}`);
  }
  await look(page, "view-error");
  fine();
});

test("a PDF: pages, words, zoom", { skip }, async () => {
  await page.goto(url("doc.pdf"));
  await page.waitForSelector("[data-page='1'] .pdf-text >> text=First page");
  await page.waitForSelector("text=Page 1 of 3");
  const width = () => page.locator("[data-page='1']").evaluate((e) => e.clientWidth);
  const before = await width();
  await look(page, "view-pdf");
  await page.waitForSelector("[data-page='1'] .pdf-text >> text=First page");
  await page.setViewportSize({ width: 390, height: 844 }); // a phone that is turned: the page fits again
  await page.waitForFunction(() => document.querySelector("[data-page='1']").clientWidth < 390);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.waitForFunction((w) => document.querySelector("[data-page='1']").clientWidth === w, before);
  await button("Larger");
  await page.waitForFunction((w) => document.querySelector("[data-page='1']").clientWidth > w, before);
  await page.focus("[role=document]");
  await page.keyboard.press("End");
  await page.waitForSelector("[data-page='3'] .pdf-text >> text=Third page");
  await page.waitForSelector("text=Page 3 of 3");
  fine();
});

test("a book: chapters, contents, links, larger text, and where reading stopped", { skip }, async () => {
  await page.goto(url("book.epub"));
  const book = page.frameLocator("article iframe");
  await book.locator("h1", { hasText: "Chapter the first" }).waitFor();
  await look(page, "view-epub");
  // in the dark it is light on dark, whatever the book says; axe does not look into the frame
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForFunction(() => { const d = document.querySelector("article iframe").contentDocument; const p = d?.querySelector("p"); return p && parseInt(getComputedStyle(p).color.slice(4)) > 200; });
  await page.emulateMedia({ colorScheme: "light" });
  await button("Larger text");
  await page.waitForFunction(() => document.querySelector("article iframe").srcdoc.includes("115%"));
  await button("Contents");
  await look(page, "view-epub-contents");
  await page.click("[role=menu] >> text=Chapter the third");
  await book.locator("text=The end.").waitFor();
  await page.keyboard.press("ArrowLeft"); // by a page: the end of the chapter before
  await book.locator("h1", { hasText: "Chapter the second" }).waitFor();
  await page.waitForFunction(() => document.querySelector("article iframe").contentDocument.scrollingElement.scrollTop > 100);
  await button("Previous chapter");
  await book.locator("text=Onwards").click();
  await book.locator("h1", { hasText: "Chapter the second" }).waitFor();
  await page.waitForFunction(() => document.querySelector("article iframe").contentDocument.scrollingElement.scrollTop > 100);
  await page.keyboard.press("ArrowRight");
  await book.locator("text=The end.").waitFor();
  await page.reload();
  await book.locator("text=The end.").waitFor();
  fine();
});

test("texts: highlighting, saving by key, a change elsewhere", { skip }, async () => {
  await page.goto(url("code.py"));
  await page.waitForFunction(() => document.querySelectorAll(".cm-content .cm-line span").length > 2);
  await look(page, "view-text");
  await page.goto(url("note.txt"));
  await page.waitForSelector(".cm-content:focus");
  await page.keyboard.press("ControlOrMeta+End");
  await page.keyboard.type("second");
  await page.waitForSelector("text=Not saved yet");
  await page.keyboard.press("ControlOrMeta+s");
  await page.waitForSelector("text=“note.txt” was saved.");
  assert.equal((await mary("GET", "/media/note.txt")).text, "first\nsecond");

  const conflict = async (theirs) => {
    await mary("PUT", "/media/note.txt", theirs);
    await page.click(".cm-content");
    await page.keyboard.press("ControlOrMeta+End");
    await page.keyboard.type("!");
    await page.keyboard.press("ControlOrMeta+s");
    await page.waitForSelector("text=The file was changed meanwhile");
  };
  await conflict("theirs 1");
  await look(page, "view-conflict");
  await page.keyboard.press("Escape"); // no answer: nothing is written, nothing is lost
  await page.waitForSelector("text=Not saved yet");
  assert.equal((await mary("GET", "/media/note.txt")).text, "theirs 1");
  await page.keyboard.press("ControlOrMeta+s");
  await page.click("button:has-text('Drop mine, load theirs')");
  await page.waitForFunction(() => document.querySelector(".cm-content").textContent === "theirs 1");
  await conflict("theirs 2");
  await page.click("button:has-text('Save over theirs')");
  await page.waitForSelector("text=Not saved yet", { state: "detached" });
  assert.equal((await mary("GET", "/media/note.txt")).text, "theirs 1!");
  await conflict("theirs 3");
  await page.click("button:has-text('Save mine as a copy')");
  await heading("note (1).txt");
  assert.equal((await mary("GET", "/media/note.txt")).text, "theirs 3");
  assert.equal((await mary("GET", "/media/note%20(1).txt")).text, "theirs 1!!");
  // and the copy can be saved again
  await page.waitForSelector(".cm-content");
  await page.click(".cm-content");
  await page.keyboard.type("x");
  await page.keyboard.press("ControlOrMeta+s");
  await page.waitForSelector("text=“note (1).txt” was saved.");
  fine();
});

test("leaving with changes asks first", { skip }, async () => {
  await page.goto(url("note.txt"));
  await page.waitForSelector(".cm-content:focus");
  await page.keyboard.type("x");
  await button("Close");
  await page.waitForSelector("text=Leave without saving?");
  await page.click("[role=dialog] button:has-text('Cancel')");
  await page.waitForSelector("text=Not saved yet");
  await button("Close");
  await page.click("[role=dialog] button:has-text('Leave')");
  await page.waitForSelector("[role=row][data-id]");
  fine();
});

test("Markdown: preview with coloured code", { skip }, async () => {
  await page.goto(url("story.md"));
  await page.waitForSelector(".cm-content:focus");
  await page.click("article button:has-text('Preview')");
  await page.waitForSelector(".prose h2:has-text('A story')");
  assert.equal(await page.locator(".prose table td").count(), 2);
  assert.ok((await page.locator(".prose pre span").count()) > 2);
  await look(page, "view-markdown");
  await page.click("article button:has-text('Write')");
  await page.waitForSelector(".cm-content:focus");
  fine();
});

test("what is not UTF-8 is shown, and not changed", { skip }, async () => {
  await page.goto(url("latin.txt"));
  await page.waitForSelector(".cm-content >> text=aäo");
  await page.waitForSelector("text=This is not UTF-8");
  assert.equal(await page.locator("article button:has-text('Save')").count(), 0);
  fine();
});

test("files that mean harm run nothing", { skip }, async () => {
  // A page that axe was never in: for that, look() takes the policy away.
  const calm = page;
  page = await calm.context().newPage();
  page.faults = [];
  page.on("pageerror", (e) => page.faults.push(String(e)));
  await page.addInitScript(() => Object.defineProperty(window, "harmed", { set: () => (document.documentElement.dataset.harmed = "1") }));
  const asked = [];
  page.on("requestfinished", (r) => asked.push(r.url())); // those that the policy stops never begin
  for (const name of Object.keys(hostile)) {
    await page.goto(url(name));
    await heading(name);
    await page.waitForSelector("article img, article .cm-content, article iframe");
    if (name.endsWith(".md")) {
      await page.click("article button:has-text('Preview')");
      await page.waitForSelector(".prose h2");
      assert.equal(await page.locator(".prose :is(a, script, img)").count(), 0);
    }
    if (name.endsWith(".epub")) {
      const book = page.frameLocator("article iframe");
      await book.locator("#js").click();
      await book.locator("text=Harmless words").waitFor();
    }
    await page.waitForTimeout(150);
    assert.equal(await page.evaluate(() => document.documentElement.dataset.harmed), undefined, name);
    assert.equal(await page.locator("h1 img, title img").count(), 0, name);
  }
  assert.deepEqual(asked.filter((u) => u.endsWith("/leak.png") || !u.startsWith(base) && !/^(blob|data|about):/.test(u)), []);
  // and by its own address it is no page of ours: nothing for a stranger, and without rights in a browser that has a session
  const address = `${base}/dav/files/mary/media/evil.html`;
  assert.equal((await fetch(address)).status, 401);
  const own = await fetch(address, { headers: { Authorization: "Basic " + Buffer.from("mary:demo").toString("base64") } });
  assert.match(own.headers.get("content-security-policy"), /sandbox/);
  fine();
  await page.close();
  page = calm;
});

test("whoever may only read cannot change, by no way", { skip }, async () => {
  const me = JSON.parse((await dav("alan", "demo", "GET", "/graph/v1.0/me")).text);
  const drive = JSON.parse((await dav("mary", "demo", "GET", "/graph/v1.0/me/drives")).text).value.find((d) => d.driveType === "personal");
  const id = /<oc:fileid>([^<]*)/.exec((await mary("PROPFIND", "/media/story.md", undefined, { Depth: "0" })).text)[1];
  const role = JSON.parse((await dav("mary", "demo", "GET", `/graph/v1beta1/drives/${drive.id}/items/${id}/permissions`)).text)["@libre.graph.permissions.roles.allowedValues"].find((r) => r.displayName === "Can view");
  const invited = await dav("mary", "demo", "POST", `/graph/v1beta1/drives/${drive.id}/items/${id}/invite`, JSON.stringify({ recipients: [{ objectId: me.id }], roles: [role.id] }), { "Content-Type": "application/json" });
  assert.equal(invited.status, 200, invited.text);
  const reader = await open(browser, { viewport: { width: 390, height: 844 } });
  await signIn(reader, "alan", "demo", "/view/share/story.md");
  await reader.waitForSelector(".prose h2:has-text('A story')"); // Markdown to read is shown as it looks
  assert.equal(await reader.locator("article button:has-text('Save')").count(), 0);
  await reader.waitForSelector("text=Read only");
  await reader.click("article button:has-text('Source')");
  await reader.click(".cm-content");
  await reader.keyboard.type("changed");
  await reader.keyboard.press("ControlOrMeta+s");
  await reader.waitForTimeout(300);
  assert.equal((await mary("GET", "/media/story.md")).text, story);
  assert.deepEqual(reader.faults, []);
  await reader.context().close();
});

test("phone: swiping, and targets for fingers", { skip }, async () => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en-GB", viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, reducedMotion: "reduce", storageState: await page.context().storageState() });
  const phone = await context.newPage();
  await phone.goto(url("1 red.png"));
  if (await phone.waitForSelector("article img, #oc-login-username").then((e) => e.evaluate((x) => x.localName === "input"))) await signIn(phone, "mary", "demo", "/view/personal/mary/media/1%20red.png");
  await phone.waitForSelector("article img");
  const cdp = await context.newCDPSession(phone);
  const swipe = async (from, to) => {
    await cdp.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [{ x: from, y: 400 }] });
    for (let i = 1; i <= 4; i++) await cdp.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: [{ x: from + ((to - from) * i) / 4, y: 402 }] });
    await cdp.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  };
  const at = (name) => phone.waitForFunction((n) => document.querySelector("article img")?.alt === n, name);
  await swipe(300, 100);
  await at("2 green.png");
  await swipe(100, 300);
  await at("1 red.png");
  // two fingers make it larger
  await cdp.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [{ x: 150, y: 400, id: 1 }, { x: 200, y: 400, id: 2 }] });
  await cdp.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: [{ x: 100, y: 400, id: 1 }, { x: 250, y: 400, id: 2 }] });
  await cdp.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await phone.waitForFunction(() => /scale\([2-8]/.test(document.querySelector("article img").style.transform));
  for (const name of ["1 red.png", "book.epub", "note.txt"]) {
    await phone.goto(url(name));
    await phone.waitForSelector("article img, article iframe, article .cm-content");
    const boxes = await phone.locator("article button:visible").evaluateAll((all) => all.map((e) => [e.getAttribute("aria-label") ?? e.textContent, e.getBoundingClientRect().width, e.getBoundingClientRect().height]));
    for (const [label, w, h] of boxes) assert.ok(w >= 44 && h >= 44, `${name}: ${label} ${w}×${h}`);
    assert.ok(await phone.evaluate(() => document.documentElement.scrollWidth <= innerWidth), name);
  }
  await context.close();
});
