import { describe, expect, test } from "vitest";
import { above, base, check, encode, free, join, parent, split, within } from "./path";

test("parts of paths", () => {
  expect(join("/", "a")).toBe("/a");
  expect(join("/a", "b")).toBe("/a/b");
  expect(parent("/a/b")).toBe("/a");
  expect(parent("/a")).toBe("/");
  expect(parent("/")).toBe("/");
  expect(base("/a/b")).toBe("b");
  expect(base("/")).toBe("");
  expect(encode("/a b/c#?%")).toBe("/a%20b/c%23%3F%25");
});

test.each([["/a/b", "/a", true], ["/a", "/a", true], ["/ab", "/a", false], ["/a", "/a/b", false], ["/x", "/", true]])("%s within %s: %s", (path, folder, want) => {
  expect(within(path, folder)).toBe(want);
});

test.each([["a.txt", "a", ".txt"], ["a.tar.gz", "a", ".tar.gz"], [".profile", ".profile", ""], ["README", "README", ""], ["v1.2.pdf", "v1.2", ".pdf"]])("split %s", (name, stem, extension) => {
  expect(split(name)).toEqual([stem, extension]);
});
test("folders have no extension", () => expect(split("v1.2", true)).toEqual(["v1.2", ""]));

describe("free", () => {
  test.each([
    ["a.txt", [], "a.txt"],
    ["a.txt", ["a.txt"], "a (1).txt"],
    ["a.txt", ["a.txt", "a (1).txt"], "a (2).txt"],
    ["a (1).txt", ["a (1).txt", "a.txt"], "a (2).txt"],
    ["a.tar.gz", ["a.tar.gz"], "a (1).tar.gz"],
  ])("%s beside %j", (name, taken, want) => {
    expect(free(name, new Set(taken))).toBe(want);
  });
  test("folder", () => expect(free("v1.2", new Set(["v1.2"]), true)).toBe("v1.2 (1)"));
});

test.each([["", "empty"], ["  ", "empty"], [".", "dots"], ["..", "dots"], ["a/b", "slash"], [" a", "space"], ["ä".repeat(128), "long"], ["taken", "taken"], ["fine.txt", undefined], ["...", undefined]])("name %j: %s", (name, want) => {
  expect(check(name, new Set(["taken"]))).toBe(want);
});

test("folders above, the nearest first", () => {
  expect(above("/a/b/c.txt")).toEqual(["/a/b", "/a", "/"]);
  expect(above("/a")).toEqual(["/"]);
  expect(above("/")).toEqual([]);
});
