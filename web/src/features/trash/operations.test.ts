import { expect, test, vi } from "vitest";
import type { Trashed } from "@/api/dav";
import { ApiError } from "@/api/http";
import { restore } from "./operations";

const trashed = (path: string): Trashed => ({ key: `key ${path}`, driveId: "d", name: path.slice(1), path, folder: false, size: 1, deleted: 0 });

// world is a space with some paths taken, and an answer to questions.
function world(taken: string[], answer?: unknown) {
  const paths = new Set(["/", ...taken]);
  const dav = {
    restore: vi.fn<(d: string, key: string, path: string, overwrite?: boolean) => Promise<void>>(async (_d, _k, path, overwrite) => {
      if (!paths.has(path.slice(0, path.lastIndexOf("/")) || "/")) throw new ApiError(409, "", "");
      if (paths.has(path) && !overwrite) throw new ApiError(412, "", "");
      paths.add(path);
    }),
    stat: (at: { path: string }) => Promise.resolve({ ...at, driveId: "d", name: at.path.slice(1), folder: !at.path.includes(".") }),
    list: ({ path }: { path: string }) => Promise.resolve({ children: [...paths].filter((p) => p !== "/" && p.startsWith(path === "/" ? path : path + "/")).map((p) => ({ driveId: "d", path: p, name: p.slice(p.lastIndexOf("/") + 1), folder: !p.includes(".") })) }),
    move: vi.fn<(from: { path: string }, to: { path: string }) => Promise<void>>(async (from, to) => {
      paths.delete(from.path);
      paths.add(to.path);
    }),
    remove: vi.fn<(at: { path: string }) => Promise<void>>(async ({ path }) => {
      for (const p of paths) if (p.startsWith(path)) paths.delete(p);
    }),
    mkcol: vi.fn<(at: { path: string }) => Promise<void>>(async ({ path }) => {
      if (paths.has(path)) throw new ApiError(405, "", "");
      paths.add(path);
    }),
  };
  const ask = vi.fn<(item: unknown, more: number, ways: string[]) => Promise<never>>(() => Promise.resolve(answer as never));
  const toasts = { info: vi.fn<(text: string) => number>(), error: vi.fn<(text: string) => number>(), work: () => ({ at: () => undefined, end: () => undefined }) };
  const app = { dav, toasts, language: { $gettext: (s: string) => s, $ngettext: (s: string) => s }, queries: { invalidateQueries: () => Promise.resolve(), fetchQuery: ({ queryFn }: { queryFn: () => unknown }) => queryFn() } } as never;
  return { app, dav, ask, paths, toasts };
}

test("folders that are gone are made again", async () => {
  const w = world(["/a"]);
  await restore(w.app, [trashed("/a/b/c.txt")], w.ask);
  expect([...w.paths]).toEqual(["/", "/a", "/a/b", "/a/b/c.txt"]);
});

test.each([
  ["skip", [], false],
  ["both", ["/x (1).txt"], false],
  ["replace", ["/x.txt"], true],
])("a name that is taken: %s", async (choice, at, overwrite) => {
  const w = world(["/x.txt"], { choice, all: false });
  await restore(w.app, [trashed("/x.txt")], w.ask);
  const second = w.dav.restore.mock.calls.slice(1);
  expect(second.map((c) => [c[2], c[3] ?? false])).toEqual(at.map((p) => [p, overwrite]));
  expect(w.toasts.info).toHaveBeenCalledTimes(at.length);
});

test("one answer for all, and closing stops", async () => {
  const w = world(["/x", "/y"], { choice: "replace", all: true });
  await restore(w.app, [trashed("/x"), trashed("/y")], w.ask);
  expect([w.ask.mock.calls.length, w.dav.restore.mock.calls.filter((c) => c[3]).length]).toEqual([1, 2]);
  const closed = world(["/x"]);
  await restore(closed.app, [trashed("/x"), trashed("/z")], closed.ask);
  expect(closed.paths.has("/z")).toBe(false);
});

test("what fails is told, and the rest goes on", async () => {
  const w = world([]);
  w.dav.restore.mockRejectedValueOnce(new ApiError(403, "", ""));
  await restore(w.app, [trashed("/x"), trashed("/y")], w.ask);
  expect([w.paths.has("/x"), w.paths.has("/y"), w.toasts.error.mock.calls.length]).toEqual([false, true, 1]);
});

test("a folder is merged into the one that is there, and what is skipped is in the trash again", async () => {
  const w = world(["/d", "/d/taken.txt"], { choice: "merge", all: false });
  const within = (paths: string[]) => w.dav.restore.mockImplementationOnce(() => Promise.reject(new ApiError(412, "", ""))).mockImplementationOnce(async (_d, _k, path) => void ["", ...paths].forEach((p) => w.paths.add(path + p)));
  within(["/new.txt"]);
  await restore(w.app, [{ ...trashed("/d"), folder: true }], w.ask);
  expect([...w.paths].sort()).toEqual(["/", "/d", "/d/new.txt", "/d/taken.txt"]);
  expect(w.ask.mock.calls[0]?.[2]).toEqual(["merge", "replace"]);
  w.ask.mockImplementation(((_: unknown, __: number, ways: string[]) => Promise.resolve({ choice: ways.includes("merge") ? "merge" : "skip", all: false })) as never);
  within(["/taken.txt", "/other.txt"]);
  await restore(w.app, [{ ...trashed("/d"), folder: true }], w.ask);
  expect([...w.paths].sort()).toEqual(["/", "/d", "/d/new.txt", "/d/other.txt", "/d/taken.txt"]);
  expect(w.dav.remove).toHaveBeenLastCalledWith({ driveId: "d", path: "/d (1)" });
});
