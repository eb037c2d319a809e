// Translations are .po files in l10n folders beside what they translate; a language is loaded as one module.
import { readFileSync, readdirSync } from "node:fs";
import PO from "pofile";

const prefix = "virtual:messages/";

/** files lists the .po files of a language. */
export const files = (root, lang) => walk(`${root}/src`, `${lang}.po`);

function walk(dir, name) {
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((e) => e.isFile() && e.name === name && e.parentPath.endsWith("l10n"))
    .map((e) => `${e.parentPath}/${e.name}`)
    .sort();
}

/** translations reads a language: msgid → text or, with plurals, list of texts. */
export function translations(root, lang) {
  const out = {};
  for (const file of files(root, lang)) {
    for (const item of PO.parse(readFileSync(file, "utf8")).items) {
      if (item.obsolete || item.msgstr.some((s) => !s)) continue;
      const text = item.msgid_plural ? item.msgstr : item.msgstr[0];
      if (item.msgctxt) {
        // one context beside others of the same id, as vue3-gettext wants it
        const had = out[item.msgid];
        out[item.msgid] = { ...(typeof had === "object" && !Array.isArray(had) ? had : had ? { "": had } : {}), [item.msgctxt]: text };
      } else out[item.msgid] = text;
    }
  }
  return out;
}

/** messages is the vite plugin behind `virtual:messages/<language>`. */
export function messages(root) {
  return {
    name: "messages",
    resolveId: (id) => (id.startsWith(prefix) ? "\0" + id : undefined),
    load(id) {
      if (!id.startsWith("\0" + prefix)) return;
      const lang = id.slice(prefix.length + 1);
      for (const f of files(root, lang)) this.addWatchFile(f);
      return `export default ${JSON.stringify(translations(root, lang))}`;
    },
  };
}
