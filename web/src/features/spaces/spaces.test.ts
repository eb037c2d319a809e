import { createApp, h } from "vue";
import { expect, test } from "vitest";
import type { Drive } from "@/api/graph";
import { manages } from "./files";
import { difference, menu } from "./manage";
import { render } from "@/ui/markdown";

const html = (text: string) => {
  const box = document.createElement("div");
  createApp({ render: () => h("main", render(text, 1)) }).mount(box);
  return box.querySelector("main")?.innerHTML.replace(/<!--.*?-->/g, "");
};

test.each([
  ["# Hello\nworld\nagain", "<h2>Hello</h2><p>world again</p>"],
  ["- a\n- **b**\n\n1. c", "<ul><li>a</li><li><strong>b</strong></li></ul><ol><li>c</li></ol>"],
  ["`x` and *y*", "<p><code>x</code> and <em>y</em></p>"],
  ["[a](https://x.org)", '<p><a href="https://x.org" target="_blank" rel="noopener noreferrer nofollow">a</a></p>'],
  ["[a](javascript:alert(1))", "<p>a)</p>"], // no address that runs something
  ["<img src=x onerror=alert(1)>", "<p>&lt;img src=x onerror=alert(1)&gt;</p>"],
  ["", ""],
])("Markdown %j", (text, expected) => expect(html(text)).toBe(expected));

test("headings follow those of the page, whatever they begin with", () => expect(html("### a\n#### b\n### c")).toBe("<h2>a</h2><h3>b</h3><h2>c</h2>"));

test("only what is different is changed", () => {
  const drive = { id: "d", name: "A", description: "x", quota: { total: 5e9 } } as Drive;
  expect(difference(drive, { name: "A", description: "x", total: 5e9 })).toBeUndefined();
  expect(difference(drive, { name: "B", description: "x" })).toEqual({ name: "B" });
  expect(difference(drive, { name: "A", description: "", total: 0 })).toEqual({ description: "", quota: { total: 0 } });
});

test("only managers are offered to change a space", () => {
  const app = { language: { $gettext: (t: string) => t }, permissions: { value: new Set<string>() } } as never;
  const drive = { id: "d", name: "A", driveType: "project", driveAlias: "project/a" } as Drive;
  const ids = (d: Drive, managed: boolean) => menu(app, d, managed, () => Promise.resolve()).map((e) => e.id);
  expect(ids(drive, false)).toEqual(["members", "trash"]);
  expect(ids(drive, true)).toEqual(["edit", "picture", "readme", "members", "trash", "disable"]);
  expect(ids({ ...drive, root: { id: "d", deleted: { state: "trashed" } } }, false)).toEqual(["enable", "delete"]);
  expect(menu({ ...(app as object), permissions: { value: new Set(["Drives.Create.all"]) } } as never, drive, false).map((e) => e.id)).toContain("duplicate");
  expect(manages(["libre.graph/driveItem/permissions/read"])).toBe(false);
  expect(manages(["libre.graph/driveItem/permissions/delete"])).toBe(true);
});
