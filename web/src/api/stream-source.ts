// One connection to /api/stream for everything that is wanted, reopened where it broke off.
import { readEvents, type ServerEvent } from './event-stream';

export interface Wish {
  jobs: string[];
  topics: string[];
}

export type ConnectionState = 'connecting' | 'live' | 'retrying' | 'paused';

const leastWait = 500;
const mostWait = 10_000;

export const isEmptyWish = ({ jobs, topics }: Wish) => jobs.length === 0 && topics.length === 0;
const keyOf = ({ jobs, topics }: Wish) => `${[...jobs].sort().join(',')}|${[...topics].sort().join(',')}`;

export function streamUrl({ jobs, topics }: Wish, position: string): string {
  const query = new URLSearchParams();
  if (jobs.length > 0) query.set('jobs', jobs.join(','));
  if (topics.length > 0) query.set('topics', topics.join(','));
  if (position !== '') query.set('after', position);
  // What was written before is read by pages, not told line by line.
  if (jobs.length > 0) query.set('from', 'now');
  return `/api/stream?${query}`;
}

export class StreamSource {
  private running: AbortController | null = null;
  private key = '|';
  private wait = leastWait;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private position: string,
    private readonly on: {
      event(event: ServerEvent): void;
      state(state: ConnectionState): void;
      refused(): void;
    },
  ) {}

  want(wish: Wish) {
    if (keyOf(wish) === this.key) return;
    this.key = keyOf(wish);
    this.stop();
    if (!isEmptyWish(wish)) void this.run(wish);
  }

  /** At once, where it waits to try again. */
  hurry(wish: Wish) {
    if (this.timer === undefined) return;
    this.stop();
    this.wait = leastWait;
    void this.run(wish);
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.running?.abort();
    this.running = null;
  }

  private async run(wish: Wish) {
    const running = new AbortController();
    this.running = running;
    this.on.state('connecting');
    const end = await readEvents(streamUrl(wish, this.position), running.signal, {
      open: () => {
        this.wait = leastWait;
        this.on.state('live');
      },
      event: (event) => {
        if (running.signal.aborted) return;
        if (event.id !== '') this.position = event.id;
        this.on.event(event);
      },
    });
    if (running.signal.aborted || end === 'over') return;
    if (end === 'refused') this.refused();
    this.on.state('retrying');
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        void this.run(wish);
      },
      this.wait * (0.75 + Math.random() / 2),
    );
    this.wait = Math.min(mostWait, 2 * this.wait);
  }

  /** The position may be one that this panel does not know: the next try begins anew. */
  private refused() {
    this.position = '';
    this.wait = mostWait;
    this.on.refused();
  }
}
