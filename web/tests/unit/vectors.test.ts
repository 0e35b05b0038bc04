// The same vectors as the C++ runs (tests/vectors/README.md).
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { AllowedValue, Input } from '@/core/form/input';
import { type Action, validateInputs } from '@/core/form/validate';
import { parseYaml } from '../../mock/yaml.mjs';

interface Vector {
  rule: string;
  name: string;
  manifest: string;
  inputs: Record<string, unknown>;
  action?: Action;
  remembered?: Record<string, unknown>;
  expect: 'accept' | { errors: { field: string; rule: string }[] };
  values?: Record<string, unknown>;
  visible?: string[];
}

const members = ['rule', 'name', 'manifest', 'inputs', 'action', 'remembered', 'expect', 'values', 'visible'];
// To JavaScript 1.0 and 1 are the same number; a browser sends neither where text was typed.
const beyondJavaScript = ['integer 1.0'];

/** Whole numbers that a double does not hold come out as bigint. */
function readVectors(): Vector[] {
  const text = readFileSync(new URL('../../../tests/vectors/contract/inputs.json', import.meta.url), 'utf8');
  const marked = text.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g, (token) =>
    token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : `"big:${token}"`,
  );
  return JSON.parse(marked, (_key, value) =>
    typeof value === 'string' && value.startsWith('big:') ? BigInt(value.slice(4)) : value,
  );
}

/** Choices as the API gives them: with a value each. */
function inputsOf(manifest: string): Input[] {
  const { inputs } = parseYaml(manifest) as { inputs?: Input[] };
  return (inputs ?? []).map((input) => ({
    ...input,
    validation: {
      ...input.validation,
      allowed_values: input.validation?.allowed_values?.map((choice: unknown) =>
        typeof choice === 'object' ? (choice as AllowedValue) : { value: choice as AllowedValue['value'] },
      ),
    },
  }));
}

const vectors = readVectors();

describe('tests/vectors/contract/inputs.json', () => {
  it('holds the vectors that this test can run', () => {
    expect(vectors.length).toBeGreaterThan(200);
    expect(
      [...new Set(vectors.flatMap((vector) => Object.keys(vector)))].filter((m) => !members.includes(m)),
    ).toEqual([]);
  });

  const runnable = vectors.filter(({ name }) => !beyondJavaScript.includes(name));
  it.each(runnable.map((vector) => [vector.rule, vector.name, vector] as const))(
    '%s %s',
    (_rule, _name, vector) => {
      const { action, remembered } = vector;
      const outcome = validateInputs(inputsOf(vector.manifest), vector.inputs, action, remembered);
      const errors = outcome.errors.map(({ field, rule }) => ({ field, rule }));
      expect(errors).toEqual(vector.expect === 'accept' ? [] : vector.expect.errors);
      for (const { message } of outcome.errors) expect(message).not.toBe('');
      if (vector.values) expect(outcome.values).toEqual(vector.values);
      if (vector.visible) expect(outcome.visible).toEqual(vector.visible);
    },
  );
});
