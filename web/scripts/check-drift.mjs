import { readFileSync } from 'node:fs';
import { generatedTypes, typesFile } from './types.mjs';

if (readFileSync(typesFile, 'utf8') !== generatedTypes()) {
  console.error('src/api/schema.gen.ts is not what docs/api/openapi.yaml says; run: npm run types');
  process.exit(1);
}
console.log('types: as docs/api/openapi.yaml says');
