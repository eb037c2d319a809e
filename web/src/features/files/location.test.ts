import { expect, test } from "vitest";
import type { Drive } from "@/api/graph";
import { driveOf, driveOfItem, folderUrl, pathOf } from "./location";

const mary: Drive = { id: "s$m", driveType: "personal", driveAlias: "personal/mary", name: "Mary" };
const share: Drive = { id: "j$x", driveType: "mountpoint", driveAlias: "mountpoint/docs", name: "docs 1", root: { id: "j$x!1", remoteItem: { id: "s$o!7" } } };

test("addresses of folders", () => {
  expect(folderUrl(mary, "/")).toBe("/files/spaces/personal/mary");
  expect(folderUrl(mary, "/a b/c%", "s$m!1")).toBe("/files/spaces/personal/mary/a%20b/c%25?fileId=s%24m%211");
  expect(folderUrl(share, "/sub")).toBe("/files/spaces/share/docs%201/sub?shareId=s%24o%217");
});

test("and back", () => {
  const drives = [mary, share];
  expect(driveOf(drives, { params: { type: "personal", alias: "mary" }, query: {} })).toBe(mary);
  expect(driveOf(drives, { params: { type: "project", alias: "mary" }, query: {} })).toBeUndefined();
  expect(driveOf(drives, { params: { type: "share", alias: "other" }, query: { shareId: "s$o!7" } })).toBe(share);
  expect(driveOf(drives, { params: { type: "share", alias: "docs 1" }, query: {} })).toBe(share);
  expect(pathOf({ params: { path: ["a b", "c%"] } })).toBe("/a b/c%");
  expect(pathOf({ params: { path: "" } })).toBe("/");
});

test("ids", () => {
  expect(driveOfItem([mary, share], "s$m!99")).toBe(mary);
  expect(driveOfItem([mary, share], "s$o!7")).toBe(share);
  expect(driveOfItem([mary, share], "z$z!7")).toBeUndefined();
});
