import { split } from "@/api/path";
import type { Resource } from "@/api/resource";

/** Column is what a list can be sorted by. */
export type Column = "name" | "size" | "modified";

/** Sort is a column and a direction. */
export interface Sort {
  by: Column;
  down: boolean;
}

/** sorted returns the list in order: folders first, names as people read them ("2" before "10"). */
export function sorted(list: readonly Resource[], { by, down }: Sort, lang: string): Resource[] {
  const names = new Intl.Collator(lang, { numeric: true, sensitivity: "base" });
  const name = (a: Resource, b: Resource) => names.compare(split(a.name, a.folder)[0], split(b.name, b.folder)[0]) || names.compare(a.name, b.name) || (a.name < b.name ? -1 : 1);
  const sign = down ? -1 : 1;
  return [...list].sort((a, b) => {
    if (a.folder !== b.folder) return a.folder ? -1 : 1;
    return (by === "name" ? sign * name(a, b) : sign * (a[by] - b[by]) || name(a, b));
  });
}

/** matching keeps entries whose names contain the term, and drops hidden ones (".name") unless they are wanted. */
export function matching(list: readonly Resource[], term: string, hidden: boolean, lang: string): Resource[] {
  const wanted = term.trim().toLocaleLowerCase(lang);
  return list.filter((r) => (hidden || !r.name.startsWith(".")) && (!wanted || r.name.toLocaleLowerCase(lang).includes(wanted)));
}
