import { expect, test, vi } from "vitest";
import { settle, type Answer, type Arrival, type Way } from "./conflicts";

const file = (name: string): Arrival => ({ name, folder: false });
const folder = (name: string): Arrival => ({ name, folder: true });
const has = (...names: string[]) => new Map(names.map((n) => [n.replace("/", ""), n.endsWith("/")])); // "f/" is a folder
const ways = (item: Arrival, there: boolean): Way[] => (item.folder !== there ? [] : there ? ["merge"] : ["replace"]);
const run = async (items: Arrival[], taken: string[], ...answers: (Answer | undefined)[]) => {
  const ask = vi.fn(async () => answers.shift());
  const settled = await settle([{ items, taken: has(...taken) }], ways, ask);
  return { names: settled && [...settled.values()].map((s) => s.to + (s.choice === "replace" ? "!" : s.choice === "merge" ? "+" : "")), asked: ask.mock.calls.map(([i, more, ways]: unknown[]) => `${(i as Arrival).name} ${String(more)} ${String(ways)}`.trim()) };
};
const one = (choice: Answer["choice"]): Answer => ({ choice, all: false });
const every = (choice: Answer["choice"]): Answer => ({ choice, all: true });

test("names that are free are not asked for", async () => expect(await run([file("a"), folder("b")], ["c"])).toEqual({ names: ["a", "b"], asked: [] }));

test("skip, both, replace, merge", async () => {
  const { names, asked } = await run([file("a"), file("b.txt"), file("c"), folder("d")], ["a", "b.txt", "b (1).txt", "c", "d/"], one("skip"), one("both"), one("replace"), one("merge"));
  expect(names).toEqual(["b (2).txt", "c!", "d+"]);
  expect(asked).toEqual(["a 2 replace", "b.txt 1 replace", "c 0 replace", "d 0 merge"]);
});

test("an answer for all is for its kind: files, folders, and those that are not alike", async () => {
  const { names, asked } = await run([file("a"), file("b"), folder("c"), folder("d"), file("e"), file("f"), file("new")], ["a", "b", "c/", "d/", "e/", "f/"], every("replace"), every("merge"), every("both"));
  expect(names).toEqual(["a!", "b!", "c+", "d+", "e (1)", "f (1)", "new"]);
  expect(asked).toEqual(["a 1 replace", "c 1 merge", "e 1"]);
});

test("no answer gives up everything", async () => expect((await run([file("free"), file("a")], ["a"], undefined)).names).toBeUndefined());

test("names of one batch do not meet, and a new one is none that comes with it", async () => {
  expect((await run([file("a"), file("a")], [], one("both"))).names).toEqual(["a", "a (1)"]);
  expect((await run([file("a"), file("a (1)")], ["a"], one("both"))).names).toEqual(["a (2)", "a (1)"]);
});

test("several folders are asked about together", async () => {
  const asked: number[] = [];
  const targets = [{ items: [file("a")], taken: has("a") }, { items: [file("a"), file("b")], taken: has("b") }];
  const settled = await settle(targets, ways, (_, more) => {
    asked.push(more);
    return Promise.resolve(every("replace"));
  });
  expect(asked).toEqual([1]);
  expect([...(settled ?? [])].map(([, s]) => s.choice)).toEqual(["replace", undefined, "replace"]);
});
