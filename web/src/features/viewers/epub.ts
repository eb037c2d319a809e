// What a reader needs of an EPUB: the order of its chapters, its table of contents, and each chapter as a page that runs nothing and asks nobody.
// (EPUB 3.3; of EPUB 2 the table of contents)
import { Zip } from "./zip";

/** Heading is a line of the table of contents. */
export interface Heading {
  label: string;
  chapter: number;
  fragment: string;
  depth: number; // 0 is outermost
}

/** Page is a chapter as HTML; `urls` live until they are revoked. */
export interface Page {
  html: string;
  urls: string[];
}

const pictures: Record<string, string> = { png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp", avif: "image/avif", svg: "image/svg+xml" };
const xlink = "http://www.w3.org/1999/xlink";
const policy = "default-src 'none'; img-src blob:; style-src 'unsafe-inline'";

/** open reads what a book consists of. It throws if it is none. */
export async function open(bytes: Uint8Array<ArrayBuffer>): Promise<Book> {
  const zip = new Zip(bytes);
  const container = await xml(zip, "META-INF/container.xml");
  const opf = container && one(container, "rootfile")?.getAttribute("full-path");
  const about = opf ? await xml(zip, opf) : undefined;
  if (!opf || !about) throw new Error("no book");
  const items = new Map(all(about, "item").map((i) => [i.getAttribute("id"), i] as const));
  const href = (i: Element | undefined) => (i ? resolve(opf, i.getAttribute("href") ?? "")[0] : "");
  const chapters = all(about, "itemref").map((r) => href(items.get(r.getAttribute("idref")))).filter(Boolean);
  if (!chapters.length) throw new Error("a book without chapters");
  const manifest = [...items.values()];
  const nav = href(manifest.find((i) => i.getAttribute("properties")?.split(/\s+/).includes("nav")));
  const ncx = href(items.get(one(about, "spine")?.getAttribute("toc") ?? "") ?? manifest.find((i) => i.getAttribute("media-type") === "application/x-dtbncx+xml"));
  const headings = (nav && fromNav(nav, await xml(zip, nav), chapters)) || (ncx && fromNcx(ncx, await xml(zip, ncx), chapters)) || [];
  return new Book(zip, one(about, "title")?.textContent.trim() ?? "", one(about, "language")?.textContent.trim() ?? "", chapters, headings);
}

/** Book is an open book. */
export class Book {
  constructor(
    private readonly zip: Zip,
    readonly title: string,
    readonly language: string,
    readonly chapters: readonly string[], // paths, in the order of reading
    readonly headings: readonly Heading[],
  ) {}

  /** page makes a chapter a page of its own: what could run or load from elsewhere is taken out, pictures and style are put in. */
  async page(chapter: number, style: string): Promise<Page> {
    const path = this.chapters[chapter] ?? "";
    const doc = await xml(this.zip, path);
    if (!doc) throw new Error(`“${path}” is missing`);
    const urls: string[] = [];
    const url = async (href: string): Promise<string> => {
      const [to] = resolve(path, href);
      const bytes = await this.zip.read(to);
      const type = pictures[to.split(".").pop()?.toLowerCase() ?? ""];
      if (!bytes || !type) return "";
      urls.push(URL.createObjectURL(new Blob([bytes], { type })));
      return urls.at(-1) ?? "";
    };
    const sheets: string[] = [];
    for (const e of all(doc, "link", "style")) {
      const sheet = e.localName === "style" ? e.textContent : e.getAttribute("rel") === "stylesheet" ? await this.text(resolve(path, e.getAttribute("href") ?? "")[0]) : "";
      sheets.push(sheet.replace(/<\/?style/gi, ""));
    }
    for (const e of all(doc, "script", "iframe", "frame", "object", "embed", "form", "base", "meta", "link", "style", "audio", "video", "template")) e.remove();
    for (const e of all(doc, "*")) {
      for (const a of [...e.attributes]) {
        const name = a.localName.toLowerCase();
        if (name.startsWith("on") || name === "srcset" || name === "ping" || name === "srcdoc" || name === "target") e.removeAttributeNode(a);
        else if (e.localName === "img" && name === "src") e.setAttribute("src", await url(a.value));
        else if (e.localName === "image" && name === "href") {
          e.removeAttributeNode(a);
          e.setAttributeNS(xlink, "xlink:href", await url(a.value));
        } else if (name === "href" || name === "src" || name === "action" || name === "formaction" || name === "background") this.link(e, a, path);
      }
    }
    const body = one(doc, "body");
    const inner = body ? [...body.childNodes].map((n) => new XMLSerializer().serializeToString(n)).join("") : "";
    const html = `<!doctype html><html lang="${this.language.replace(/[^\w-]/g, "")}"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="referrer" content="no-referrer"><style>${sheets.join("\n")}</style><style>${style}</style></head><body>${inner}</body></html>`;
    return { html, urls };
  }

  /** target is the chapter and place within it that an address in a chapter leads to. */
  target(path: string, href: string): { chapter: number; fragment: string } | undefined {
    return target(this.chapters, path, href);
  }

  // A link leads into the book (data-to) or to a new tab, or is none.
  private link(e: Element, a: Attr, path: string): void {
    const to = a.value.trim();
    e.removeAttributeNode(a);
    if (e.localName !== "a" || a.localName !== "href") return;
    if (/^https?:/i.test(to)) {
      e.setAttribute("href", to);
      e.setAttribute("target", "_blank");
      e.setAttribute("rel", "noopener noreferrer nofollow");
      return;
    }
    const at = this.target(path, to);
    if (!at) return;
    e.setAttribute("href", "#");
    e.setAttribute("data-to", `${at.chapter}#${at.fragment}`);
  }

  private async text(path: string): Promise<string> {
    const bytes = await this.zip.read(path);
    return bytes ? new TextDecoder().decode(bytes) : "";
  }
}

function target(chapters: readonly string[], from: string, href: string): { chapter: number; fragment: string } | undefined {
  const [path, fragment] = resolve(from, href);
  const chapter = chapters.indexOf(path);
  return chapter < 0 ? undefined : { chapter, fragment };
}

/** resolve makes of a path in the archive and an address in that file the path it means, and what follows "#". */
export function resolve(from: string, href: string): [path: string, fragment: string] {
  const at = URL.canParse(href, `book://book/${encodeURI(from)}`) ? new URL(href, `book://book/${encodeURI(from)}`) : undefined;
  if (at?.protocol !== "book:") return ["", ""];
  const plain = (s: string) => {
    try {
      return decodeURIComponent(s);
    } catch {
      return s;
    }
  };
  return [plain(at.pathname.replace(/^\/+/, "")), plain(at.hash.slice(1))];
}

const all = (root: Document | Element, ...names: string[]): Element[] => [...root.querySelectorAll("*")].filter((e) => names[0] === "*" || names.includes(e.localName.toLowerCase()));
const one = (root: Document | Element, name: string): Element | undefined => all(root, name)[0];

// Many chapters are not well-formed: then they are read as HTML.
async function xml(zip: Zip, path: string): Promise<Document | undefined> {
  const bytes = await zip.read(path);
  if (!bytes) return undefined;
  const text = new TextDecoder().decode(bytes);
  const doc = new DOMParser().parseFromString(text, "application/xhtml+xml");
  return doc.querySelector("parsererror") ? new DOMParser().parseFromString(text, "text/html") : doc;
}

function fromNav(path: string, doc: Document | undefined, chapters: readonly string[]): Heading[] | undefined {
  const navs = doc ? all(doc, "nav") : [];
  const toc = navs.find((n) => [...n.attributes].some((a) => a.localName.endsWith("type") && a.value === "toc")) ?? navs[0];
  return toc && headings(all(toc, "a"), (a) => a.getAttribute("href"), (a) => a.textContent, "li", path, chapters);
}

function fromNcx(path: string, doc: Document | undefined, chapters: readonly string[]): Heading[] | undefined {
  return doc && headings(all(doc, "navpoint"), (p) => one(p, "content")?.getAttribute("src"), (p) => one(p, "text")?.textContent, "navpoint", path, chapters);
}

function headings(lines: Element[], href: (e: Element) => string | null | undefined, label: (e: Element) => string | null | undefined, level: string, path: string, chapters: readonly string[]): Heading[] {
  return lines.flatMap((e) => {
    const to = target(chapters, path, href(e) ?? "");
    let depth = -1;
    for (let p: Element | null = e; p; p = p.parentElement) if (p.localName.toLowerCase() === level) depth++;
    return to ? [{ label: (label(e) ?? "").trim().replace(/\s+/g, " "), depth: Math.max(0, depth), ...to }] : [];
  });
}
