// Answers of PROPFIND. (RFC 4918 §13, spec/services.md §16.3)
import { content, read, type Element } from "./xml";

/** Item is one response of a multistatus: its address, and the properties that are there (status 200), by local name. */
export interface Item {
  href: string;
  props: Map<string, Element>;
  processing: boolean; // 425: not ready yet
}

/** parse reads a multistatus body. It fails if it is none. */
export function parse(xml: string): Item[] {
  const root = read(xml);
  if (root.name !== "multistatus") throw new Error("not a multistatus");
  const items: Item[] = [];
  for (const r of root.children) {
    if (r.name !== "response") continue;
    const item: Item = { href: "", props: new Map(), processing: false };
    for (const c of r.children) {
      if (c.name === "href") item.href = c.text.trim();
      else if (c.name === "propstat") propstat(c, item);
    }
    items.push(item);
  }
  return items;
}

function propstat(e: Element, item: Item) {
  const code = /^HTTP\/\d(?:\.\d)? (\d{3})/.exec(inner(e, "status")?.text.trim() ?? "")?.[1];
  if (code === "425") item.processing = true;
  if (code !== "200") return;
  for (const p of inner(e, "prop")?.children ?? []) item.props.set(p.name, p);
}

/** text is a property's text, or "" if it is not there. */
export const text = (item: Item, name: string): string => content(item.props.get(name));

/** inner is the first element of that name in another. */
export const inner = (e: Element | undefined, name: string): Element | undefined => e?.children.find((c) => c.name === name);
