import { expect, test } from "vitest";
import { shared, type Shared } from "@/api/shares";
import { kindOf, kinds, on, sharers, wanted, type Filter } from "./lists";

const remote = (name: string, more: object = {}, by = "Mary") =>
  shared({
    id: `jail!${name}`, name, "@client.synchronize": true, "@UI.Hidden": false,
    remoteItem: { id: `p$s!${name}`, name, folder: {}, permissions: [{ id: "1", createdDateTime: "2026-01-02T00:00:00Z", invitation: { invitedBy: { user: { id: by, displayName: by } } }, grantedToV2: { user: { id: "e", displayName: "Einstein" } } }] },
    ...more,
  });
const names = (l: Shared[]) => l.map((s) => s.name);

test("what others shared is read", () => {
  const s = remote("Plans");
  expect(s).toMatchObject({ mount: "jail!Plans", accepted: true, hidden: false, by: [{ displayName: "Mary" }], people: [{ id: "e" }], groups: [], links: [], since: Date.parse("2026-01-02T00:00:00Z") });
  expect(s).toMatchObject({ id: "p$s!Plans", driveId: "jail!Plans", path: "/", name: "Plans", folder: true, parentId: "" });
});

test("an item that the person shared keeps its place", () => {
  const s = shared({ id: "p$s!f", name: "a.txt", size: 3, file: { mimeType: "text/plain" }, parentReference: { driveId: "p$s", id: "p$s!d", path: "/docs" }, permissions: [{ id: "l", link: { webUrl: "https://x/s/t" } }] });
  expect(s).toMatchObject({ mount: "", path: "/docs/a.txt", folder: false, mime: "text/plain", size: 3, parentId: "p$s!d" });
  expect(s.links).toHaveLength(1);
  expect(s.people).toEqual([]);
});

test("pages", () => {
  const link = { ...remote("Link"), people: [], links: [{ id: "l", link: { webUrl: "" } }] };
  const all = [link, remote("Plans")];
  expect(names(on(all, "with-me"))).toEqual(["Link", "Plans"]);
  expect(names(on(all, "with-others"))).toEqual(["Plans"]);
  expect(names(on(all, "via-link"))).toEqual(["Link"]);
});

test.each<[Filter, string[]]>([
  [{}, ["a", "pending", "link"]], // what is hidden is asked for
  [{ state: "hidden" }, ["hidden"]],
  [{ state: "pending" }, ["pending"]],
  [{ who: "Alan" }, ["link"]],
  [{ kind: "image" }, ["link"]],
  [{ kind: "folder", who: "Mary" }, ["a", "pending"]],
  [{ to: "links" }, ["link"]],
  [{ to: "groups" }, []],
])("filter %j", (filter, expected) => {
  const link = { ...remote("link", {}, "Alan"), folder: false, mime: "image/png", links: [{ id: "l", link: { webUrl: "" } }] };
  const page = [remote("a"), remote("pending", { "@client.synchronize": false }), remote("hidden", { "@UI.Hidden": true }), link];
  expect(names(wanted(page, filter))).toEqual(expected);
  expect(kinds(page)).toEqual(["folder", "image"]);
  expect(sharers(page, "en").map((p) => p.displayName)).toEqual(["Alan", "Mary"]);
});

test.each([
  ["application/pdf", "document"],
  ["application/vnd.oasis.opendocument.spreadsheet", "document"],
  ["text/markdown", "document"],
  ["audio/mpeg", "audio"],
  ["application/zip", "other"],
  ["", "other"],
])("kind of %s", (mime, kind) => expect(kindOf({ folder: false, mime })).toBe(kind));
