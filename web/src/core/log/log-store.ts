// One attempt's log, outside of any framework: appended to at any rate, read by the pane at its own.
import { stripAnsi } from './ansi';

/** Lines of one stream whose numbers follow one another. */
export interface LogRun {
  /** The first one's number, from 1. */
  n: number;
  s: 'out' | 'err';
  /** Of each line: milliseconds since 1970, and its text. */
  times: number[];
  texts: string[];
}

/** A range of lines `::group` opened and `::endgroup` closed; `last` is null while it is open. */
export interface LogGroup {
  title: string;
  first: number;
  last: number | null;
}

const now = () => performance.now();

export class LogStore {
  readonly texts: string[] = [];
  readonly times: number[] = [];
  readonly groups: LogGroup[] = [];
  private errors = new Uint8Array(1024);
  private readonly listeners = new Set<() => void>();
  private open: LogGroup | null = null;
  private pending: unknown = null;
  errorCount = 0;
  version = 0;

  query = '';
  /** Indices of the lines that hold the query, as far as they are scanned. */
  readonly matches: number[] = [];
  private scanned = 0;

  /** `schedule` runs a function before the next paint; tests run it at once. */
  constructor(
    private readonly schedule: (run: () => void) => unknown = (run) => requestAnimationFrame(run),
  ) {}

  get length() {
    return this.texts.length;
  }

  isError(index: number): boolean {
    return this.errors[index] === 1;
  }

  /** Takes what is new of these lines. False when there is a gap: the lines between have to be fetched first. */
  append(runs: LogRun[]): boolean {
    for (const run of runs) {
      const known = this.length + 1 - run.n;
      if (known < 0) return false;
      if (known < run.texts.length) this.take(run, known);
    }
    this.touch();
    return true;
  }

  /** A run's lines, but for those that are known. */
  private take({ s, times, texts }: LogRun, known: number) {
    if (s === 'err') this.markErrors(this.length, this.length + texts.length - known);
    for (let at = known; at < texts.length; at += 1) {
      const text = texts[at]!;
      this.texts.push(text);
      this.times.push(times[at]!);
      if (text.startsWith('::')) this.takeCommand(text);
    }
  }

  private markErrors(from: number, to: number) {
    if (to > this.errors.length) {
      const larger = new Uint8Array(2 * to);
      larger.set(this.errors);
      this.errors = larger;
    }
    this.errors.fill(1, from, to);
    this.errorCount += to - from;
  }

  private takeCommand(text: string) {
    const closes = text.startsWith('::endgroup');
    const opens = text.startsWith('::group');
    if ((closes || opens) && this.open) {
      this.open.last = closes ? this.length : this.length - 1;
      this.open = null;
    }
    if (!opens) return;
    this.open = { title: stripAnsi(text.slice(7)).trim(), first: this.length, last: null };
    this.groups.push(this.open);
  }

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  /** For counters beside the log: told five times a second at most. */
  subscribeSlowly = (listener: () => void) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = this.subscribe(() => {
      timer ??= setTimeout(() => {
        timer = undefined;
        listener();
      }, 200);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  };

  snapshot = () => this.version;

  private touch() {
    this.pending ??= this.schedule(() => {
      this.pending = null;
      this.scan();
      this.version += 1;
      for (const listener of this.listeners) listener();
    });
  }

  search(query: string) {
    this.query = query.toLowerCase();
    this.matches.length = 0;
    this.scanned = 0;
    this.touch();
  }

  get searching() {
    return this.query !== '' && this.scanned < this.length;
  }

  /** A slice of some milliseconds; the rest follows in the next frames. */
  private scan() {
    if (this.query === '') return;
    const end = now() + 6;
    // The clock is looked at every 512 lines.
    while (this.scanned < this.length && (this.scanned % 512 !== 0 || now() < end)) {
      if (this.plainLine(this.scanned).toLowerCase().includes(this.query)) this.matches.push(this.scanned);
      this.scanned += 1;
    }
    if (this.searching) this.touch();
  }

  plainLine(index: number): string {
    return stripAnsi(this.texts[index] ?? '');
  }

  /** The text of the lines from one number to another, both included, counted from 1. */
  plainText(first: number, last: number): string {
    return this.texts
      .slice(first - 1, last)
      .map(stripAnsi)
      .join('\n');
  }
}
