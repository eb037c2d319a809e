// npm run messages: gathers $gettext("…") and its kin into the .po files beside them; --check fails if any is missing or not translated.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import PO from "pofile";

const root = fileURLToPath(new URL("..", import.meta.url));
const languages = ["de", "fr", "es"];
const check = process.argv.includes("--check");
const text = String.raw`\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|${"`"}(?:[^${"`"}\\$]|\\.)*${"`"})`;
const call = new RegExp(String.raw`\$(n?)(p?)gettext\(${text}(?:\s*,${text})?(?:\s*,${text})?`, "g");
const literal = (s) => JSON.parse(`"${s.slice(1, -1).replaceAll('\\"', '"').replaceAll("\\'", "'").replaceAll('"', '\\"')}"`);
const unescape = (s) => s.replaceAll("&quot;", '"').replaceAll("&amp;", "&");

/** found lists the messages in a folder of sources. */
function found(dir) {
  const out = new Map();
  for (const e of readdirSync(dir, { withFileTypes: true, recursive: true })) {
    if (!e.isFile() || !/\.(vue|ts)$/.test(e.name) || e.name.endsWith(".test.ts")) continue;
    for (const [, n, p, ...args] of readFileSync(`${e.parentPath}/${e.name}`, "utf8").matchAll(call)) {
      const a = args.slice(0, 3).map((s) => (s === undefined ? undefined : unescape(literal(s))));
      const context = p ? a.shift() : undefined;
      const item = new PO.Item({ nplurals: 2 });
      item.msgid = a[0];
      if (context) item.msgctxt = context;
      if (n) item.msgid_plural = a[1];
      item.msgstr = n ? ["", ""] : [""];
      out.set(`${context ?? ""}\u0004${item.msgid}`, item);
    }
  }
  return out;
}

// A feature has its own files; the rest of the sources shares those in src/app.
const features = readdirSync(`${root}/src/features`, { withFileTypes: true }).filter((e) => e.isDirectory()).map((e) => `src/features/${e.name}`);
const folders = [...features.map((f) => ({ from: [f], to: `${f}/l10n` })), { from: ["src/app", "src/ui", "src/auth", "src/api"], to: "src/app/l10n" }];
let faults = 0;
for (const { from, to } of folders) {
  const items = new Map(from.flatMap((f) => [...found(`${root}/${f}`)]));
  if (items.size === 0) continue;
  for (const lang of languages) {
    const file = `${root}/${to}/${lang}.po`;
    const old = new Map(existsSync(file) ? PO.parse(readFileSync(file, "utf8")).items.map((i) => [`${i.msgctxt ?? ""}\u0004${i.msgid}`, i.msgstr]) : []);
    const po = new PO();
    po.headers = { Language: lang, "Content-Type": "text/plain; charset=UTF-8", "Plural-Forms": lang === "fr" ? "nplurals=2; plural=(n > 1);" : "nplurals=2; plural=(n != 1);" };
    po.items = [...items.keys()].sort().map((key) => {
      const item = items.get(key);
      item.msgstr = old.get(key) ?? item.msgstr;
      if (item.msgstr.some((s) => !s)) {
        faults++;
        if (check && faults <= 20) console.error(`${to}/${lang}.po: not translated: ${item.msgid}`);
      }
      return item;
    });
    if (check) continue;
    mkdirSync(`${root}/${to}`, { recursive: true });
    writeFileSync(file, po.toString() + "\n");
  }
}
if (check && faults) process.exit(1);
console.log(`${faults} texts to translate`);
