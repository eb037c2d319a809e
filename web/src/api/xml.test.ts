import { expect, test } from "vitest";
import { content, read } from "./xml";

test("elements, text, and what else may be between", () => {
  const root = read(`<?xml version="1.0"?>\n<!-- a > b --><d:a xmlns:d='DAV:' title="x > y"><b>1 &lt; 2 &amp; &#x1F600;&#33;</b><c/><c></c><![CDATA[<raw> &amp;]]><!-- no --> tail</d:a>\n`);
  expect(root).toMatchObject({ name: "a", text: "<raw> &amp; tail" });
  expect(root.children).toEqual([{ name: "b", children: [], text: "1 < 2 & 😀!" }, { name: "c", children: [], text: "" }, { name: "c", children: [], text: "" }]);
  expect(content(root)).toBe("<raw> &amp; tail1 < 2 & 😀!");
});

test.each([
  "", "text", "<a>", "<a></b>", "</a>", "<a/><b/>", "<a>&unknown;</a>", "<a>&constructor;</a>", "<a>&#0;</a>", "<a>&#x110000;</a>", "<a b='></a>", "<a", "<a/>text", "< a/>",
  '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "<a>".repeat(200) + "</a>".repeat(200),
])("%j is refused", (xml) => expect(() => read(xml)).toThrow());

test("it reads what the browser reads, but for the order of text and elements beside each other", () => {
  const doc = `<d:m xmlns:d="DAV:"><d:r a="1" b='"'><d:h>/a%20b/&quot;ü&quot;</d:h><d:p><x/>\t</d:p></d:r></d:m>`;
  const dom = new DOMParser().parseFromString(doc, "application/xml").documentElement;
  expect(content(read(doc))).toBe(dom.textContent);
});

test("one that never ends its tags takes no longer than its length", () => {
  const since = performance.now();
  expect(() => read("<a " + "b='c' ".repeat(50_000))).toThrow();
  expect(() => read("<!--".repeat(2_000))).toThrow();
  expect(performance.now() - since).toBeLessThan(5_000);
});
