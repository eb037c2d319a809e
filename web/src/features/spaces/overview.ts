import type { Drive } from "@/api/graph";
import { disabled } from "@/api/spaces";

/** Look is how somebody wants to see their spaces. */
export interface Look {
  view: "tiles" | "table";
  sort: "name" | "used" | "modified";
  state: "all" | "enabled" | "disabled";
}

/** standard is the look at first. */
export const standard: Look = { view: "tiles", sort: "name", state: "all" };

/** arranged are the spaces that are wanted, in order: those out of use last. */
export function arranged(drives: readonly Drive[], { sort, state }: Look, term: string, lang: string): Drive[] {
  const names = new Intl.Collator(lang, { numeric: true });
  const wanted = term.trim().toLocaleLowerCase(lang);
  const by = {
    name: () => 0,
    used: (a: Drive, b: Drive) => (b.quota?.used ?? 0) - (a.quota?.used ?? 0),
    modified: (a: Drive, b: Drive) => changed(b) - changed(a),
  }[sort];
  return drives
    .filter((d) => d.driveType === "project" && (state === "all" || disabled(d) === (state === "disabled")) && `${d.name}\n${d.description ?? ""}`.toLocaleLowerCase(lang).includes(wanted))
    .sort((a, b) => Number(disabled(a)) - Number(disabled(b)) || by(a, b) || names.compare(a.name, b.name));
}

/** changed is when something in a space was changed last. */
export const changed = (d: Drive): number => Date.parse(d.lastModifiedDateTime ?? "") || 0;
