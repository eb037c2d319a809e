// The little of Markdown that readmes of spaces use, as elements: never HTML that comes from a file.
import { h, type VNode } from "vue";

/**
 * render makes elements of headings, lists, paragraphs, emphasis, code and links; all else stays as it is written. Its outermost
 * headings are one level below those of what it is shown in: 1 for a page, 2 for a dialog. (CommonMark, in part)
 */
export function render(text: string, below: 1 | 2): VNode[] {
  const out: VNode[] = [];
  let lines: string[] = [];
  let list: { ordered: boolean; items: string[] } | undefined;
  const top = Math.min(...[...text.matchAll(/^(#{1,6})\s/gm)].map((m) => m[1]?.length ?? 1)); // the outermost heading there is
  const flush = () => {
    if (lines.length) out.push(h("p", inline(lines.join(" "))));
    if (list) out.push(h(list.ordered ? "ol" : "ul", list.items.map((i) => h("li", inline(i)))));
    lines = [];
    list = undefined;
  };
  for (const line of text.split(/\r?\n/)) {
    const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
    const item = /^\s*(?:([-*+])|\d+[.)])\s+(.*)$/.exec(line);
    if (!line.trim()) flush();
    else if (heading) {
      flush();
      out.push(h(`h${Math.min(6, (heading[1]?.length ?? 1) - top + below + 1)}`, inline(heading[2] ?? "")));
    } else if (item) {
      const ordered = item[1] === undefined;
      if (!list || list.ordered !== ordered) {
        flush();
        list = { ordered, items: [] };
      }
      list.items.push(item[2] ?? "");
    } else if (list?.items.length) list.items.push(`${list.items.pop() ?? ""} ${line.trim()}`);
    else lines.push(line.trim());
  }
  flush();
  return out;
}

function inline(text: string): (VNode | string)[] {
  const out: (VNode | string)[] = [];
  const parts = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*]+)\*|\[([^\]]+)\]\(([^)\s]+)\)/g;
  let at = 0;
  for (const m of text.matchAll(parts)) {
    if (m.index > at) out.push(text.slice(at, m.index));
    at = m.index + m[0].length;
    if (m[1]) out.push(h("code", m[1]));
    else if (m[2]) out.push(h("strong", m[2]));
    else if (m[3]) out.push(h("em", m[3]));
    else if (m[4] && m[5]) out.push(/^(https?:|mailto:)/i.test(m[5]) ? h("a", { href: m[5], target: "_blank", rel: "noopener noreferrer nofollow" }, m[4]) : m[4]);
  }
  if (at < text.length) out.push(text.slice(at));
  return out;
}
