// After a build: what the first load costs on the wire. Fails beyond the budget: 250 KB of script to the list of files.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));
const seen = new Set();
const styles = new Set();
function follow(key, dynamic) {
  const chunk = manifest[key];
  if (seen.has(chunk.file)) return;
  seen.add(chunk.file);
  for (const css of chunk.css ?? []) styles.add(css);
  for (const i of chunk.imports ?? []) follow(i);
  for (const i of dynamic ?? []) follow(i);
}
follow("index.html", manifest["index.html"].dynamicImports);
const size = (files) => [...files].reduce((n, f) => n + gzipSync(readFileSync(new URL(f, dist)), { level: 9 }).length, 0);
const script = size(seen);
const style = size(styles);
console.log(`first load: ${seen.size} scripts ${(script / 1000).toFixed(1)} KB, ${styles.size} styles ${(style / 1000).toFixed(1)} KB (gzip)`);
if (script > 250_000 || script + style > 330_000 || seen.size + styles.size > 6) {
  console.error("over budget: 250 KB of script, 330 KB with styles, 6 files");
  process.exit(1);
}
