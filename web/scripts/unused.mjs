// Fails if package.json names a package that nothing imports, or a source imports one that it does not name.
import { readFileSync, readdirSync } from "node:fs";
import { builtinModules } from "node:module";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const { dependencies, devDependencies, scripts } = JSON.parse(readFileSync(`${root}/package.json`, "utf8"));
const named = new Set(Object.keys({ ...dependencies, ...devDependencies }));
const run = ["typescript", "happy-dom"]; // the compiler, and what vitest.config.ts has as environment
const sources = ["src", "scripts"].flatMap((d) => readdirSync(`${root}/${d}`, { recursive: true }).map((f) => `${d}/${f}`)).concat(readdirSync(root)).filter((f) => /\.(ts|mjs|vue|css)$/.test(f));
const imported = /(?:\bfrom|\bimport|\bimport\(|@import|@plugin)\s*["']((?:@[\w.-]+\/)?\w[\w.-]*)(?:\/[^"']*)?["']/g;
const used = new Set(sources.flatMap((f) => [...readFileSync(`${root}/${f}`, "utf8").matchAll(imported)].map((m) => m[1])));
const commands = new Set(Object.values(scripts).flatMap((s) => s.split(/\s+/)));
const unused = [...named].filter((p) => !used.has(p) && !commands.has(p) && !run.includes(p));
const unnamed = [...used].filter((p) => !named.has(p) && !builtinModules.includes(p));
for (const p of unused) console.error(`package.json: nothing uses ${p}`);
for (const p of unnamed) console.error(`package.json: ${p} is imported and not named`);
if (unused.length + unnamed.length) process.exit(1);
