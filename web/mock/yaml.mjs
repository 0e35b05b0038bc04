// The part of YAML that installers' manifests use: block and flow mappings and sequences, quoted and plain scalars,
// literal blocks, comments. For the mock panel and the tests; the panel's own reader is src/base.

const plainTypes = [
  [/^(null|~|)$/, () => null],
  [/^(true|false)$/, (text) => text === 'true'],
  [/^-?(0|[1-9][0-9]*)$/, (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text))],
  [/^-?(0|[1-9][0-9]*)\.[0-9]+$/, Number],
];

const plainValue = (text) => (plainTypes.find(([form]) => form.test(text))?.[1] ?? String)(text);

class Flow {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }
  space() {
    while (/[\s]/.test(this.text[this.at] ?? '')) this.at += 1;
  }
  value() {
    this.space();
    const c = this.text[this.at];
    if (c === '[') return this.sequence();
    if (c === '{') return this.mapping();
    if (c === '"' || c === "'") return this.quoted(c);
    return plainValue(this.plain());
  }
  plain() {
    const match = /^(?:[^,[\]{}:#]|:(?!\s|$)|(?<!\s)#)*/.exec(this.text.slice(this.at));
    this.at += match[0].length;
    return match[0].trim();
  }
  quoted(mark) {
    const form = mark === "'" ? /^'((?:[^']|'')*)'/ : /^"((?:[^"\\]|\\.)*)"/s;
    const match = form.exec(this.text.slice(this.at));
    if (match === null) throw new Error(`a quoted text without an end: ${this.text}`);
    this.at += match[0].length;
    return mark === "'" ? match[1].replaceAll("''", "'") : JSON.parse(`"${match[1].replaceAll('\n', ' ')}"`);
  }
  sequence() {
    const items = [];
    this.at += 1;
    for (;;) {
      this.space();
      if (this.text[this.at] === ']') break;
      items.push(this.value());
      this.comma(']');
    }
    this.at += 1;
    return items;
  }
  mapping() {
    const made = {};
    this.at += 1;
    for (;;) {
      this.space();
      if (this.text[this.at] === '}') break;
      const c = this.text[this.at];
      const key = c === '"' || c === "'" ? this.quoted(c) : this.plain();
      this.space();
      if (this.text[this.at] !== ':') throw new Error(`no colon after ${key}: ${this.text}`);
      this.at += 1;
      made[key] = this.value();
      this.comma('}');
    }
    this.at += 1;
    return made;
  }
  comma(end) {
    this.space();
    if (this.text[this.at] === ',') this.at += 1;
    else if (this.text[this.at] !== end) throw new Error(`neither a comma nor ${end}: ${this.text}`);
  }
}

function scalar(text) {
  const flow = new Flow(text);
  if (/^[[{"']/.test(text)) return flow.value();
  return plainValue(text.replace(/\s+#.*$/, '').trim());
}

class Block {
  constructor(text) {
    this.lines = text.split('\n');
    this.at = 0;
  }
  /** The next line that is not empty; null at the end. */
  peek() {
    while (this.at < this.lines.length && /^\s*(#.*)?$/.test(this.lines[this.at])) this.at += 1;
    const line = this.lines[this.at];
    return line === undefined ? null : { indent: line.search(/\S/), text: line.trim() };
  }
  node(indent) {
    return this.peek().text.startsWith('- ') ? this.sequence(indent) : this.mapping(indent);
  }
  sequence(indent) {
    const items = [];
    for (let line = this.peek(); line?.indent === indent && line.text.startsWith('- '); line = this.peek()) {
      const rest = line.text.slice(2).trim();
      if (/^[A-Za-z_]\w*:(\s|$)/.test(rest)) {
        this.lines[this.at] = `${' '.repeat(indent + 2)}${rest}`;
        items.push(this.mapping(indent + 2));
      } else {
        items.push(this.inline(rest, indent));
      }
    }
    return items;
  }
  mapping(indent) {
    const made = {};
    for (let line = this.peek(); line?.indent === indent && !line.text.startsWith('- '); line = this.peek()) {
      const [, key, rest] = /^([^:]+):(?:\s+(.*))?$/s.exec(line.text) ?? [];
      if (key === undefined) throw new Error(`no mapping: ${line.text}`);
      made[key] = this.inline(rest?.replace(/^#.*/, '') ?? '', indent);
    }
    return made;
  }
  inline(text, indent) {
    this.at += 1;
    if (text === '|') return this.literal(indent);
    if (text !== '') return scalar(this.joined(text));
    const next = this.peek();
    const deeper =
      next !== null && (next.indent > indent || (next.indent === indent && next.text.startsWith('- ')));
    return deeper ? this.node(next.indent) : null;
  }
  /** A flow collection may go on over several lines. */
  joined(text) {
    let whole = text;
    while (/^[[{]/.test(whole) && !closes(whole)) whole += ` ${this.lines[this.at++].trim()}`;
    return whole;
  }
  literal(indent) {
    const taken = [];
    while (this.at < this.lines.length) {
      const line = this.lines[this.at];
      if (line.trim() !== '' && line.search(/\S/) <= indent) break;
      taken.push(line);
      this.at += 1;
    }
    const margin = Math.min(...taken.filter((line) => line.trim() !== '').map((line) => line.search(/\S/)));
    return `${taken
      .map((line) => line.slice(margin))
      .join('\n')
      .trimEnd()}\n`;
  }
}

function closes(text) {
  try {
    new Flow(text).value();
    return true;
  } catch {
    return false;
  }
}

export const parseYaml = (text) => new Block(text).mapping(0);
