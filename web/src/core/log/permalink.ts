// #L10 and #L10-L20.

export type LineRange = readonly [first: number, last: number];

export function rangeOfHash(hash: string): LineRange | null {
  const match = /^#?L([1-9][0-9]{0,8})(?:-L?([1-9][0-9]{0,8}))?$/.exec(hash);
  if (match === null) return null;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return [Math.min(first, last), Math.max(first, last)];
}

export const hashOfRange = ([first, last]: LineRange) =>
  first === last ? `L${first}` : `L${first}-L${last}`;

/** A click on a line's number; with shift the range grows from where it began. */
export function selectLine(range: LineRange | null, line: number, extend: boolean): LineRange {
  if (!extend || range === null) return [line, line];
  const [first, last] = range;
  return line < first ? [line, last] : [first, line];
}
