import { expect, test, vi } from "vitest";
import type { Trashed } from "@/api/dav";
import { ApiError } from "@/api/http";
import { restore } from "./restore";

const trashed = (path: string): Trashed => ({ key: `key ${path}`, driveId: "d", name: path.slice(1), path, folder: false, size: 1, deleted: 0 });

// world is a space with some paths taken, and an answer to questions.
function world(taken: string[], answer?: unknown) {
  const paths = new Set(["/", ...taken]);
  const dav = {
    restore: vi.fn<(d: string, key: string, path: string, overwrite?: boolean) => Promise<void>>(async (_d, _k, path, overwrite) => {
      const folder = path.slice(0, path.lastIndexOf("/")) || "/";
      if (!paths.has(folder)) throw new ApiError(409, "", "");
      if (paths.has(path) && !overwrite) throw new ApiError(412, "", "");
      paths.add(path);
    }),
    mkcol: vi.fn<(at: { path: string }) => Promise<void>>(async ({ path }) => {
      if (paths.has(path)) throw new ApiError(405, "", "");
      paths.add(path);
    }),
    list: async () => ({ children: [...paths].map((p) => ({ name: p.slice(p.lastIndexOf("/") + 1) })) }),
  };
  const show = vi.fn<() => Promise<unknown>>(() => Promise.resolve(answer));
  const app = { dav, dialogs: { show }, queries: { invalidateQueries: () => Promise.resolve() } } as never;
  return { app, dav, show, paths };
}

test("folders that are gone are made again", async () => {
  const w = world(["/a"]);
  const { done, failed } = await restore(w.app, [trashed("/a/b/c.txt")]);
  expect([done.length, failed.length]).toEqual([1, 0]);
  expect([...w.paths]).toEqual(["/", "/a", "/a/b", "/a/b/c.txt"]);
});

test.each([
  ["skip", [], false],
  ["both", ["/x (1).txt"], false],
  ["replace", ["/x.txt"], true],
])("a name that is taken: %s", async (choice, at, overwrite) => {
  const w = world(["/x.txt"], { choice, all: false });
  const { done, failed } = await restore(w.app, [trashed("/x.txt")]);
  expect(failed).toEqual([]);
  expect(done.length).toBe(at.length);
  const second = w.dav.restore.mock.calls.slice(1);
  expect(second.map((c) => c[2])).toEqual(at);
  expect(second.every((c) => c[3] === overwrite)).toBe(true);
});

test("one answer for all, and closing stops", async () => {
  const w = world(["/x", "/y"], { choice: "replace", all: true });
  expect((await restore(w.app, [trashed("/x"), trashed("/y")])).done.length).toBe(2);
  expect(w.show).toHaveBeenCalledTimes(1);
  const closed = world(["/x"]);
  expect(await restore(closed.app, [trashed("/x"), trashed("/z")])).toEqual({ done: [], failed: [] });
});

test("what fails is told, and the rest goes on", async () => {
  const w = world([]);
  w.dav.restore.mockRejectedValueOnce(new ApiError(403, "", ""));
  const { done, failed } = await restore(w.app, [trashed("/x"), trashed("/y")]);
  expect(done.map((d) => d.path)).toEqual(["/y"]);
  expect(failed.map((f) => f.item.path)).toEqual(["/x"]);
});
