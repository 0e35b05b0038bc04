// Shows a LogStore with a fixed number of recycled rows. Rows are made once and only their text and place change, so
// that 200,000 lines cost as much as 50. Painting takes a third of the main thread at most: then it skips frames.
import { formatClock, type TimeZone } from '../format';
import { cutSegments, markHits, parseAnsi, type Segment } from './ansi';
import { LineView } from './line-view';
import { LogRow } from './log-row';
import type { LogStore } from './log-store';

export const rowHeight = 20;
/** Browsers clamp elements from some 17 million pixels on: beyond this the scrollbar stands for more rows a pixel. */
const maxHeight = 8_000_000;
const rowsAround = 8;

/** The end of a group is only a mark: its name stands where it begins. */
const segmentsOf = (text: string): Segment[] =>
  text.startsWith('::endgroup') ? [{ text: '└', className: 'ansi-dim' }] : parseAnsi(text);

export interface PaneState {
  follow: boolean;
  wrap: boolean;
  zone: TimeZone;
  errorsOnly: boolean;
  folded: ReadonlySet<number>;
  /** First and last line number, from 1. */
  selection: readonly [number, number] | null;
  /** The index of the match that n and N stand on. */
  current: number;
}

export interface PaneEvents {
  followChanged(follow: boolean): void;
  select(line: number, extend: boolean): void;
  toggleGroup(first: number): void;
}

export class LogPane {
  private readonly spacer = document.createElement('div');
  private readonly pool: LogRow[] = [];
  private readonly lines: LineView;
  private readonly resized = new ResizeObserver(() => this.measure());
  private readonly stopListening: () => void;
  private readonly abort = new AbortController();
  private readonly painted = new MessageChannel();
  private state: PaneState = {
    follow: true,
    wrap: false,
    zone: 'local',
    errorsOnly: false,
    folded: new Set(),
    selection: null,
    current: -1,
  };
  private frame = 0;
  private timer = 0;
  private startedAt = 0;
  private lastPaint = 0;
  private cost = 4;
  private revision = 0;
  private query = '';
  private height = 0;
  private columns = 0;
  private scrollTop = 0;
  private ownScroll = false;
  private scale = 1;
  private spacerHeight = -1;

  constructor(
    private readonly host: HTMLElement,
    private readonly store: LogStore,
    private readonly events: PaneEvents,
  ) {
    this.lines = new LineView(store);
    this.spacer.className = 'log-spacer';
    host.replaceChildren(this.spacer);
    this.listen();
    // A message is handled after style, layout and paint: it tells what a frame really cost.
    this.painted.port1.onmessage = () => {
      this.lastPaint = performance.now();
      this.cost = 0.6 * this.cost + 0.4 * (this.lastPaint - this.startedAt);
    };
    this.stopListening = store.subscribe(() => this.schedule());
    this.resized.observe(host);
    this.measure();
  }

  destroy() {
    this.stopListening();
    this.abort.abort();
    this.resized.disconnect();
    this.painted.port1.close();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    this.host.replaceChildren();
  }

  set(change: Partial<PaneState>) {
    const before = this.state;
    this.state = { ...before, ...change };
    const { wrap, errorsOnly, folded } = this.state;
    if (wrap !== before.wrap) this.measure();
    else if (errorsOnly !== before.errorsOnly || folded !== before.folded) this.layOut();
    this.revision += 1;
    this.schedule(true);
  }

  /** Scrolls so that the line stands in the upper third. */
  show(line: number) {
    this.setFollow(false);
    this.scrollTo(this.lines.rowOf(line - 1) * rowHeight - this.height / 3);
  }

  private listen() {
    const options = { passive: true, signal: this.abort.signal };
    const { host } = this;
    host.addEventListener('scroll', () => this.scrolled(), options);
    // While following, each frame scrolls by itself: only wheel, keys, touch and the scrollbar show what is wanted.
    host.addEventListener('wheel', (event) => event.deltaY < 0 && this.setFollow(false), options);
    host.addEventListener('touchmove', () => this.setFollow(false), options);
    host.addEventListener('keydown', (event) => this.pressed(event), { signal: this.abort.signal });
    host.addEventListener(
      'pointerdown',
      (event) => this.grabsScrollbar(event) && this.setFollow(false),
      options,
    );
    host.addEventListener('click', (event) => this.clicked(event), { signal: this.abort.signal });
  }

  private pressed(event: KeyboardEvent) {
    if (this.pausesBy(event)) this.setFollow(false);
    const goal = this.goalOf(event.key);
    if (goal === null) return;
    // The browser would get there in steps, and whatever is laid out meanwhile ends them.
    event.preventDefault();
    this.scrollTo(Math.max(0, goal));
    if (event.key === 'PageDown' && goal + this.height >= this.lines.rows * rowHeight) this.setFollow(true);
  }

  private goalOf(key: string) {
    const top = this.scrollTop * this.scale;
    const page = this.height - 2 * rowHeight;
    if (key === 'Home') return 0;
    if (key === 'PageUp') return top - page;
    return key === 'PageDown' ? top + page : null;
  }

  private pausesBy(event: KeyboardEvent) {
    return ['PageUp', 'ArrowUp', 'Home'].includes(event.key) || (event.key === ' ' && event.shiftKey);
  }

  private grabsScrollbar(event: PointerEvent) {
    return event.target === this.host && event.offsetX >= this.host.clientWidth;
  }

