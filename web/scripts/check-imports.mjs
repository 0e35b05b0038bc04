import { fileURLToPath } from 'node:url';
import { checkTree } from './imports.mjs';

const problems = checkTree(fileURLToPath(new URL('../src', import.meta.url)));
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log('imports: in order');
