// One recycled row of the pane: a line's number, time and text.
import type { Segment } from './ansi';

export interface RowContent {
  /** Its number; null for the second and later rows of a wrapped line. */
  line: number | null;
  time: string;
  segments: Segment[];
  error: boolean;
  selected: boolean;
  current: boolean;
  fold: { first: number; folded: boolean; title: string } | null;
}

function element<K extends keyof HTMLElementTagNameMap>(tag: K, className: string): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}

export class LogRow {
  private readonly root = element('div', 'log-row');
  private readonly number = element('a', 'log-number');
  private readonly time = element('span', 'log-time');
  private readonly fold = element('button', 'log-fold');
  private readonly text = element('span', 'log-text');
  row = -1;
  private revision = -1;
  private top = -1;

  constructor(parent: HTMLElement) {
    this.number.tabIndex = -1;
    this.fold.type = 'button';
    this.fold.tabIndex = -1;
    this.root.append(this.number, this.time, this.fold, this.text);
    parent.append(this.root);
  }

  /** How many columns of text fit into that width, beside number and time. */
  columnsIn(width: number): number {
    const probe = element('span', 'log-probe');
    probe.textContent = '0'.repeat(100);
    this.root.append(probe);
    const column = probe.getBoundingClientRect().width / 100 || 8;
    probe.remove();
    return Math.max(20, Math.floor((width - this.text.offsetLeft - 12) / column));
  }

  shows(row: number, revision: number) {
    return this.row === row && this.revision === revision;
  }

  mark(row: number, revision: number) {
    this.row = row;
    this.revision = revision;
  }

  moveTo(top: number) {
    if (this.top === top) return;
    this.top = top;
    this.root.style.transform = `translateY(${top}px)`;
  }

  show() {
    this.root.hidden = false;
  }

  hide() {
    if (this.row === -1 && this.root.hidden) return;
    this.row = -1;
    this.root.hidden = true;
  }

  fill({ line, time, segments, error, selected, current, fold }: RowContent) {
    const state = `${error ? ' is-error' : ''}${selected ? ' is-selected' : ''}${current ? ' is-current' : ''}`;
    this.root.className = `log-row${state}${fold ? ' is-group' : ''}`;
    this.root.hidden = false;
    this.number.textContent = line === null ? '' : String(line);
    if (line === null) {
      this.number.removeAttribute('href');
      delete this.number.dataset.line;
    } else {
      this.number.href = `#L${line}`;
      this.number.dataset.line = String(line);
    }
    this.time.textContent = time;
    this.fillFold(fold);
    this.fillText(segments);
  }

  private fillFold(fold: RowContent['fold']) {
    this.fold.hidden = fold === null;
    if (fold === null) return;
    this.fold.dataset.group = String(fold.first);
    this.fold.textContent = fold.folded ? '▸' : '▾';
    this.fold.ariaLabel = `${fold.folded ? 'Unfold' : 'Fold'} ${fold.title || 'group'}`;
    this.fold.ariaExpanded = String(!fold.folded);
  }

  /** Spans and their text nodes are kept: only what differs is written. */
  private fillText(segments: Segment[]) {
    let span = this.text.firstElementChild;
    for (const { text, className } of segments) {
      if (span === null) {
        span = document.createElement('span');
        this.text.append(span);
      }
      if (span.className !== className) span.className = className;
      if (span.firstChild === null) span.append(text);
      else if (span.firstChild.nodeValue !== text) span.firstChild.nodeValue = text;
      span = span.nextElementSibling;
    }
    while (span !== null) {
      const next = span.nextElementSibling;
      span.remove();
      span = next;
    }
  }
}
