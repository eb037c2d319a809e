import { expect, test } from "vitest";
import type { Drive } from "@/api/graph";
import type { Resource } from "@/api/resource";
import { readmeOf } from "./readme";

const item = (name: string, more: Partial<Resource> = {}) => ({ name, folder: false, size: 5, permissions: "", processing: false, ...more }) as Resource;
const found = (siblings: Resource[], path = "/x", drive = {} as Drive) => readmeOf({ siblings, drive, folder: item("x", { folder: true, path }) })?.name;

test("a readme in any case, if it can be read and is no book", () => {
  expect(found([item("a.md"), item("ReadMe.md")])).toBe("ReadMe.md");
  expect(found([item("readme.md", { folder: true }), item("readme.txt")])).toBeUndefined();
  expect(found([item("readme.md", { size: 1_000_000 })])).toBeUndefined();
  expect(found([item("readme.md", { permissions: "X" })])).toBeUndefined();
});

test("not beside the readme of the space", () => {
  const own = { special: [{ id: "1", specialFolder: { name: "readme" } }] } as unknown as Drive;
  expect(found([item("readme.md")], "/", own)).toBeUndefined();
  expect(found([item("readme.md")], "/", {} as Drive)).toBe("readme.md");
  expect(found([item("readme.md")], "/x", own)).toBe("readme.md");
});
