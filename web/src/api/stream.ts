// ONE stream for all tabs of a browser. HTTP/1.1 allows six connections to a host, so that the seventh tab with a
// stream of its own would hang. A SharedWorker cannot be made under the panel's policy (`trusted-types 'none'`), so
// the visible tabs agree: whoever holds the lock has the connection and passes on what it hears. Hidden tabs let go.
import type { components } from './schema.gen';
import { type ConnectionState, StreamSource, type Wish } from './stream-source';

export type StreamFrame = components['schemas']['StreamFrame'] & { job: string };
export type TopicFrame = components['schemas']['TopicFrame'];
export type { ConnectionState };

export interface FrameListener {
  frame(frame: StreamFrame): void;
  /** Frames may have been missed: read the job and its log again. */
  resync(): void;
}

type Message =
  | { kind: 'ask' }
  | { kind: 'wish'; tab: string; wish: Wish }
  | { kind: 'gone'; tab: string }
  | { kind: 'frame'; id: string; data: string }
  | { kind: 'state'; state: ConnectionState };

const lockName = 'provisioning-stream';
const askEvery = 20_000;

const unionOf = (wishes: Wish[]): Wish => ({
  jobs: [...new Set(wishes.flatMap((wish) => wish.jobs))].slice(0, 100),
  topics: [...new Set(wishes.flatMap((wish) => wish.topics))],
});

export class SharedStream {
  private readonly tab = crypto.getRandomValues(new Uint32Array(2)).join('-');
  private readonly channel = new BroadcastChannel(lockName);
  private readonly jobs = new Map<string, Set<FrameListener>>();
  private readonly topics = new Map<string, Set<(frame: TopicFrame) => void>>();
  private readonly stateListeners = new Set<() => void>();
  private readonly others = new Map<string, { wish: Wish; heardAt: number }>();
  private source: StreamSource | null = null;
  private release: (() => void) | null = null;
  private waiting: AbortController | null = null;
  private asking: ReturnType<typeof setInterval> | undefined;
  private position = '';
  state: ConnectionState = 'paused';

  constructor() {
    this.channel.onmessage = ({ data }: MessageEvent<Message>) => this.heard(data);
    document.addEventListener('visibilitychange', () => (document.hidden ? this.pause() : this.resume()));
    addEventListener('pagehide', () => this.pause());
    addEventListener('pageshow', (event) => event.persisted && this.resume());
    addEventListener('online', () => this.source?.hurry(this.wanted()));
    if (!document.hidden) this.lead();
  }

  followJob(job: string, listener: FrameListener): () => void {
    return this.listen(this.jobs, job, listener);
  }

  followTopic(topic: 'jobs' | 'servers', listener: (frame: TopicFrame) => void): () => void {
    return this.listen(this.topics, topic, listener);
  }

  onState = (listener: () => void) => {
    this.stateListeners.add(listener);
    return () => {
      this.stateListeners.delete(listener);
    };
  };

  currentState = () => this.state;

  private listen<T>(all: Map<string, Set<T>>, key: string, listener: T): () => void {
    const listeners = all.get(key) ?? new Set();
    all.set(key, listeners.add(listener));
    this.wishChanged();
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) all.delete(key);
      this.wishChanged();
    };
  }

  private ownWish(): Wish {
    return { jobs: [...this.jobs.keys()], topics: [...this.topics.keys()] };
  }

  private wanted(): Wish {
    return unionOf([this.ownWish(), ...[...this.others.values()].map(({ wish }) => wish)]);
  }

  private wishChanged() {
    if (document.hidden) return;
    if (this.source) this.source.want(this.wanted());
    else this.post({ kind: 'wish', tab: this.tab, wish: this.ownWish() });
  }

  private post(message: Message) {
    this.channel.postMessage(message);
  }

  // ---- who has the connection

  private lead() {
    if (!navigator.locks) return this.takeOver();
    this.waiting = new AbortController();
    this.post({ kind: 'wish', tab: this.tab, wish: this.ownWish() });
    const held = () =>
      new Promise<void>((resolve) => {
        this.release = resolve;
        this.takeOver();
      });
    navigator.locks.request(lockName, { signal: this.waiting.signal }, held).catch(() => undefined);
  }

  private takeOver() {
    this.source = new StreamSource(this.position, {
      event: ({ id, data }) => {
        this.position = id || this.position;
        this.post({ kind: 'frame', id, data });
        this.deliver(data);
      },
      state: (state) => {
        this.setState(state);
        this.post({ kind: 'state', state });
      },
      refused: () => this.resyncAll(),
    });
    this.source.want(this.wanted());
    this.ask();
    this.asking = setInterval(() => this.ask(), askEvery);
  }

  /** Tabs that no longer answer wish for nothing. */
  private ask() {
    this.post({ kind: 'ask' });
    const oldest = Date.now() - 2 * askEvery;
    for (const [tab, { heardAt }] of this.others) if (heardAt < oldest) this.others.delete(tab);
    this.source?.want(this.wanted());
  }

  private pause() {
    this.waiting?.abort();
    this.waiting = null;
    this.source?.stop();
    this.source = null;
    this.others.clear();
    clearInterval(this.asking);
    this.release?.();
    this.release = null;
    this.post({ kind: 'gone', tab: this.tab });
    this.setState('paused');
  }

  private resume() {
    if (this.waiting || this.source) return;
    this.setState('connecting');
    this.lead();
    this.resyncAll();
  }

  private heard(message: Message) {
    if (document.hidden) return;
    if (message.kind === 'frame') {
      this.position = message.id || this.position;
      this.deliver(message.data);
    } else if (message.kind === 'state') {
      this.setState(message.state);
    } else if (message.kind === 'ask') {
      this.post({ kind: 'wish', tab: this.tab, wish: this.ownWish() });
    } else if (this.source) {
      if (message.kind === 'gone') this.others.delete(message.tab);
      else this.others.set(message.tab, { wish: message.wish, heardAt: Date.now() });
      this.source.want(this.wanted());
      this.post({ kind: 'state', state: this.state });
    }
  }

  // ---- to the listeners of this tab

  private deliver(data: string) {
    const frame = JSON.parse(data) as StreamFrame | TopicFrame;
    if ('topic' in frame) for (const listener of this.topics.get(frame.topic) ?? []) listener(frame);
    else for (const listener of this.jobs.get(frame.job) ?? []) listener.frame(frame);
  }

  private resyncAll() {
    for (const listeners of this.jobs.values()) for (const listener of listeners) listener.resync();
    for (const [topic, listeners] of this.topics) {
      for (const listener of listeners) listener({ topic: topic as TopicFrame['topic'], reset: true });
    }
  }

  private setState(state: ConnectionState) {
    if (this.state === state) return;
    this.state = state;
    for (const listener of this.stateListeners) listener();
  }
}

let shared: SharedStream | null = null;

export function sharedStream(): SharedStream {
  shared ??= new SharedStream();
  return shared;
}
