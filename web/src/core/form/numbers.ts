// Numbers as the contract has them: 64-bit integers and doubles, and the exact text forms of both.

const wholeText = /^-?(0|[1-9][0-9]*)$/;
const decimalText = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/;
const leastInteger = -(2n ** 63n);
const greatestInteger = 2n ** 63n - 1n;

const narrowed = (whole: bigint): number | bigint =>
  Number.isSafeInteger(Number(whole)) ? Number(whole) : whole;

export function integerFromText(text: string): number | bigint | undefined {
  if (text === '-0' || !wholeText.test(text)) return undefined;
  const whole = BigInt(text);
  return whole < leastInteger || whole > greatestInteger ? undefined : narrowed(whole);
}

export function numberFromText(text: string): number | bigint | undefined {
  const integer = integerFromText(text);
  if (integer !== undefined) return integer;
  if (text.length > 64 || !decimalText.test(text)) return undefined;
  return Number(text) + 0;
}

export function asInteger(given: unknown): number | bigint | undefined {
  if (typeof given === 'string') return integerFromText(given);
  if (typeof given === 'bigint')
    return given < leastInteger || given > greatestInteger ? undefined : narrowed(given);
  return typeof given === 'number' && Number.isSafeInteger(given) ? given : undefined;
}

export function asNumber(given: unknown): number | bigint | undefined {
  if (typeof given === 'string') return numberFromText(given);
  if (typeof given === 'bigint') return given > greatestInteger ? Number(given) : narrowed(given);
  return typeof given === 'number' && Number.isFinite(given) ? given : undefined;
}

/** Numbers compare as numbers, whatever holds them. JavaScript compares a bigint with a double exactly. */
export const sameNumber = (left: number | bigint, right: number | bigint) =>
  !(left < right) && !(left > right);
