// Which lines are shown (folded groups, stderr only) and how many rows each takes (wrapping). Rows are counted
// from 0; everything is computed for new lines only, unless an option changes.
import type { LogStore } from './log-store';

export interface LineOptions {
  errorsOnly: boolean;
  folded: ReadonlySet<number>;
  /** Columns at which lines wrap; 0: not at all. */
  columns: number;
}

export class LineView {
  /** Indices of the shown lines; null: all of them, and one row each. */
  private shown: number[] | null = null;
  /** The first row of each shown line, and at the end how many there are. */
  private firstRow: number[] = [0];
  private seen = 0;
  private options: LineOptions = { errorsOnly: false, folded: new Set(), columns: 0 };

  constructor(private readonly store: LogStore) {}

  set(options: LineOptions) {
    this.options = options;
    this.seen = 0;
    this.firstRow = [0];
    this.shown = options.columns > 0 || options.errorsOnly || options.folded.size > 0 ? [] : null;
  }

  /** A group that is folded shows its first line only. */
  private hiddenUntil(index: number): number {
    for (const first of this.options.folded) {
      const group = this.store.groups.find((candidate) => candidate.first === first);
      if (group && index >= group.first && index < (group.last ?? this.store.length)) {
        return group.last ?? this.store.length;
      }
    }
    return index;
  }

  private update() {
    const { shown, store } = this;
    if (shown === null) return;
    while (this.seen < store.length) {
      const after = this.hiddenUntil(this.seen);
      if (after > this.seen) {
        this.seen = after;
        continue;
      }
      if (!this.options.errorsOnly || store.isError(this.seen)) {
        shown.push(this.seen);
        this.firstRow.push(this.firstRow.at(-1)! + this.rowsOf(this.seen));
      }
      this.seen += 1;
    }
  }

  private rowsOf(index: number): number {
    const { columns } = this.options;
    if (columns === 0) return 1;
    return Math.max(1, Math.ceil(this.store.plainLine(index).length / columns));
  }

  get rows(): number {
    this.update();
    return this.shown === null ? this.store.length : this.firstRow.at(-1)!;
  }

  /** The line in a row, and which part of it. */
  lineAt(row: number): { index: number; part: number } {
    this.update();
    if (this.shown === null) return { index: row, part: 0 };
    const at = lastAtMost(this.firstRow, row, this.shown.length);
    return { index: this.shown[at] ?? 0, part: row - this.firstRow[at]! };
  }

  /** The first row of a line, or of the shown one before it. */
  rowOf(index: number): number {
    this.update();
    if (this.shown === null) return index;
    const at = lastAtMost(this.shown, index, this.shown.length);
    return this.firstRow[at] ?? 0;
  }
}

/** The last place among the first `count` of an ascending list that holds at most `wanted`; 0 where none does. */
function lastAtMost(ascending: number[], wanted: number, count: number): number {
  let low = 0;
  let high = count;
  while (low < high - 1) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! <= wanted) low = middle;
    else high = middle;
  }
  return low;
}
