// SGR sequences to class names: no inline style, no HTML. Other control sequences are dropped, and what makes text run the
// other way, so that a name is read as it is spelt.

export interface Segment {
  text: string;
  className: string;
}

interface Style {
  foreground: number;
  background: number;
  flags: Set<string>;
  inverse: boolean;
}

const control =
  /\x1b\[([0-9;:?]*)[ -/]*([@-~])|\x1b[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[()*+#%][A-Za-z0-9@]|\x1b[=>78cDEHMNOZ]|[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]/g;

const flagOn: Record<number, string> = { 1: 'bold', 2: 'dim', 3: 'italic', 4: 'underlined', 9: 'struck' };
const flagsOff: Record<number, string[]> = {
  22: ['bold', 'dim'],
  23: ['italic'],
  24: ['underlined'],
  29: ['struck'],
};

const plain = (): Style => ({ foreground: -1, background: -1, flags: new Set(), inverse: false });

/** The nearest of the 6x6x6 colours of the 256-colour palette. */
function nearest(red: number, green: number, blue: number): number {
  const level = (x: number) => (x < 48 ? 0 : x < 115 ? 1 : Math.min(5, Math.floor((x - 35) / 40)));
  return 16 + 36 * level(red) + 6 * level(green) + level(blue);
}

/** The colour after 38 or 48, and how many parameters it took. */
function extendedColour(parameters: number[], at: number): [colour: number, taken: number] {
  if (parameters[at + 1] === 5) return [(parameters[at + 2] ?? 0) & 255, 2];
  if (parameters[at + 1] !== 2) return [-1, 0];
  const [red = 0, green = 0, blue = 0] = parameters.slice(at + 2, at + 5);
  return [nearest(red, green, blue), 4];
}

function basicColour(style: Style, n: number) {
  if (n >= 30 && n <= 37) style.foreground = n - 30;
  else if (n >= 90 && n <= 97) style.foreground = n - 82;
  else if (n === 39) style.foreground = -1;
  else if (n >= 40 && n <= 47) style.background = n - 40;
  else if (n >= 100 && n <= 107) style.background = n - 92;
  else if (n === 49) style.background = -1;
}

function apply(style: Style, text: string) {
  const parameters = text === '' ? [0] : text.split(/[;:]/).map(Number);
  for (let at = 0; at < parameters.length; at += 1) {
    const n = parameters[at]!;
    if (n === 0) Object.assign(style, plain());
    else if (flagOn[n]) style.flags.add(flagOn[n]);
    else if (flagsOff[n]) for (const flag of flagsOff[n]) style.flags.delete(flag);
    else if (n === 7) style.inverse = true;
    else if (n === 27) style.inverse = false;
    else if (n === 38 || n === 48) {
      const [colour, taken] = extendedColour(parameters, at);
      if (n === 38) style.foreground = colour;
      else style.background = colour;
      at += taken;
    } else basicColour(style, n);
  }
}

function classOf({ foreground, background, flags, inverse }: Style): string {
  const names = [...flags].map((flag) => `ansi-${flag}`);
  const front = inverse ? (background < 0 ? 0 : background) : foreground;
  const back = inverse ? (foreground < 0 ? 7 : foreground) : background;
  if (front >= 0 && back < 0) names.push(`ansi-fg-${front}`);
  if (back >= 0) names.push(`ansi-bg-${back}`);
  return names.join(' ');
}

/** A line that overwrites itself (a progress bar) shows what it said last. */
function lastFrame(line: string): string {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  return text.slice(text.lastIndexOf('\r') + 1);
}

export function parseAnsi(line: string): Segment[] {
  const text = lastFrame(line);
  const style = plain();
  const segments: Segment[] = [];
  let from = 0;
  const push = (to: number) => {
    if (to > from) segments.push({ text: text.slice(from, to), className: classOf(style) });
  };
  for (const match of text.matchAll(control)) {
    push(match.index);
    if (match[2] === 'm' && !match[1]!.startsWith('?')) apply(style, match[1]!);
    from = match.index + match[0].length;
  }
  push(text.length);
  return segments;
}

const mayHoldControl = /[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]/;

export function stripAnsi(line: string): string {
  return mayHoldControl.test(line) ? lastFrame(line).replace(control, '') : line;
}

/** Cuts the segments so that each occurrence of `query` (lower case) is one with the class `hit`. */
export function markHits(segments: Segment[], query: string): Segment[] {
  const whole = segments
    .map(({ text }) => text)
    .join('')
    .toLowerCase();
  const edges = new Set<number>();
  const hits: number[] = [];
  for (let at = whole.indexOf(query); query !== '' && at >= 0; at = whole.indexOf(query, at + query.length)) {
    hits.push(at);
    edges.add(at).add(at + query.length);
  }
  if (hits.length === 0) return segments;
  const inHit = (at: number) => hits.some((hit) => at >= hit && at < hit + query.length);
  const marked: Segment[] = [];
  let at = 0;
  for (const { text, className } of segments) {
    let from = 0;
    for (let to = 1; to <= text.length; to += 1) {
      if (to < text.length && !edges.has(at + to)) continue;
      const name = inHit(at + from) ? `${className} hit`.trim() : className;
      marked.push({ text: text.slice(from, to), className: name });
      from = to;
    }
    at += text.length;
  }
  return marked;
}

/** The part of the segments from one column to another, for hard-wrapped rows. */
export function cutSegments(segments: Segment[], from: number, to: number): Segment[] {
  const part: Segment[] = [];
  let at = 0;
  for (const { text, className } of segments) {
    const cut = text.slice(Math.max(0, from - at), Math.max(0, to - at));
    if (cut !== '') part.push({ text: cut, className });
    at += text.length;
  }
  return part;
}
