// What a browser loads for a page at most, compressed with gzip, and that nothing stands inline.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const budget = { js: 250_000, css: 130_000 };
const kilo = (bytes) => (bytes / 1000).toFixed(1);

if (!existsSync(dist)) {
  console.log('budget: nothing is built; `npm run build` first to have it checked');
  process.exit(0);
}

const sizes = new Map();
const texts = new Map();
for (const name of readdirSync(`${dist}assets`)) {
  const bytes = readFileSync(`${dist}assets/${name}`);
  sizes.set(name, gzipSync(bytes, { level: 9 }).length);
  if (name.endsWith('.js')) texts.set(name, bytes.toString());
}

/** The chunk with all that it imports before it can run. */
function closure(name, found = new Set()) {
  if (found.has(name) || !texts.has(name)) return found;
  found.add(name);
  for (const [, target] of texts.get(name).matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g))
    closure(target, found);
  return found;
}

const html = readFileSync(`${dist}index.html`, 'utf8');
const entry = /src="\/assets\/([^"]+\.js)"/.exec(html)[1];
const first = closure(entry);
const pages = [...texts.get(entry).matchAll(/import\(["'`]\.\/([^"'`]+\.js)["'`]\)/g)].map(
  ([, name]) => name,
);
const total = (names) => [...names].reduce((sum, name) => sum + sizes.get(name), 0);
const loads = pages
  .map((page) => ({ page, size: total(new Set([...first, ...closure(page)])) }))
  .sort((a, b) => b.size - a.size);
const css = total([...sizes.keys()].filter((name) => name.endsWith('.css')));

const faults = [];
if (pages.length < 8) faults.push(`only ${pages.length} pages were found in ${entry}`);
if (/<style|style=|<script(?![^>]*\bsrc=)/.test(html)) faults.push('index.html has inline code or style');
console.log(
  `budget: scripts of the heaviest page (${loads[0]?.page}) ${kilo(loads[0]?.size)} of ${budget.js / 1000} kB, all pages together ${kilo(total(texts.keys()))} kB`,
);
console.log(`budget: all styles ${kilo(css)} of ${budget.css / 1000} kB`);
if (loads[0]?.size > budget.js)
  faults.push(`${loads[0].page} needs ${loads[0].size} bytes of script, more than ${budget.js}`);
if (css > budget.css) faults.push(`styles are ${css} bytes, more than ${budget.css}`);
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exit(1);
