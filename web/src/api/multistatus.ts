// Answers of PROPFIND. (RFC 4918 §13, spec/services.md §16.3)

/** Item is one response of a multistatus: its address, and the properties that are there (status 200), by local name. */
export interface Item {
  href: string;
  props: Map<string, Element>;
  processing: boolean; // 425: not ready yet
}

const dav = "DAV:";

/** parse reads a multistatus body. It fails if it is none. */
export function parse(xml: string): Item[] {
  const doc = new DOMParser().parseFromString(xml, "application/xml");
  const root = doc.documentElement;
  if (!root || root.localName !== "multistatus" || root.namespaceURI !== dav) throw new Error("not a multistatus");
  const items: Item[] = [];
  for (let r = root.firstElementChild; r; r = r.nextElementSibling) {
    if (r.localName !== "response") continue;
    const item: Item = { href: "", props: new Map(), processing: false };
    for (let c = r.firstElementChild; c; c = c.nextElementSibling) {
      if (c.localName === "href") item.href = c.textContent ?? "";
      else if (c.localName === "propstat") propstat(c, item);
    }
    items.push(item);
  }
  return items;
}

function propstat(e: Element, item: Item) {
  let status = "";
  let prop: Element | undefined;
  for (let c = e.firstElementChild; c; c = c.nextElementSibling) {
    if (c.localName === "status") status = c.textContent ?? "";
    else if (c.localName === "prop") prop = c;
  }
  const code = /^HTTP\/\d(?:\.\d)? (\d{3})/.exec(status.trim())?.[1];
  if (code === "425") item.processing = true;
  if (code !== "200" || !prop) return;
  for (let p = prop.firstElementChild; p; p = p.nextElementSibling) item.props.set(p.localName, p);
}

/** text is a property's text, or "" if it is not there. */
export const text = (item: Item, name: string): string => item.props.get(name)?.textContent ?? "";
