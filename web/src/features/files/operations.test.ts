import { expect, test, vi } from "vitest";
import type { Resource } from "@/api/resource";
import { plan, pool, type Answer } from "./operations";

const item = (name: string, folder = false) => ({ id: name, name, folder }) as Resource;
const run = async (items: Resource[], taken: string[], answers: (Answer | undefined)[]) => {
  const ask = vi.fn(async () => answers.shift());
  const steps = await plan(items, new Set(taken), ask);
  return { steps: steps?.map((s) => s.to + (s.overwrite ? "!" : "")), asked: ask.mock.calls.map(([i, more]: unknown[]) => `${(i as Resource).name} ${more}`) };
};

test("free names are not asked for", async () => {
  expect(await run([item("a"), item("b")], [], [])).toEqual({ steps: ["a", "b"], asked: [] });
});

test("skip, both, replace", async () => {
  const { steps, asked } = await run([item("a"), item("b.txt"), item("c")], ["a", "b.txt", "c"], [{ choice: "skip", all: false }, { choice: "both", all: false }, { choice: "replace", all: false }]);
  expect(steps).toEqual(["b (1).txt", "c!"]);
  expect(asked).toEqual(["a 2", "b.txt 1", "c 0"]);
});

test("an answer for all is for files or for folders", async () => {
  const { steps, asked } = await run([item("a"), item("b"), item("d", true)], ["a", "b", "d"], [{ choice: "replace", all: true }, { choice: "skip", all: true }]);
  expect(steps).toEqual(["a!", "b!"]);
  expect(asked).toEqual(["a 1", "d 0"]);
});

test("no answer gives up everything", async () => {
  expect((await run([item("free"), item("a")], ["a"], [undefined])).steps).toBeUndefined();
});

test("names of one batch do not meet", async () => {
  expect((await run([item("a"), item("a")], [], [{ choice: "both", all: false }])).steps).toEqual(["a", "a (1)"]);
});

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