  private clicked(event: MouseEvent) {
    const target = event.target as HTMLElement;
    const fold = target.closest<HTMLElement>('[data-group]');
    const number = target.closest<HTMLElement>('.log-number');
    if (fold?.dataset.group) this.events.toggleGroup(Number(fold.dataset.group));
    if (!number?.dataset.line) return;
    event.preventDefault();
    this.events.select(Number(number.dataset.line), event.shiftKey);
  }

  private setFollow(follow: boolean) {
    if (this.state.follow === follow) return;
    this.state = { ...this.state, follow };
    this.events.followChanged(follow);
  }

  private scrolled() {
    const top = this.host.scrollTop;
    if (this.ownScroll) this.ownScroll = false;
    else if (top < this.scrollTop - 1) this.setFollow(false);
    else if (top > this.scrollTop && top + this.height >= this.host.scrollHeight - 2) this.setFollow(true);
    this.scrollTop = top;
    this.schedule(true);
  }

  private measure() {
    this.height = this.host.clientHeight;
    const row = this.rowAt(0);
    row.show();
    this.columns = this.state.wrap ? row.columnsIn(this.host.clientWidth) : 0;
    this.layOut();
  }

  /** Where the lines go has changed: what was on top stays there. */
  private layOut() {
    const top = this.lines.lineAt(Math.floor((this.scrollTop * this.scale) / rowHeight)).index;
    this.lines.set({ columns: this.columns, errorsOnly: this.state.errorsOnly, folded: this.state.folded });
    this.revision += 1;
    if (!this.state.follow && top > 0) this.scrollTo(this.lines.rowOf(top) * rowHeight);
    this.schedule(true);
  }

  private geometry() {
    const full = this.lines.rows * rowHeight;
    const shown = Math.min(full, maxHeight);
    const scale = full > shown && shown > this.height ? (full - this.height) / (shown - this.height) : 1;
    return { shown, scale };
  }

  private setSpacer(height: number) {
    if (height === this.spacerHeight) return;
    this.spacerHeight = height;
    this.spacer.style.height = `${height}px`;
  }

  private scrollTo(virtualTop: number) {
    const { shown, scale } = this.geometry();
    this.setSpacer(shown);
    this.scale = scale;
    this.moveTo(Math.max(0, Math.min(shown - this.height, virtualTop / scale)));
    this.schedule(true);
  }

  private moveTo(top: number) {
    if (Math.abs(top - this.scrollTop) <= 0.5) return;
    this.ownScroll = true;
    this.host.scrollTop = top;
    this.scrollTop = top;
  }

  private schedule(atOnce = false) {
    if (this.frame) return;
    const wait = atOnce ? 0 : Math.min(250, 3 * this.cost - (performance.now() - this.lastPaint));
    if (wait > 4) {
      this.timer ||= window.setTimeout(() => {
        this.timer = 0;
        this.schedule(true);
      }, wait);
      return;
    }
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.startedAt = performance.now();
      this.paint();
      this.painted.port2.postMessage(null);
    });
  }

  private rowAt(place: number): LogRow {
    let row = this.pool[place];
    if (row === undefined) {
      row = new LogRow(this.spacer);
      this.pool[place] = row;
    }
    return row;
  }

  private paint() {
    const { shown, scale } = this.geometry();
    const virtualTop = this.scrollTop * this.scale;
    this.setSpacer(shown);
    if (this.state.follow) this.moveTo(Math.max(0, shown - this.height));
    // The scrollbar stands for more rows now: what is on the screen stays.
    else if (scale !== this.scale)
      this.moveTo(Math.max(0, Math.min(shown - this.height, virtualTop / scale)));
    this.scale = scale;
    if (this.store.query !== this.query) {
      this.query = this.store.query;
      this.revision += 1;
    }
    this.paintRows();
  }

  private paintRows() {
    const rows = this.lines.rows;
    const top = this.scrollTop * this.scale;
    const count = Math.ceil(this.height / rowHeight) + 2 * rowsAround + 1;
    const first = Math.max(0, Math.min(Math.floor(top / rowHeight) - rowsAround, rows - count));
    const last = Math.min(rows, first + count);
    for (let row = first; row < last; row += 1) {
      const slot = this.rowAt(row % count);
      slot.moveTo(Math.round(row * rowHeight - top + this.scrollTop));
      if (slot.shows(row, this.revision)) continue;
      this.fill(slot, row);
      slot.mark(row, this.revision);
    }
    for (let place = 0; place < this.pool.length; place += 1) {
      const slot = this.pool[place]!;
      if (slot.row < first || slot.row >= last || slot.row % count !== place) slot.hide();
    }
  }

  private fill(slot: LogRow, row: number) {
    const { index, part } = this.lines.lineAt(row);
    const text = this.store.texts[index];
    if (text === undefined) return slot.hide();
    const { selection, zone, folded, current } = this.state;
    const line = index + 1;
    const group = part === 0 ? this.store.groups.find((candidate) => candidate.first === line) : undefined;
    let segments = group ? [{ text: group.title || 'Group', className: 'ansi-bold' }] : segmentsOf(text);
    segments = markHits(segments, this.query);
    if (this.columns > 0) segments = cutSegments(segments, part * this.columns, (part + 1) * this.columns);
    slot.fill({
      line: part === 0 ? line : null,
      time: part === 0 ? formatClock(this.store.times[index]!, zone) : '',
      segments,
      error: this.store.isError(index),
      selected: selection !== null && line >= selection[0] && line <= selection[1],
      current: index === current,
      fold: group ? { first: group.first, folded: folded.has(group.first), title: group.title } : null,
    });
  }
}
