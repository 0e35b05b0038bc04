// Who may import whom: api, core, framework <- features <- app; a feature never imports another one.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const allowed = {
  api: ['api'],
  core: ['core'],
  framework: ['framework', 'core'],
  features: ['api', 'core', 'framework'],
  app: ['api', 'core', 'framework', 'features', 'app'],
};
// The log must not wait for React, and data must not know how it looks.
const unwanted = {
  core: /^(react|react-dom|@tanstack\/.*|@patternfly\/.*)(\/|$)/,
  api: /^(react-dom|@patternfly\/.*)(\/|$)/,
};
const specifier = /(?:from|import)\s*\(?\s*'([^']+)'/g;

export function sourceFiles(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return sourceFiles(path);
    return /\.tsx?$/.test(name) ? [path] : [];
  });
}

/** One sentence for each import that goes the wrong way; `text` is the content of `file` below `root`. */
export function forbiddenImports(root, file, text) {
  const [layer, feature] = relative(root, file).split('/');
  const problems = [];
  for (const [, name] of text.matchAll(specifier)) {
    if (unwanted[layer]?.test(name))
      problems.push(`${relative(root, file)}: ${layer} may not import ${name}`);
    const target = name.startsWith('@/')
      ? join(root, name.slice(2))
      : name.startsWith('.')
        ? resolve(dirname(file), name)
        : null;
    if (target === null) continue;
    const [to, toFeature] = relative(root, target).split('/');
    const sameFeature = layer === 'features' && to === 'features' && feature === toFeature;
    if (!sameFeature && !(allowed[layer] ?? []).includes(to)) {
      problems.push(`${relative(root, file)}: ${layer} may not import ${name}`);
    }
  }
  return problems;
}

export function checkTree(root) {
  return sourceFiles(root).flatMap((file) => forbiddenImports(root, file, readFileSync(file, 'utf8')));
}
