// Brings a job's log into a store: what there is by pages, what comes by the stream, gaps by asking again. Each line
// has its number, so that nothing is missing and nothing is doubled, whatever breaks in between.
import { answerOf, client, type Schema } from './client';
import { ApiError } from './problem';
import type { StreamFrame } from './stream';

type LogPage = Schema['LogRuns'];

/** Lines of one stream whose numbers follow one another. */
export interface LoggedRun {
  /** The first one's number. */
  n: number;
  s: 'out' | 'err';
  /** Of each line: milliseconds since 1970, and its text. */
  times: number[];
  texts: string[];
}

export interface LogTarget {
  readonly length: number;
  /** False when lines before these are missing. */
  append(runs: LoggedRun[]): boolean;
}

export interface LogProgress {
  complete: boolean;
  droppedBytes: number;
  loading: boolean;
  failed: boolean;
  /** The panel keeps logs for a shorter time than jobs, and that is over. */
  removed: boolean;
}

export const nothingYet: LogProgress = {
  complete: false,
  droppedBytes: 0,
  loading: true,
  failed: false,
  removed: false,
};

const pageSize = 50_000;

export function runsOfFrame(frame: StreamFrame): LoggedRun[] {
  const texts = frame.output.split('\n');
  const runs: LoggedRun[] = [];
  let run: LoggedRun | undefined;
  for (const [index, { n, t, s }] of frame.lines.entries()) {
    if (run === undefined || run.s !== s || run.n + run.texts.length !== n) {
      run = { n, s, times: [], texts: [] };
      runs.push(run);
    }
    run.times.push(Date.parse(t));
    run.texts.push(texts[index] ?? '');
  }
  return runs;
}

export function runsOfPage(page: LogPage): LoggedRun[] {
  return page.runs.map(({ n, s, t, text }) => {
    let time = 0;
    return { n, s, times: t.map((more) => (time += more)), texts: text.split('\n') };
  });
}

export class JobLogReader {
  private reading: Promise<void> | null = null;
  private again = false;
  private whole = false;
  private readonly abort = new AbortController();
  private progress = nothingYet;

  constructor(
    private readonly job: string,
    private readonly attempt: number,
    private readonly target: LogTarget,
    private readonly changed: (progress: LogProgress) => void,
  ) {}

  stop() {
    this.abort.abort();
  }

  frame(frame: StreamFrame) {
    if (frame.attempt !== this.attempt || frame.lines.length === 0) return;
    if (!this.target.append(runsOfFrame(frame))) void this.read();
  }

  /**
   * Reads what follows the last line that is known, unless nothing ever will. A second call while one runs is carried
   * out after it.
   */
  read(): Promise<void> {
    if (this.whole) return Promise.resolve();
    if (this.reading) {
      this.again = true;
      return this.reading;
    }
    this.reading = this.readAll().finally(() => {
      this.reading = null;
      if (!this.again) return;
      this.again = false;
      void this.read();
    });
    return this.reading;
  }

  private async readAll() {
    try {
      let coming: Promise<LogPage> | null = this.fetchPage(this.target.length + 1);
      while (coming) {
        const page: LogPage = await coming;
        // The panel makes the next page while this one is taken in.
        coming = page.next !== null && page.runs.length > 0 ? this.fetchPage(page.next) : null;
        this.target.append(runsOfPage(page));
        this.whole = page.complete && page.next === null;
        this.tell({ complete: page.complete, droppedBytes: page.dropped_bytes });
      }
      this.tell({ loading: false, failed: false });
    } catch (error) {
      if (this.abort.signal.aborted) return;
      const removed = error instanceof ApiError && error.code === 'log_removed';
      this.tell({ loading: false, failed: !removed, removed });
    }
  }

  private fetchPage(from: number): Promise<LogPage> {
    return answerOf(
      client.GET('/api/jobs/{id}/log', {
        params: {
          path: { id: this.job },
          query: { attempt: this.attempt, from, limit: pageSize, by: 'run' },
        },
        headers: { Accept: 'application/json' },
        signal: this.abort.signal,
      }) as Promise<{ data?: LogPage; error?: unknown; response: Response }>,
    );
  }

  private tell(change: Partial<LogProgress>) {
    const before = this.progress;
    this.progress = { ...before, ...change };
    const keys = Object.keys(change) as (keyof LogProgress)[];
    if (keys.some((key) => this.progress[key] !== before[key])) this.changed(this.progress);
  }
}
