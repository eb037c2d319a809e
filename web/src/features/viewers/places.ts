// Where somebody stopped reading, by file, kept in this browser.

/** Spot is a chapter and how much of it is above the screen (0-1). */
export interface Spot {
  chapter: number;
  part: number;
}

const key = "oc_books";
const most = 100;

const kept = (store: Storage): [string, Spot][] => {
  try {
    const list: unknown = JSON.parse(store.getItem(key) ?? "[]");
    return Array.isArray(list) ? (list as [string, Spot][]) : [];
  } catch {
    return [];
  }
};

/** spotOf is where a file was left, or its beginning. */
export const spotOf = (id: string, store: Storage = localStorage): Spot => kept(store).find(([k]) => k === id)?.[1] ?? { chapter: 0, part: 0 };

/** keepSpot remembers it, of the last 100 files. */
export const keepSpot = (id: string, spot: Spot, store: Storage = localStorage): void => store.setItem(key, JSON.stringify([[id, spot], ...kept(store).filter(([k]) => k !== id)].slice(0, most)));
