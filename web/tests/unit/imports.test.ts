import { describe, expect, it } from 'vitest';
import { forbiddenImports } from '../../scripts/imports.mjs';

const check = (file: string, text: string) => forbiddenImports('/src', `/src/${file}`, text);

describe('imports', () => {
  it.each([
    ['features/jobs/page.tsx', "import { x } from '../catalogue/card';"],
    ['features/jobs/page.tsx', "import { x } from '@/features/catalogue/card';"],
    ['features/jobs/page.tsx', "const x = import('@/app/routes');"],
    ['framework/time.tsx', "import { x } from '@/api/client';"],
    ['core/format.ts', "import { x } from '../framework/time';"],
    ['core/format.ts', "import { useState } from 'react';"],
    ['api/client.ts', "import '@/core/format';"],
    ['api/client.ts', "import { Button } from '@patternfly/react-core';"],
  ])('%s may not: %s', (file, text) => expect(check(file, text)).toHaveLength(1));

  it.each([
    ['features/jobs/page.tsx', "import { x } from './row';\nimport { y } from '@/framework/time';"],
    ['app/routes.tsx', "const x = import('@/features/jobs/page');"],
    ['framework/time.tsx', "import { x } from '@/core/format';"],
  ])('%s may: %s', (file, text) => expect(check(file, text)).toEqual([]));
});
