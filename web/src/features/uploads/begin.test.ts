import { QueryClient } from "@tanstack/vue-query";
import { beforeEach, expect, test } from "vitest";
import { ApiError } from "@/api/http";
import { LinkDav, LinkHttp } from "@/api/link";
import type { App } from "@/app/app";
import type { Answer } from "@/features/files/conflicts";
import { begin, target } from "./begin";
import { Queue, type Upload } from "./queue";
import type { Found } from "./tree";

test("what is below a renamed folder goes with it", () => {
  const settled = new Map([["a", { to: "a (1)" }]]);
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
  answer = { choice: "merge", all: false };
  await begin(app(["a/"]), queue, at, found(["a/b/2", "a/1", "3"], ["a", "a/empty", "a/b"]));
  expect(made[0]).toBe("/in/a");
  expect(made.sort()).toEqual(["/in/a", "/in/a/b", "/in/a/empty"]);
  expect(queued()).toEqual([["/in/a/b", "2", true], ["/in/a", "1", true], ["/in", "3", false]]);
});

test("folders can be merged, files replaced, and what is not alike neither", async () => {
  const asked: unknown[] = [];
  const asking = app(["a", "b/", "c/"]);
  asking.dialogs.show = ((_: unknown, { item, ways }: { item: { name: string }; ways: string[] }) => {
    asked.push([item.name, ...ways]);
    return Promise.resolve({ choice: "skip", all: false });
  }) as never;
  await begin(asking, queue, at, found(["a", "b", "c/1"], ["c"]));
  expect(asked.sort()).toEqual([["a", "replace"], ["b"], ["c", "merge"]]);
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
