import { QueryClient } from "@tanstack/vue-query";
import { beforeEach, expect, test, vi } from "vitest";
import { ApiError } from "@/api/http";
import { LinkDav, LinkHttp } from "@/api/link";
import type { App } from "@/app/app";
import type { Answer } from "@/features/files/operations";
import { begin, settle, target } from "./begin";
import { Queue, type Upload } from "./queue";
import type { Found } from "./tree";

const both: Answer = { choice: "both", all: false };
const file = (name: string) => ({ name, folder: false });
const has = (...names: string[]) => new Map(names.map((n) => [n.replace("/", ""), n.endsWith("/")])); // "f/" is a folder
const folder = (name: string) => ({ name, folder: true });

test("names that are free are kept without asking", async () => {
  const ask = vi.fn();
  expect([...(await settle([file("a"), folder("b")], has("c"), ask)) ?? []]).toEqual([["a", { to: "a", overwrite: false }], ["b", { to: "b", overwrite: false }]]);
  expect(ask).not.toHaveBeenCalled();
});

test.each<[Answer["choice"], unknown]>([
  ["replace", [["a.txt", { to: "a.txt", overwrite: true }]]],
  ["both", [["a.txt", { to: "a (2).txt", overwrite: false }]]],
  ["skip", []],
])("a taken name: %s", async (choice, want) => {
  expect([...(await settle([file("a.txt")], has("a.txt", "a (1).txt"), () => Promise.resolve({ choice, all: false }))) ?? []]).toEqual(want);
});

test("a new name is none that comes with it", async () => {
  const got = await settle([file("a"), file("a (1)")], has("a"), () => Promise.resolve(both));
  expect(got?.get("a")?.to).toBe("a (2)");
});

test("an answer for all is for files or for folders", async () => {
  const asked: [string, number][] = [];
  const ask = (r: { name: string }, more: number) => {
    asked.push([r.name, more]);
    return Promise.resolve<Answer>({ choice: "replace", all: true });
  };
  await settle([file("a"), folder("f"), file("b"), file("new"), folder("g")], has("a", "b", "f/", "g/"), ask);
  expect(asked).toEqual([["a", 1], ["f", 1]]);
});

test("what replacing means, and a folder never becomes a file", async () => {
  const asked: unknown[] = [];
  const ask = (r: { name: string }, more: number, replacing: string) => {
    asked.push([r.name, more, replacing]);
    return Promise.resolve<Answer>({ choice: replacing === "never" ? "both" : "replace", all: true });
  };
  const got = await settle([file("a"), file("b"), folder("c"), folder("d")], has("a", "b/", "c/", "d"), ask);
  expect(asked).toEqual([["a", 0, "replace"], ["b", 1, "never"], ["c", 0, "merge"]]);
  expect([...(got ?? [])].map(([, n]) => n.to + (n.overwrite ? "!" : ""))).toEqual(["a!", "b (1)", "c!", "d (1)"]);
});

test("giving up gives up everything", async () => {
  expect(await settle([file("a"), file("b")], has("b"), () => Promise.resolve(undefined))).toBeUndefined();
});

test("what is below a renamed folder goes with it", () => {
  const settled = new Map([["a", { to: "a (1)", overwrite: false }]]);
  expect(target("a/b/c.txt", settled)).toBe("a (1)/b/c.txt");
  expect(target("other", settled)).toBeUndefined();
});

// ---- begin
const at = { driveId: "d", path: "/in" };
let made: string[];
let answer: Answer | undefined;
let queue: Queue;
let errors: string[];
const app = (taken: string[], quota?: { total: number; remaining: number }) => ({
  dav: {
    list: () => Promise.resolve({ folder: {}, children: taken.map((name) => ({ name: name.replace("/", ""), folder: name.endsWith("/") })) }),
    mkcol: ({ path }: { path: string }) => {
      made.push(path);
      return taken.includes(path.slice(4) + "/") ? Promise.reject(new ApiError(405, "", "")) : Promise.resolve();
    },
  },
  queries: new QueryClient(),
  drives: { value: quota ? [{ id: "d", quota }] : [] },
  dialogs: { show: () => Promise.resolve(answer) },
  toasts: { error: (text: string) => errors.push(text) },
  language: { $gettext: (s: string) => s, $ngettext: (s: string) => s },
}) as unknown as App;
const found = (files: string[], folders: string[] = []): Found => ({ folders, files: files.map((path) => ({ path, file: new File(["123"], path.split("/").pop() ?? "", { lastModified: 7 }) })) });
const queued = () => queue.list.value.map((u: Upload) => [u.folder, u.name, u.overwrite]);
beforeEach(() => {
  [made, errors, answer] = [[], [], undefined];
  queue = new Queue({ send: () => () => undefined, discard: () => Promise.resolve() });
});

test("folders are made before what is in them, empty ones too; those that are there are as good", async () => {
  answer = { choice: "replace", all: false };
  await begin(app(["a/"]), queue, at, found(["a/b/2", "a/1", "3"], ["a", "a/empty", "a/b"]));
  expect(made[0]).toBe("/in/a");
  expect(made.sort()).toEqual(["/in/a", "/in/a/b", "/in/a/empty"]);
  expect(queued()).toEqual([["/in/a/b", "2", true], ["/in/a", "1", true], ["/in", "3", false]]);
});

test("closing the question uploads nothing", async () => {
  await begin(app(["a"]), queue, at, found(["a", "b"]));
  expect(queued()).toEqual([]);
});

test("what does not fit is not begun", async () => {
  await begin(app([], { total: 10, remaining: 2 }), queue, at, found(["a"]));
  expect([queued(), errors.length]).toEqual([[], 1]);
});

test("impossible names are told and left away", async () => {
  await begin(app([]), queue, at, found(["good", "x".repeat(300)]));
  expect(queued()).toEqual([["/in", "good", false]]);
  expect(errors.length).toBe(1);
});

test("files that a reload interrupted go on instead of beginning anew", async () => {
  queue.add([{ id: "1", app: app([]), driveId: "d", folder: "/in", name: "a", size: 3, modified: 7, overwrite: false, url: "/data/1", sent: 1, state: "forgotten" }]);
  await begin(app(["a"]), queue, at, found(["a"]));
  expect(queue.list.value.map((u) => [u.state, u.url])).toEqual([["running", "/data/1"]]);
});

test("into a drop folder nothing is listed or asked, and the server finds the name", async () => {
  const blind = app([]);
  blind.dav = Object.assign(new LinkDav(new LinkHttp("", "d")), { info: { rights: 4 }, list: () => Promise.reject(new ApiError(403, "", "")) });
  await begin(blind, queue, at, found(["a"]));
  expect(queued()).toEqual([["/in", "a", true]]); // no "only if there is none"
});
