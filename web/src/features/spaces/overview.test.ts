import { expect, test } from "vitest";
import type { Drive } from "@/api/graph";
import { arranged, standard, type Look } from "./overview";
import { pathBelow } from "./duplicate";

const space = (name: string, used: number, day: number, more: object = {}) => ({ id: name, name, driveType: "project", quota: { used }, lastModifiedDateTime: `2026-01-0${day}T00:00:00Z`, ...more }) as Drive;
const drives = [
  space("Ten 10", 1, 3),
  space("Ten 9", 3, 1, { description: "Nine lives" }),
  space("Old", 9, 9, { root: { id: "x", deleted: { state: "trashed" } } }),
  space("apples", 2, 2),
  { ...space("mine", 0, 1), driveType: "personal" } as Drive,
];

test.each<[Partial<Look>, string, string[]]>([
  [{}, "", ["apples", "Ten 9", "Ten 10", "Old"]],
  [{ sort: "used" }, "", ["Ten 9", "apples", "Ten 10", "Old"]],
  [{ sort: "modified" }, "", ["Ten 10", "apples", "Ten 9", "Old"]],
  [{ state: "enabled" }, "", ["apples", "Ten 9", "Ten 10"]],
  [{ state: "disabled" }, "", ["Old"]],
  [{}, " NINE", ["Ten 9"]],
])("spaces %j %j", (look, term, names) => expect(arranged(drives, { ...standard, ...look }, term, "en").map((d) => d.name)).toEqual(names));

test("the path of a file by its address", () => {
  expect(pathBelow("/dav/spaces/a%24b/.space/a%20b.png", "/dav/spaces/a$b")).toBe("/.space/a b.png");
  expect(pathBelow("/dav/spaces/x/readme.md", "/dav/spaces/y")).toBeUndefined();
});
