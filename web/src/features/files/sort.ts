import { split } from "@/api/path";
import type { Resource } from "@/api/resource";

/** Column is what a list can be sorted by. */
export type Column = "name" | "size" | "modified";

/** Sort is a column and a direction. */
export interface Sort {
  by: Column;
  down: boolean;
}

/** Time is what a list shows as its time, where that is not when something was modified. */
export interface Time {
  label: string;
  of: (r: Resource) => number;
}

/** sorted returns the list in order: folders first, names as people read them ("2" before "10"). */
export function sorted(list: readonly Resource[], { by, down }: Sort, lang: string, time?: Time): Resource[] {
  const names = new Intl.Collator(lang, { numeric: true, sensitivity: "base" });
  const sign = down ? -1 : 1;
  const of = (r: Resource) => (by === "modified" ? (time?.of(r) ?? r.modified) : r.size);
  const rows = list.map((r) => ({ r, stem: split(r.name, r.folder)[0] })); // once each, not at each comparison
  const name = (a: (typeof rows)[0], b: (typeof rows)[0]) => names.compare(a.stem, b.stem) || names.compare(a.r.name, b.r.name) || (a.r.name < b.r.name ? -1 : 1);
  rows.sort((a, b) => {
    if (a.r.folder !== b.r.folder) return a.r.folder ? -1 : 1;
    return by === "name" ? sign * name(a, b) : sign * (of(a.r) - of(b.r)) || name(a, b);
  });
  return rows.map(({ r }) => r);
}

/** matching keeps entries whose names contain the term, and drops hidden ones (".name") unless they are wanted. */
export function matching(list: readonly Resource[], term: string, hidden: boolean, lang: string): Resource[] {
  const wanted = term.trim().toLocaleLowerCase(lang);
  return list.filter((r) => (hidden || !r.name.startsWith(".")) && (!wanted || r.name.toLocaleLowerCase(lang).includes(wanted)));
}
