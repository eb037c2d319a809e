// After a build: what the first load costs on the wire. Fails beyond the budget: two scripts, 250 KB, to the list of files.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const dist = new URL("../dist/", import.meta.url);
const manifest = Object.values(JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8")));
const first = ["boot", "app"].map((name) => manifest.find((c) => c.name === name));
const seen = new Set(first.map((c) => c.file));
const styles = new Set(first.flatMap((c) => c.css ?? []));
for (const c of first) {
  const others = [...readFileSync(new URL(c.file, dist), "utf8").matchAll(/(?:from|import)"\.\/([^"]+)"/g)].map((m) => "assets/" + m[1]).filter((f) => !seen.has(f));
  if (others.length) {
    console.error(`${c.name} waits for ${others}`);
    process.exit(1);
  }
}
const size = (files) => [...files].reduce((n, f) => n + gzipSync(readFileSync(new URL(f, dist)), { level: 9 }).length, 0);
const script = size(seen);
const style = size(styles);
console.log(`first load: ${seen.size} scripts ${(script / 1000).toFixed(1)} KB, ${styles.size} styles ${(style / 1000).toFixed(1)} KB (gzip)`);
if (script > 250_000 || script + style > 330_000 || seen.size + styles.size > 4) {
  console.error("over budget: 250 KB of script, 330 KB with styles, 4 files");
  process.exit(1);
}
