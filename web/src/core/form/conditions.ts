// visible_if: when an input is shown (docs/contract.md, "Conditions").
import { sameValue } from './check';
import type { Condition, Value } from './input';

/** The value of a visible input that has one; undefined makes every comparison with it false. */
export type ValueOf = (input: string) => Value | undefined;

type Parts = { all?: Condition[]; any?: Condition[]; not?: Condition };

function isComparison(condition: Condition): condition is Record<string, Value | Value[]> {
  return !('all' in condition || 'any' in condition || 'not' in condition);
}

export function holds(condition: Condition, lookUp: ValueOf): boolean {
  if (isComparison(condition)) {
    return Object.entries(condition).every(([name, wanted]) => equalsAny(lookUp(name), wanted));
  }
  const { all, any, not } = condition as Parts;
  if (all !== undefined) return all.every((part) => holds(part, lookUp));
  if (any !== undefined) return any.some((part) => holds(part, lookUp));
  return !holds(not!, lookUp);
}

function equalsAny(value: Value | undefined, wanted: Value | Value[]): boolean {
  if (value === undefined) return false;
  const choices: Value[] = Array.isArray(wanted) ? wanted : [wanted];
  return choices.some((choice) =>
    Array.isArray(value) ? value.some((item) => item === choice) : sameValue(value, choice),
  );
}

export function inputsNamedBy(condition: Condition): string[] {
  if (isComparison(condition)) return Object.keys(condition);
  const { all, any, not } = condition as Parts;
  return [...(all ?? []), ...(any ?? []), ...(not ? [not] : [])].flatMap(inputsNamedBy);
}
