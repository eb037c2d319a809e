// A reader of XML that only knows elements and text. The browser's own makes a node of the page of everything, which for a folder of
// 1,000 files takes longer than all else together.

/** Element is an element: its name without the prefix, the elements in it, and the text that is directly in it. */
export interface Element {
  name: string;
  children: Element[];
  text: string;
}

const token = /<(?:!--[\s\S]*?--|\?[\s\S]*?\?|!\[CDATA\[([\s\S]*?)\]\]|(\/?)(?:[^\s/>:"']*:)?([^\s/>:"'!?]+)(?=[\s/>])(?:"[^"]*"|'[^']*'|[^"'>])*?(\/?))>|[^<]+/y;
const deepest = 100;

/** read reads a document. It throws if that is not well formed, is too deep, or declares a document type. (XML 1.0, without DTDs) */
export function read(xml: string): Element {
  const outside: Element = { name: "", children: [], text: "" };
  const open = [outside];
  let at = outside;
  for (token.lastIndex = 0; token.lastIndex < xml.length; ) {
    const start = token.lastIndex;
    const m = token.exec(xml);
    if (!m) throw new Error(`XML is not well formed at ${start}`);
    const [all, cdata, end, name, empty] = m;
    if (cdata !== undefined) at.text += cdata;
    else if (name === undefined) {
      if (all.charCodeAt(0) !== 60) at.text += all.includes("&") ? all.replace(/&([^;]*);/g, entity) : all;
    } else if (end) {
      if (at.name !== name) throw new Error(`XML is not well formed: </${name}> ends <${at.name}>`);
      open.pop();
      at = open[open.length - 1] ?? outside;
    } else {
      const e = { name, children: [], text: "" };
      at.children.push(e);
      if (empty) continue;
      if (open.length > deepest) throw new Error("XML is too deep");
      open.push(e);
      at = e;
    }
  }
  const [root] = outside.children;
  if (!root || open.length !== 1 || outside.children.length !== 1 || outside.text.trim()) throw new Error("XML is not well formed: not one element");
  return root;
}

const named = new Map([["amp", "&"], ["lt", "<"], ["gt", ">"], ["quot", '"'], ["apos", "'"]]);

function entity(all: string, name: string): string {
  const code = /^#(?:x([\da-f]+)|(\d+))$/i.exec(name);
  const n = code ? (code[1] ? parseInt(code[1], 16) : Number(code[2])) : NaN;
  const text = code ? (n > 0 && n <= 0x10ffff ? String.fromCodePoint(n) : undefined) : named.get(name);
  if (text === undefined) throw new Error(`XML is not well formed: ${all}`);
  return text;
}

/** content is all text in an element, then that of those below. */
export const content = (e: Element | undefined): string => (e ? e.children.reduce((t, c) => t + content(c), e.text) : "");
