import { expect, test, vi } from "vitest";
import { userFilter, type Account, type People } from "@/api/people";
import { sections } from "./access";
import { apply, changes, membership, type Answer } from "./difference";

const was: Account = { id: "u", displayName: "Mary", onPremisesSamAccountName: "mary", mail: "m@x", accountEnabled: true, memberOf: [{ id: "a", displayName: "A" }, { id: "b", displayName: "B" }], appRoleAssignments: [{ id: "1", appRoleId: "user" }], drive: { id: "d", driveType: "personal", driveAlias: "", name: "", quota: { total: 5 } } };
const same: Answer = { username: "mary", name: "Mary", mail: "m@x", password: "", enabled: true, role: "user", groups: ["a", "b"], total: 5 };

test("only what is different is changed", () => {
  expect(changes(was, same)).toEqual({});
  expect(changes(was, { ...same, enabled: false, password: "p", mail: "" })).toEqual({ accountEnabled: false, passwordProfile: { password: "p" }, mail: "" });
  expect(membership(["a", "b"], ["b", "c"])).toEqual({ join: ["c"], leave: ["a"] });
});

test("apply sends what is needed, and nothing else", async () => {
  const sent: unknown[][] = [];
  const say = (name: string) => (...args: unknown[]) => Promise.resolve(void sent.push([name, ...args]));
  const people = { change: say("change"), assign: say("assign"), join: say("join"), leave: say("leave") } as unknown as People;
  const app = { id: "app", appRoles: [] };
  await apply(people, app, was, same, say("quota"));
  expect(sent).toEqual([]);
  await apply(people, app, was, { ...same, name: "M", role: "admin", groups: ["b", "c"], total: 0 }, say("quota"));
  expect(sent).toEqual([["change", "u", { displayName: "M" }], ["assign", "u", "admin", "app"], ["join", "c", "u"], ["leave", "a", "u"], ["quota", "d", 0]]);
});

test("a change that fails stops the rest", async () => {
  const join = vi.fn<() => Promise<void>>();
  const people = { change: () => Promise.reject(new Error("no")), join } as unknown as People;
  await expect(apply(people, undefined, was, { ...same, name: "M", groups: ["c"] }, () => Promise.resolve())).rejects.toThrow("no");
  expect(join).not.toHaveBeenCalled();
});

test("filters are quoted", () => {
  expect(userFilter({})).toBe("");
  expect(userFilter({ group: "o'x", role: "r" })).toBe("memberOf/any(m:m/id eq 'o''x') and appRoleAssignments/any(m:m/appRoleId eq 'r')");
});

test("whoever has no permission sees no page", () => {
  const app = (...names: string[]) => ({ permissions: { value: new Set(names) } }) as never;
  expect(sections(app())).toEqual([]);
  expect(sections(app("Accounts.ReadWrite.own", "Drives.Create.all"))).toEqual([]);
  expect(sections(app("Groups.ReadWrite.all", "Drives.List.all"))).toEqual(["groups", "spaces"]);
});
