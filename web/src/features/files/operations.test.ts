import { QueryClient } from "@tanstack/vue-query";
import { expect, test, vi } from "vitest";
import { ApiError } from "@/api/http";
import { base, parent, within } from "@/api/path";
import type { Resource } from "@/api/resource";
import type { App } from "@/app/app";
import type { Answer } from "./conflicts";
import { pool, transfer } from "./operations";

test("a pool goes on when one fails", async () => {
  let at = 0;
  let most = 0;
  const failed = await pool([1, 2, 3, 4, 5, 6, 7], async (n) => {
    most = Math.max(most, ++at);
    await new Promise((r) => setTimeout(r, 1));
    at--;
    if (n === 3) throw new Error("no");
  });
  expect(failed.map((f) => f.item)).toEqual([3]);
  expect(most).toBe(4);
});

// World is a space of paths ("/d/" is a folder) that answers as the server does.
class World {
  readonly toasts = { info: vi.fn<(text: string, action?: { run: () => void }) => void>(), error: vi.fn<(text: string) => void>(), work: () => ({ at: () => undefined, end: () => undefined }) };
  readonly asked: string[] = [];
  readonly trash: string[][] = [];
  readonly app: App;
  constructor(
    public paths: string[],
    answer: (name: string, ways: string[]) => Answer["choice"] | undefined = () => undefined,
  ) {
    const key = (path: string) => this.paths.find((p) => p === path || p === path + "/");
    const below = (path: string) => this.paths.filter((p) => within(p.replace(/\/$/, ""), path));
    const take = (from: string, to: string, overwrite: boolean, keep: boolean) => {
      if (!key(from)) throw new ApiError(404, "", "");
      if (key(to) && !overwrite) throw new ApiError(412, "", "");
      const moved = below(from);
      this.paths = [...this.paths.filter((p) => !below(to).includes(p) && (keep || !moved.includes(p))), ...moved.map((p) => to + p.slice(from.length))];
    };
    const dav = {
      list: async ({ path }: { path: string }) => ({ folder: this.item(path + "/"), children: this.paths.filter((p) => parent(p.replace(/\/$/, "")) === path && p !== "/").map((p) => this.item(p)) }),
      move: async (from: { path: string }, to: { path: string }, overwrite: boolean) => take(from.path, to.path, overwrite, false),
      copy: async (from: { path: string }, to: { path: string }, overwrite: boolean) => take(from.path, to.path, overwrite, true),
      remove: async ({ path }: { path: string }) => {
        const gone = below(path);
        this.trash.unshift(gone);
        this.paths = this.paths.filter((p) => !gone.includes(p));
      },
      trashed: async () => this.trash.map((t, i) => ({ key: `${i}`, driveId: "d", path: t[0]?.replace(/\/$/, "") })),
      restore: async (_: string, i: string) => this.paths.push(...(this.trash[Number(i)] ?? [])),
    };
    const show = async (_: unknown, { item, more, ways }: { item: Resource; more: number; ways: string[] }) => {
      this.asked.push(`${item.name} ${more} ${ways.join()}`);
      const choice = answer(item.name, ways);
      return choice && { choice, all: true };
    };
    this.app = { dav, toasts: this.toasts, dialogs: { show }, queries: new QueryClient(), language: { $gettext: (s: string) => s, $ngettext: (s: string) => s } } as unknown as App;
  }
  item = (p: string) => ({ id: p, driveId: "d", name: base(p.replace(/\/$/, "")), path: p.replace(/\/$/, ""), folder: p.endsWith("/") }) as Resource;
  async run(kind: "copy" | "move", from: string[], to: string) {
    await transfer(this.app, kind, from.map(this.item), { driveId: "d", path: to });
    return this.paths.filter((p) => p !== "/").sort();
  }
}
const tree = ["/", "/in/", "/in/d/", "/in/d/both.txt", "/in/d/deep/", "/in/d/deep/x", "/in/d/theirs", "/d/", "/d/both.txt", "/d/deep/", "/d/deep/y", "/d/mine"];

test("a folder that is merged: what is in it goes over one by one, and nothing is left of it", async () => {
  const w = new World(tree, (name) => (name === "d" ? "merge" : "both"));
  const want = ["/in/", "/in/d/", "/in/d/both (1).txt", "/in/d/both.txt", "/in/d/deep/", "/in/d/deep/x", "/in/d/deep/y", "/in/d/mine", "/in/d/theirs"];
  expect(await w.run("move", ["/d/"], "/in")).toEqual(want);
  expect(w.asked).toEqual(["d 0 merge,replace", "both.txt 0 replace"]);
  // and back
  w.toasts.info.mock.calls[0]?.[1]?.run();
  await vi.waitFor(() => expect(w.paths.sort()).toEqual([...tree].sort()));
});

test("copying leaves the source, and a file that is skipped keeps its folder", async () => {
  const copy = new World(tree, (name) => (name === "d" ? "merge" : "skip"));
  expect(await copy.run("copy", ["/d/"], "/in")).toEqual([...tree.slice(1), "/in/d/deep/y", "/in/d/mine"].sort());
  const move = new World(tree, (name) => (name === "d" ? "merge" : "skip"));
  expect((await move.run("move", ["/d/"], "/in")).filter((p) => within(p, "/d"))).toEqual(["/d/", "/d/both.txt"]);
});

test("files within folders that are merged are asked about together with the others", async () => {
  const w = new World([...tree, "/both.txt", "/in/both.txt"], (name) => (name === "d" ? "merge" : "replace"));
  await w.run("move", ["/d/", "/both.txt"], "/in");
  expect(w.asked).toEqual(["d 0 merge,replace", "both.txt 1 replace"]);
  expect(w.toasts.info.mock.calls[0]?.[1]).toBeUndefined(); // what was replaced would be lost
});

test("giving up within a merge changes nothing", async () => {
  const w = new World(tree, (name) => (name === "d" ? "merge" : undefined));
  expect(await w.run("move", ["/d/"], "/in")).toEqual(tree.slice(1).sort());
});

test("a copy into its own folder gets a new name without a question", async () => {
  const w = new World(["/", "/a.txt"]);
  expect(await w.run("copy", ["/a.txt"], "/")).toEqual(["/a (1).txt", "/a.txt"]);
  expect(w.asked).toEqual([]);
});
