import { expect, test } from "vitest";
import type { Resource } from "@/api/resource";
import { kindOf, listed, viewUrl } from "./kinds";

const file = (name: string, mime: string, size = 1) => ({ name, mime, size, folder: false, permissions: "", processing: false, path: `/a/${name}`, id: name }) as Resource;

test.each([
  ["a.png", "image/png", "image"],
  ["a.svg", "image/svg+xml", "image"],
  ["a.heic", "image/heic", undefined], // browsers do not show it
  ["a.mp4", "video/mp4", "video"],
  ["a.avi", "video/x-msvideo", undefined],
  ["a.mp3", "audio/mpeg", "audio"],
  ["a.pdf", "application/pdf", "pdf"],
  ["a.epub", "application/epub+zip", "epub"],
  ["a.md", "text/markdown; charset=utf-8", "text"],
  ["a.json", "application/json", "text"],
  ["a.gpx", "application/gpx+xml", "text"],
  ["a.ts", "video/mp2t", "text"],
  ["a.go", "application/octet-stream", "text"],
  [".env", "", "text"],
  ["a.bin", "application/octet-stream", undefined],
  ["a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", undefined],
])("%s (%s) is shown as %s", (name, mime, kind) => expect(kindOf(file(name, mime))).toBe(kind));

test("a folder, a huge text: not ours", () => {
  expect(kindOf({ ...file("a.png", "image/png"), folder: true })).toBeUndefined();
  expect(kindOf(file("a.log", "text/plain", 10_000_001))).toBeUndefined();
  expect(kindOf(file("a.epub", "application/epub+zip", 200_000_001))).toBeUndefined();
});

test("next and previous stay among what looks alike, and leave out what may not be read", () => {
  const secret = { ...file("s.png", "image/png"), permissions: "X" };
  const all = [file("a.png", "image/png"), file("b.mp4", "video/mp4"), file("c.txt", "text/plain"), secret];
  expect(listed(all, "image").map((i) => i.name)).toEqual(["a.png", "b.mp4"]);
  expect(listed(all, "text").map((i) => i.name)).toEqual(["c.txt"]);
  expect(listed(all, undefined)).toEqual([]);
});

test("addresses of viewers", () => {
  expect(viewUrl({ id: "d", driveType: "personal", driveAlias: "personal/mary", name: "Mary" }, file("a b.png", "image/png"))).toBe("/view/personal/mary/a/a%20b.png?fileId=a+b.png");
  expect(viewUrl({ id: "t", driveType: "virtual", driveAlias: "public/tok", name: "" }, file("x", ""))).toBe("/view/public/tok/a/x?fileId=x");
});
