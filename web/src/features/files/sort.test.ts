import { expect, test } from "vitest";
import type { Resource } from "@/api/resource";
import { matching, sorted } from "./sort";

const file = (name: string, more: Partial<Resource> = {}) => ({ name, folder: false, size: 0, modified: 0, ...more }) as Resource;
const names = (list: Resource[]) => list.map((r) => r.name);

test("folders first, numbers by value, in both directions", () => {
  const list = [file("10.txt"), file("b", { folder: true }), file("2.txt"), file("Äpfel.txt"), file("a", { folder: true }), file("Zebra.txt")];
  expect(names(sorted(list, { by: "name", down: false }, "de"))).toEqual(["a", "b", "2.txt", "10.txt", "Äpfel.txt", "Zebra.txt"]);
  expect(names(sorted(list, { by: "name", down: true }, "de"))).toEqual(["b", "a", "Zebra.txt", "Äpfel.txt", "10.txt", "2.txt"]);
});

test("by size, then by name", () => {
  const list = [file("c", { size: 1 }), file("b", { size: 5 }), file("a", { size: 1 })];
  expect(names(sorted(list, { by: "size", down: true }, "en"))).toEqual(["b", "a", "c"]);
});

test("hidden files and terms", () => {
  const list = [file(".profile"), file("Profile.txt"), file("other")];
  expect(names(matching(list, "", false, "en"))).toEqual(["Profile.txt", "other"]);
  expect(names(matching(list, " profile", true, "en"))).toEqual([".profile", "Profile.txt"]);
});
