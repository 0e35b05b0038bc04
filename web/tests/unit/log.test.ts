import { describe, expect, it } from 'vitest';
import { cutSegments, markHits, parseAnsi, stripAnsi } from '@/core/log/ansi';
import { LineView } from '@/core/log/line-view';
import { LogStore } from '@/core/log/log-store';
import { hashOfRange, rangeOfHash, selectLine } from '@/core/log/permalink';

const esc = '\u001b';
const line = (n: number, text = `line ${n}`, s: 'out' | 'err' = 'out') => ({
  n,
  s,
  times: [n],
  texts: [text],
});
const textsOf = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, k) => `line ${from + k}`);
/** As one run. */
const lines = (from: number, to: number) => {
  const texts = textsOf(from, to);
  return [{ n: from, s: 'out' as const, times: texts.map((_, k) => from + k), texts }];
};
const store = () => new LogStore((run) => run());

describe('ANSI sequences', () => {
  it('drops what makes text run the other way', () => {
    const spoofed = 'install \u202egpj.sh\u202c \u2067now\u2069';
    const shown = parseAnsi(spoofed).map(({ text }) => text);
    expect(shown.join('')).toBe('install gpj.sh now');
    expect(stripAnsi(spoofed)).toBe('install gpj.sh now');
  });
  it.each([
    [
      `${esc}[31mred${esc}[0m plain`,
      [
        ['red', 'ansi-fg-1'],
        [' plain', ''],
      ],
    ],
    [
      `${esc}[1;92mbold${esc}[22m not`,
      [
        ['bold', 'ansi-bold ansi-fg-10'],
        [' not', 'ansi-fg-10'],
      ],
    ],
    [
      `${esc}[38;5;208mx${esc}[48;2;255;0;0my`,
      [
        ['x', 'ansi-fg-208'],
        ['y', 'ansi-bg-196'],
      ],
    ],
    [`${esc}[7mx`, [['x', 'ansi-bg-7']]],
    [
      `a${esc}[2Kb${esc}[?25hc`,
      [
        ['a', ''],
        ['b', ''],
        ['c', ''],
      ],
    ],
    [`${esc}]0;title\u0007x`, [['x', '']]],
    [`${esc}]8;;javascript:alert(1)${esc}\\link${esc}]8;;${esc}\\`, [['link', '']]],
    ['10%\r50%\r100%\r', [['100%', '']]],
    [`${esc}[38;5m`, []],
    [`${esc}[999999999999m<b>x</b>`, [['<b>x</b>', '']]],
  ])('%j', (text, expected) => {
    expect(parseAnsi(text).map(({ text: part, className }) => [part, className])).toEqual(expected);
    expect(stripAnsi(text)).toBe(expected.map(([part]) => part).join(''));
  });

  it('marks hits across colours', () => {
    const marked = markHits(parseAnsi(`fo${esc}[31mo bar`), 'foo');
    expect(marked.map(({ text, className }) => [text, className])).toEqual([
      ['fo', 'hit'],
      ['o', 'ansi-fg-1 hit'],
      [' bar', 'ansi-fg-1'],
    ]);
  });

  it('cuts at columns', () => {
    expect(cutSegments(parseAnsi(`abc${esc}[31mdef`), 2, 4).map(({ text }) => text)).toEqual(['c', 'd']);
  });
});

describe('a log store', () => {
  it('takes each line once, and says where one is missing', () => {
    const log = store();
    expect(log.append(lines(1, 3))).toBe(true);
    expect(log.append(lines(2, 5))).toBe(true);
    expect(log.append(lines(7, 8))).toBe(false);
    expect(log.texts).toEqual(textsOf(1, 5));
    expect(log.append(lines(6, 8))).toBe(true);
    expect(log.append(lines(3, 7))).toBe(true);
    expect(log.texts).toEqual(textsOf(1, 8));
    expect(log.times).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(log.errorCount).toBe(0);
    log.append([line(9, 'bad', 'err')]);
    expect([log.isError(7), log.isError(8), log.errorCount]).toEqual([false, true, 1]);
  });

  it('finds what is asked for, also in lines that come later', () => {
    const log = store();
    log.append([line(1, `${esc}[31mEr${esc}[0mror`), line(2)]);
    log.search('ERROR');
    expect(log.matches).toEqual([0]);
    log.append([line(3, 'another error')]);
    expect(log.matches).toEqual([0, 2]);
  });

  it('knows groups, also one that never ends', () => {
    const log = store();
    const texts = ['::group one', 'a', '::endgroup', 'b', '::group two', 'c', '::group three'];
    log.append(texts.map((text, k) => line(k + 1, text)));
    expect(log.groups).toEqual([
      { title: 'one', first: 1, last: 3 },
      { title: 'two', first: 5, last: 6 },
      { title: 'three', first: 7, last: null },
    ]);
  });

  it('scans 200,000 lines in slices', async () => {
    const log = new LogStore((run) => setTimeout(run, 0));
    log.append(lines(1, 200_000));
    log.search('line 199999');
    await expect.poll(() => log.searching).toBe(false);
    expect(log.matches).toEqual([199_998]);
  });
});

describe('the rows of a log', () => {
  const options = { errorsOnly: false, folded: new Set<number>(), columns: 0 };

  it('are its lines, unless something is asked for', () => {
    const log = store();
    log.append(lines(1, 10));
    const view = new LineView(log);
    expect([view.rows, view.lineAt(4).index, view.rowOf(9)]).toEqual([10, 4, 9]);
  });

  it('are several where a line is wrapped, new lines included', () => {
    const log = store();
    log.append([line(1, 'x'.repeat(25)), line(2, 'short')]);
    const view = new LineView(log);
    view.set({ ...options, columns: 10 });
    expect(view.rows).toBe(4);
    expect(view.lineAt(2)).toEqual({ index: 0, part: 2 });
    expect(view.rowOf(1)).toBe(3);
    log.append([line(3, '')]);
    expect(view.rows).toBe(5);
  });

  it('leave out folded groups and what is not stderr', () => {
    const log = store();
    log.append([
      line(1),
      line(2, '::group g'),
      line(3, 'bad', 'err'),
      line(4, '::endgroup'),
      line(5, 'worse', 'err'),
    ]);
    const view = new LineView(log);
    view.set({ ...options, folded: new Set([2]) });
    expect([0, 1, 2].map((row) => view.lineAt(row).index)).toEqual([0, 1, 4]);
    view.set({ ...options, errorsOnly: true });
    expect([0, 1].map((row) => view.lineAt(row).index)).toEqual([2, 4]);
    expect(view.rows).toBe(2);
  });
});

describe('permalinks', () => {
  it('read what they write', () => {
    for (const range of [
      [3, 3],
      [10, 20],
    ] as const)
      expect(rangeOfHash(`#${hashOfRange(range)}`)).toEqual(range);
    expect(rangeOfHash('#L20-L10')).toEqual([10, 20]);
    for (const hash of ['', '#L0', '#Lx', '#L1-', '#10', '#L12345678901'])
      expect(rangeOfHash(hash)).toBeNull();
  });

  it('grow with shift', () => {
    expect(selectLine(null, 5, true)).toEqual([5, 5]);
    expect(selectLine([5, 5], 9, true)).toEqual([5, 9]);
    expect(selectLine([5, 9], 2, true)).toEqual([2, 9]);
    expect(selectLine([5, 9], 7, false)).toEqual([7, 7]);
  });
});
