// What becomes of things whose names are taken where they go: the person is asked, once for each, or once for all of a kind.
import { free } from "@/api/path";

/** Arrival is a file or folder that comes into a folder. */
export interface Arrival {
  name: string;
  folder: boolean;
}

/** Way is what can be done about a taken name, besides skipping and keeping both: what has it is replaced, or (folders) filled up. */
export type Way = "replace" | "merge";

/** Answer is what to do with something whose name is taken. */
export interface Answer {
  choice: "skip" | "both" | Way;
  all: boolean; // for all that follow of its kind
}

/** Ask asks about one; `more` are those of its kind that follow. undefined gives up everything. */
export type Ask<T> = (item: T, more: number, ways: Way[]) => Promise<Answer | undefined>;

/** Settled is the name that something gets, and what is done for it if that was taken. */
export interface Settled {
  to: string;
  choice?: Answer["choice"];
}

/** Target is a folder that things come into. `taken` tells of each name there whether a folder has it; names that are given out are added. */
export interface Target<T> {
  items: readonly T[];
  taken: Map<string, boolean>;
}

/** settle decides the names of all that come into some folders. What is skipped is absent; undefined if the person gives up. */
export async function settle<T extends Arrival>(targets: readonly Target<T>[], ways: (item: T, there: boolean) => Way[], ask: Ask<T>): Promise<Map<T, Settled> | undefined> {
  const kind = (item: T, there: boolean) => [item.folder, ...ways(item, there)].join();
  const open = new Map<string, number>();
  for (const { items, taken } of targets) {
    for (const item of items) {
      const there = taken.get(item.name);
      if (there !== undefined) open.set(kind(item, there), (open.get(kind(item, there)) ?? 0) + 1);
    }
  }
  const forAll = new Map<string, Answer>();
  const settled = new Map<T, Settled>();
  for (const { items, taken } of targets) {
    const used = new Set([...taken.keys(), ...items.map((i) => i.name)]); // a new name is none that comes with it
    for (const item of items) {
      const there = taken.get(item.name);
      let answer: Answer | undefined;
      if (there !== undefined) {
        const k = kind(item, there);
        const more = Math.max((open.get(k) ?? 0) - 1, 0);
        open.set(k, more);
        answer = forAll.get(k) ?? (await ask(item, more, ways(item, there)));
        if (!answer) return undefined;
        if (answer.all) forAll.set(k, answer);
        if (answer.choice === "skip") continue;
      }
      const to = answer?.choice === "both" ? free(item.name, used, item.folder) : item.name;
      used.add(to);
      taken.set(to, item.folder);
      settled.set(item, { to, ...(answer ? { choice: answer.choice } : {}) });
    }
  }
  return settled;
}
