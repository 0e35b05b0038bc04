// Brings a job's log into a store: what there is by pages, what comes by the stream, gaps by asking again. Each line
// has its number, so that nothing is missing and nothing is doubled, whatever breaks in between.
import { answerOf, client } from './client';
import { ApiError } from './problem';
import type { StreamFrame } from './stream';

export interface LoggedLine {
  n: number;
  t: string;
  s: 'out' | 'err';
  text: string;
}

interface LogPage {
  lines: LoggedLine[];
  next: number | null;
  complete: boolean;
  dropped_bytes: number;
}

export interface LogTarget {
  readonly length: number;
  /** False when lines before these are missing. */
  append(lines: LoggedLine[]): boolean;
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

const pageSize = 20_000;

export function linesOfFrame(frame: StreamFrame): LoggedLine[] {
  const texts = frame.output.split('\n');
  return frame.lines.map(({ n, t, s }, index) => ({ n, t, s, text: texts[index] ?? '' }));
}

export class JobLogReader {
  private reading: Promise<void> | null = null;
  private again = false;
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
    if (!this.target.append(linesOfFrame(frame))) void this.read();
  }

  /** Reads what follows the last line that is known. A second call while one runs is carried out after it. */
  read(): Promise<void> {
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
        coming = page.next !== null && page.lines.length > 0 ? this.fetchPage(page.next) : null;
        this.target.append(page.lines);
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
        params: { path: { id: this.job }, query: { attempt: this.attempt, from, limit: pageSize } },
        headers: { Accept: 'application/json' },
        signal: this.abort.signal,
      }) as Promise<{ data?: LogPage; error?: unknown; response: Response }>,
    );
  }

  private tell(change: Partial<LogProgress>) {
    this.progress = { ...this.progress, ...change };
    this.changed(this.progress);
  }
}
