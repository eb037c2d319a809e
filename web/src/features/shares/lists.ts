import type { Shared } from "@/api/shares";

/** Tab is a page of shares. */
export type Tab = "with-me" | "with-others" | "via-link";

/** listed are the shares of a page whose name or people contain the term, newest first. */
export function listed(all: readonly Shared[], tab: Tab, term: string, lang: string): Shared[] {
  const wanted = term.trim().toLocaleLowerCase(lang);
  const of = (s: Shared) => tab === "with-me" || (tab === "with-others" ? s.with.length > 0 : s.links.length > 0);
  const text = (s: Shared) => [s.item.name, s.by, ...s.with].join("\n").toLocaleLowerCase(lang);
  return all.filter((s) => of(s) && text(s).includes(wanted)).sort((a, b) => b.since - a.since);
}

/** sections parts what others shared: what waits for an answer first, what is hidden last. */
export function sections(list: readonly Shared[]): ["pending" | "accepted" | "hidden", Shared[]][] {
  const of = (s: Shared) => (s.hidden ? "hidden" : s.accepted ? "accepted" : "pending");
  return (["pending", "accepted", "hidden"] as const).flatMap((id) => {
    const some = list.filter((s) => of(s) === id);
    return some.length ? [[id, some] as ["pending" | "accepted" | "hidden", Shared[]]] : [];
  });
}
