// Markdown as elements, from the syntax tree that the editor has as well. HTML in it stays text, links lead only to http(s) and mail.
// (CommonMark, GitHub's tables, tasks and struck text)
import { markdownLanguage } from "@codemirror/lang-markdown";
import { LanguageDescription } from "@codemirror/language";
import { languages } from "@codemirror/language-data";
import { highlightCode, type Highlighter } from "@lezer/highlight";
import { h, type VNode } from "vue";

type Part = VNode | string;
type SyntaxNode = ReturnType<typeof markdownLanguage.parser.parse>["topNode"];

const plain: Record<string, string> = { Paragraph: "p", Blockquote: "blockquote", BulletList: "ul", OrderedList: "ol", Emphasis: "em", StrongEmphasis: "strong", Strikethrough: "del", Subscript: "sub", Superscript: "sup", TableRow: "tr", TableHeader: "tr" };
const marks = /^(HeaderMark|QuoteMark|ListMark|EmphasisMark|StrikethroughMark|SubscriptMark|SuperscriptMark|CodeMark|LinkMark|TableDelimiter|LinkReference|Comment|CommentBlock)$/;

/** preview makes elements of a text. Code is coloured by `colours` once the languages that it is in were loaded. */
export async function preview(text: string, colours: Highlighter): Promise<Part[]> {
  const tree = markdownLanguage.parser.parse(text);
  const known = new Map<string, LanguageDescription>();
  tree.iterate({
    enter: (n) => {
      const name = n.name === "CodeInfo" ? word(text.slice(n.from, n.to)) : "";
      const found = name && LanguageDescription.matchLanguageName(languages, name);
      if (found) known.set(name, found);
    },
  });
  await Promise.all([...known.values()].map((l) => l.load().catch(console.warn)));
  return new Writer(text, known, colours).inside(tree.topNode);
}

class Writer {
  constructor(
    private readonly text: string,
    private readonly known: Map<string, LanguageDescription>,
    private readonly colours: Highlighter,
  ) {}

  /** inside is what a node contains: its children, and the text between them. */
  inside(node: SyntaxNode): Part[] {
    const out: Part[] = [];
    const block = /^(Document|Blockquote|BulletList|OrderedList|ListItem|Table|TableHeader|TableRow)$/.test(node.name);
    let at = node.from;
    const words = (to: number) => !block && to > at && out.push(this.text.slice(at, to));
    for (let c = node.firstChild; c; c = c.nextSibling) {
      words(c.from);
      out.push(...this.one(c));
      at = c.name === "QuoteMark" && this.text[c.to] === " " ? c.to + 1 : c.to;
    }
    words(node.to);
    return out;
  }

  private one(n: SyntaxNode): Part[] {
    const source = this.text.slice(n.from, n.to);
    if (marks.test(n.name)) return [];
    const heading = /^(?:ATX|Setext)Heading(\d)$/.exec(n.name);
    if (heading) return [h(`h${Math.min(6, Number(heading[1]) + 1)}`, trim(this.inside(n)))]; // below the page's own
    switch (n.name) {
      case "ListItem": return [h("li", this.inside(n))];
      case "Task": return [h("p", [h("input", { type: "checkbox", disabled: true, checked: /^\[x\]/i.test(source), "aria-label": source.slice(3).trim() }), " ", ...trim(this.inside(n))])];
      case "TaskMarker": return [];
      case "Table": return [h("table", this.inside(n))];
      case "TableCell": return [h(n.parent?.name === "TableHeader" ? "th" : "td", this.inside(n))];
      case "HorizontalRule": return [h("hr")];
      case "HardBreak": return [h("br")];
      case "Escape": return [source.slice(1)];
      case "Entity": return [new DOMParser().parseFromString(source, "text/html").documentElement.textContent];
      case "InlineCode": return [h("code", this.inside(n))];
      case "FencedCode":
      case "CodeBlock": return [this.code(n)];
      case "HTMLBlock": return [h("p", source)];
      case "Link": return [link(this.url(n), this.label(n))];
      case "Image": return [h("span", { class: "picture" }, this.label(n))]; // it could tell somebody who reads
      case "Autolink":
      case "URL": return [link(source.replace(/^<|>$/g, ""), [source.replace(/^<|>$/g, "")])];
      case "LinkTitle":
      case "LinkLabel": return [];
    }
    const tag = plain[n.name];
    return [tag ? h(tag, trim(this.inside(n))) : source];
  }

  private url(n: SyntaxNode): string {
    const url = n.getChild("URL");
    return url ? this.text.slice(url.from, url.to).replace(/^<|>$/g, "") : "";
  }

  // label is what stands between the brackets.
  private label(n: SyntaxNode): Part[] {
    const out: Part[] = [];
    const [open, close] = n.getChildren("LinkMark");
    let at = open?.to ?? n.from;
    for (let c = open?.nextSibling; c && close && c.from < close.from; c = c.nextSibling) {
      out.push(this.text.slice(at, c.from), ...this.one(c));
      at = c.to;
    }
    return [...out, this.text.slice(at, close?.from ?? n.to)];
  }

  private code(n: SyntaxNode): VNode {
    const info = n.getChild("CodeInfo");
    const text = n.getChildren("CodeText").map((c) => this.text.slice(c.from, c.to)).join("");
    const parser = info && this.known.get(word(this.text.slice(info.from, info.to)))?.support?.language.parser;
    const out: Part[] = [];
    if (parser) highlightCode(text, parser.parse(text), this.colours, (t, classes) => out.push(classes ? h("span", { class: classes }, t) : t), () => out.push("\n"));
    else out.push(text);
    return h("pre", { tabindex: 0 }, h("code", out));
  }
}

const word = (info: string) => info.trim().split(/\s/)[0] ?? "";
const link = (to: string, words: Part[]): VNode => (/^(https?:|mailto:)/i.test(to) ? h("a", { href: to, target: "_blank", rel: "noopener noreferrer nofollow" }, words) : h("span", words));

// Blanks at the edges are those between a mark and its words.
function trim(parts: Part[]): Part[] {
  const out = [...parts];
  if (typeof out[0] === "string") out[0] = out[0].trimStart();
  const last = out.length - 1;
  if (typeof out[last] === "string") out[last] = out[last].trimEnd();
  return out;
}
