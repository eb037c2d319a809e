import { expect, test } from "vitest";
import { shared, type Shared } from "@/api/shares";
import { listed, sections } from "./lists";

const remote = (name: string, more: object = {}) =>
  shared({
    id: `jail!${name}`, name, "@client.synchronize": true, "@UI.Hidden": false,
    remoteItem: { id: `p$s!${name}`, name, folder: {}, permissions: [{ id: "1", createdDateTime: "2026-01-02T00:00:00Z", invitation: { invitedBy: { user: { id: "m", displayName: "Mary" } } }, grantedToV2: { user: { id: "e", displayName: "Einstein" } } }] },
    ...more,
  });
const names = (l: Shared[]) => l.map((s) => s.item.name);

test("what others shared is read", () => {
  const s = remote("Plans");
  expect(s).toMatchObject({ id: "jail!Plans", accepted: true, hidden: false, by: "Mary", with: ["Einstein"], links: [], since: Date.parse("2026-01-02T00:00:00Z") });
  expect(s.item).toMatchObject({ id: "p$s!Plans", driveId: "jail!Plans", path: "/", name: "Plans", folder: true });
});

test("an item that the person shared keeps its place", () => {
  const s = shared({ id: "p$s!f", name: "a.txt", size: 3, file: { mimeType: "text/plain" }, parentReference: { driveId: "p$s", id: "p$s!d", path: "/docs" }, permissions: [{ id: "l", link: { webUrl: "https://x/s/t" } }] });
  expect(s.item).toMatchObject({ path: "/docs/a.txt", folder: false, mime: "text/plain", size: 3, parentId: "p$s!d" });
  expect(s.links).toHaveLength(1);
  expect(s.with).toEqual([]);
});

test("lists are found by name and person, and by kind", () => {
  const link = { ...remote("Link"), with: [], links: [{ id: "l", link: { webUrl: "" } }], since: 0 };
  const all = [link, remote("Plans")];
  expect(names(listed(all, "with-me", "", "en"))).toEqual(["Plans", "Link"]);
  expect(names(listed(all, "with-others", "", "en"))).toEqual(["Plans"]);
  expect(names(listed(all, "via-link", "", "en"))).toEqual(["Link"]);
  expect(names(listed(all, "with-me", "einST", "en"))).toEqual(["Plans"]);
  expect(names(listed(all, "with-me", "zzz", "en"))).toEqual([]);
});

test("sections", () => {
  const list = [remote("a"), remote("b", { "@client.synchronize": false }), remote("c", { "@UI.Hidden": true })];
  expect(sections(list).map(([id, l]) => [id, names(l)])).toEqual([["pending", ["b"]], ["accepted", ["a"]], ["hidden", ["c"]]]);
  expect(sections([])).toEqual([]);
});
