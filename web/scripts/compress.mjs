// What is in dist/ once more as NAME.br and NAME.gz, where that is smaller: the panel sends it as it is.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));

const brotli = (bytes) =>
  brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
const codings = { br: brotli, gz: (bytes) => gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }) };

for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const path = `${entry.parentPath}/${entry.name}`;
  const bytes = readFileSync(path);
  for (const [ending, compress] of Object.entries(codings)) {
    const smaller = compress(bytes);
    if (smaller.length < bytes.length) writeFileSync(`${path}.${ending}`, smaller);
  }
}
