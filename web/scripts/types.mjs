// The types that docs/api/openapi.yaml has, made by the generator in ../api, which needs a TypeScript of its own.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const typesFile = fileURLToPath(new URL('../src/api/schema.gen.ts', import.meta.url));
const run = fileURLToPath(new URL('../run', import.meta.url));

export function generatedTypes() {
  return execFileSync(
    run,
    ['-C', 'api', 'openapi-typescript', '../../docs/api/openapi.yaml', '--empty-objects-unknown'],
    {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
}
