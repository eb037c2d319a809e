import { createPinia, setActivePinia } from "pinia";
import { beforeEach, expect, test } from "vitest";
import type { Context } from "@/app/registry";
import type { Resource } from "@/api/resource";
import { actions } from "./actions";
import { useFiles } from "./store";

const item = (permissions: string, more: Partial<Resource> = {}) => ({ id: "1", name: "n", path: "/n", folder: false, permissions, locked: "", processing: false, favourite: false, ...more }) as Resource;
const able = (items: Resource[], more: Partial<Context> = {}) => {
  const c = { where: "files", items, siblings: [], ...more } as unknown as Context;
  return actions.filter((a) => a.applies(c)).map((a) => a.id);
};
beforeEach(() => setActivePinia(createPinia()));

test("an owner may do everything, a reader only look", () => {
  expect(able([item("RDNVWZP")])).toEqual(expect.arrayContaining(["open", "download", "cut", "copy", "rename", "delete"]));
  const reader = able([item("")]);
  expect(reader).toEqual(expect.arrayContaining(["open", "download", "copy"]));
  for (const a of ["cut", "rename", "delete", "paste"]) expect(reader).not.toContain(a);
});

test("secure view gives no content away", () => {
  for (const a of ["download", "copy"]) expect(able([item("X")])).not.toContain(a);
});

test("all that is chosen must allow it", () => expect(able([item("D"), item("", { id: "2" })])).not.toContain("delete"));

test("what is locked or processed stays as it is", () => {
  for (const more of [{ locked: "Mary" }, { processing: true }]) for (const a of ["cut", "rename", "delete"]) expect(able([item("RDNVWZP", more)])).not.toContain(a);
});

test("pasting needs something to paste and the right to create", () => {
  const folder = item("CK", { folder: true });
  expect(able([], { folder })).not.toContain("paste");
  useFiles().clipboard = { items: [item("V")], cut: true };
  expect(able([], { folder })).toContain("paste");
  expect(able([], { folder: item("", { folder: true }) })).not.toContain("paste");
  expect(able([], { folder, where: "favourites" })).not.toContain("paste");
});
