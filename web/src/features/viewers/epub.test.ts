import { expect, test } from "vitest";
import { open, resolve } from "./epub";
import { keepSpot, spotOf } from "./places";
import { Zip } from "./zip";

const bytes = (text: string) => new TextEncoder().encode(text);
const numbers = (...all: [bytes: 2 | 4, value: number][]) => all.flatMap(([n, v]) => [v, v >> 8, v >> 16, v >> 24].slice(0, n).map((b) => b & 255));

// archive packs files as ZIP does.
async function archive(files: Record<string, string>, deflate = true): Promise<Uint8Array<ArrayBuffer>> {
  const parts: number[][] = [];
  const list: number[][] = [];
  let at = 0;
  for (const [name, text] of Object.entries(files)) {
    const data = deflate ? new Uint8Array(await new Response(new Blob([bytes(text)]).stream().pipeThrough(new CompressionStream("deflate-raw"))).arrayBuffer()) : bytes(text);
    const [method, length] = [deflate ? 8 : 0, bytes(name).length];
    parts.push([...numbers([4, 0x04034b50], [2, 20], [2, 0], [2, method], [4, 0], [4, 0], [4, data.length], [4, text.length], [2, length], [2, 0]), ...bytes(name), ...data]);
    list.push([...numbers([4, 0x02014b50], [2, 20], [2, 20], [2, 0], [2, method], [4, 0], [4, 0], [4, data.length], [4, text.length], [2, length], [2, 0], [2, 0], [2, 0], [2, 0], [4, 0], [4, at]), ...bytes(name)]);
    at += parts.at(-1)?.length ?? 0;
  }
  return Uint8Array.from([...parts.flat(), ...list.flat(), ...numbers([4, 0x06054b50], [2, 0], [2, 0], [2, list.length], [2, list.length], [4, list.flat().length], [4, at], [2, 0])]);
}

const book = (more: Record<string, string> = {}) => ({
  "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
  "OEBPS/book.opf": '<package xmlns="http://www.idpf.org/2007/opf"><metadata><title>A book</title><language>en</language></metadata><manifest><item id="nav" href="nav.xhtml" properties="nav"/><item id="a" href="text/a%20b.xhtml"/><item id="b" href="text/b.xhtml"/></manifest><spine><itemref idref="a"/><itemref idref="b"/></spine></package>',
  "OEBPS/nav.xhtml": '<html xmlns="http://www.w3.org/1999/xhtml"><body><nav><ol><li><a href="text/a%20b.xhtml">One</a><ol><li><a href="text/b.xhtml#x">Two</a></li></ol></li><li><a href="gone.xhtml">Gone</a></li></ol></nav></body></html>',
  "OEBPS/text/a b.xhtml": '<html xmlns="http://www.w3.org/1999/xhtml"><head><link rel="stylesheet" href="../s.css"/><script>bad()</script></head><body onload="bad()"><p onclick="bad()">Hello</p><a href="b.xhtml#x">on</a><a href="javascript:bad()">bad</a><a href="https://x.test/">out</a><iframe src="https://x.test"/></body></html>',
  "OEBPS/text/b.xhtml": '<html xmlns="http://www.w3.org/1999/xhtml"><body><p id="x">Bye</p></body></html>',
  "OEBPS/s.css": "p { color: red } </style><script>bad()</script>",
  ...more,
});

test.each([true, false])("an archive, deflated: %s", async (deflate) => {
  const zip = new Zip(await archive({ "a/ä.txt": "hello", b: "" }, deflate));
  expect(new TextDecoder().decode(await zip.read("a/ä.txt"))).toBe("hello");
  expect(await zip.read("b")).toHaveLength(0);
  expect(await zip.read("c")).toBeUndefined();
});

test("what is no archive, or no book", async () => {
  expect(() => new Zip(new Uint8Array(0))).toThrow();
  expect(() => new Zip(new TextEncoder().encode("no archive, but long enough to be one"))).toThrow();
  await expect(open(await archive({ a: "b" }))).rejects.toThrow();
});

test("a bomb is not unpacked", async () => {
  await expect(new Zip(await archive({ a: "0".repeat(1_001) }), 1_000).read("a")).rejects.toThrow("too large");
});

test("chapters and contents", async () => {
  const b = await open(await archive(book()));
  expect(b.title).toBe("A book");
  expect(b.chapters).toEqual(["OEBPS/text/a b.xhtml", "OEBPS/text/b.xhtml"]);
  expect(b.headings).toEqual([{ label: "One", chapter: 0, fragment: "", depth: 0 }, { label: "Two", chapter: 1, fragment: "x", depth: 1 }]);
});

test("a page brings its style and its words, and nothing that runs", async () => {
  const { html } = await (await open(await archive(book()))).page(0, "body { margin: 0 }");
  const page = new DOMParser().parseFromString(html, "text/html");
  expect(page.querySelector("script, iframe, [onload], [onclick]")).toBeNull();
  expect([...page.querySelectorAll("a")].map((a) => [a.textContent, a.getAttribute("href"), a.getAttribute("data-to")])).toEqual([["on", "#", "1#x"], ["bad", null, null], ["out", "https://x.test/", null]]);
  expect(html).toContain("color: red");
  expect(html).toContain("default-src 'none'");
});

test.each([["OEBPS/a.opf", "b.xhtml", "OEBPS/b.xhtml", ""], ["OEBPS/t/a", "../x%20y#z", "OEBPS/x y", "z"], ["a b/c", "#d", "a b/c", "d"], ["a", "../../etc", "etc", ""], ["a", "https://x.test/b", "", ""], ["a", "javascript:b", "", ""], ["a", "http://[", "", ""]])("%s and %s", (from, href, path, fragment) =>
  expect(resolve(from, href)).toEqual([path, fragment]));

test("where reading stopped", () => {
  const store = new Map<string, string>();
  const storage = { getItem: (k: string) => store.get(k) ?? null, setItem: (k: string, v: string) => void store.set(k, v) } as Storage;
  expect(spotOf("a", storage)).toEqual({ chapter: 0, part: 0 });
  for (let i = 0; i < 120; i++) keepSpot(`${i}`, { chapter: i, part: 0.5 }, storage);
  expect(spotOf("119", storage)).toEqual({ chapter: 119, part: 0.5 });
  expect(spotOf("1", storage).chapter).toBe(0);
  store.set("oc_books", "{damaged");
  expect(spotOf("a", storage)).toEqual({ chapter: 0, part: 0 });
});
