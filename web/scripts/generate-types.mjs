import { writeFileSync } from 'node:fs';
import { generatedTypes, typesFile } from './types.mjs';

writeFileSync(typesFile, generatedTypes());
