import type { Shared } from "@/api/shares";
import type { Identity } from "@/api/sharing";

/** Tab is a page of shares. */
export type Tab = "with-me" | "with-others" | "via-link";

/** Kind is what people call a kind of file. */
export type Kind = "folder" | "document" | "image" | "video" | "audio" | "other";

/** Filter is what of a page is wanted; what is not said is everything, but for what is hidden. */
export interface Filter {
  kind?: string; // Kind
  who?: string; // the id of who shared
  state?: string; // "pending" or "hidden"
  to?: string; // "people", "groups" or "links"
}

const document = /^text\/|pdf|word|document|spreadsheet|excel|presentation|powerpoint|rtf/;

/** kindOf tells what kind something is. */
export function kindOf(s: Pick<Shared, "folder" | "mime">): Kind {
  if (s.folder) return "folder";
  const [major] = s.mime.split("/");
  if (major === "image" || major === "video" || major === "audio") return major;
  return document.test(s.mime) ? "document" : "other";
}

/** on are all shares of a page. */
export function on(all: readonly Shared[], tab: Tab): Shared[] {
  return all.filter((s) => tab === "with-me" || (tab === "with-others" ? s.people.length + s.groups.length > 0 : s.links.length > 0));
}

/** wanted are those of a page's shares that a filter lets through. */
export function wanted(page: readonly Shared[], f: Filter): Shared[] {
  const to = f.to === "people" || f.to === "groups" || f.to === "links" ? f.to : undefined;
  return page.filter(
    (s) =>
      s.hidden === (f.state === "hidden") &&
      (f.state !== "pending" || !s.accepted) &&
      (!f.kind || kindOf(s) === f.kind) &&
      (!f.who || s.by.some((b) => b.id === f.who)) &&
      (!to || s[to].length > 0),
  );
}

/** kinds are those that a page has. */
export const kinds = (page: readonly Shared[]): Kind[] => {
  const there = new Set(page.map(kindOf));
  return (["folder", "document", "image", "video", "audio", "other"] as const).filter((k) => there.has(k));
};

/** sharers are who shared something of a page. */
export function sharers(page: readonly Shared[], lang: string): Identity[] {
  const names = new Intl.Collator(lang);
  return [...new Map(page.flatMap((s) => s.by.map((b) => [b.id, b]))).values()].sort((a, b) => names.compare(a.displayName, b.displayName));
}
