import { createApp, h } from "vue";
import { expect, test } from "vitest";
import { tagHighlighter, tags } from "@lezer/highlight";
import { preview } from "./preview";

async function html(text: string): Promise<string> {
  const parts = await preview(text, tagHighlighter([{ tag: tags.keyword, class: "kw" }]));
  const box = document.createElement("div");
  createApp({ render: () => h("div", parts) }).mount(box);
  return box.innerHTML.replace(/^<div>|<\/div>$/g, "");
}

test.each([
  ["# A *b*", "<h2>A <em>b</em></h2>"],
  ["A\n===", "<h2>A</h2>"],
  ["one\ntwo  \nthree", "<p>one\ntwo<br>three</p>"],
  ["**a** ~~b~~ `c<d`", "<p><strong>a</strong> <del>b</del> <code>c&lt;d</code></p>"],
  ["- a\n- b\n  1. c", "<ul><li><p>a</p></li><li><p>b</p><ol><li><p>c</p></li></ol></li></ul>"],
  ["> a\n> b", "<blockquote><p>a\nb</p></blockquote>"],
  ["a \\* &amp; &copy;", "<p>a * &amp; ©</p>"],
  ["|a|b|\n|-|-|\n|1|*2*|", "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td><em>2</em></td></tr></table>"],
  ["    code\n    more", '<pre tabindex="0"><code>code\nmore</code></pre>'],
  ["```js\nlet a;\n```", '<pre tabindex="0"><code><span class="kw">let</span> a;</code></pre>'],
  ["```unknown\nx\n```", '<pre tabindex="0"><code>x</code></pre>'],
  ["---", "<hr>"],
])("%j", async (text, want) => expect(await html(text)).toBe(want));

test("a task", async () => expect(await html("- [x] done")).toContain('type="checkbox"'));

test("links lead out, in a tab of their own, and only there", async () => {
  expect(await html('[a *b*](https://x.test/?a=b "t")')).toBe('<p><a href="https://x.test/?a=b" target="_blank" rel="noopener noreferrer nofollow">a <em>b</em></a></p>');
  expect(await html("<https://x.test>")).toContain('href="https://x.test"');
  for (const bad of ["[a](javascript:alert(1))", "[a](  JaVaScript:alert(1))", "[a](java\nscript:x)", "<javascript:alert(1)>", "[a](data:text/html,x)", "[a](/files)"]) expect(await html(bad)).not.toContain("href");
});

test.each(["<script>alert(1)</script>", "a <img src=x onerror=alert(1)> b", "<iframe src=//x>\n</iframe>", "![a](https://x.test/t.png)", "[![a](x)](javascript:x)", "&lt;script&gt;", "<svg/onload=alert(1)>"])("nothing runs or is loaded: %s", async (text) => {
  const box = document.createElement("div");
  box.innerHTML = await html(text);
  expect(box.querySelector("script,img,iframe,svg,a")).toBeNull();
});
