// RE2's patterns in ECMA-262's syntax, for instant feedback. What has no counterpart is left to the server:
// `compilePattern` then gives null, and nothing is said about the value here.

const shorthand: Record<string, string> = { d: '0-9', w: '0-9A-Za-z_', s: '\\t\\n\\f\\r ' };
const posix: Record<string, string> = {
  alpha: 'A-Za-z',
  digit: '0-9',
  alnum: '0-9A-Za-z',
  upper: 'A-Z',
  lower: 'a-z',
  space: '\\t\\n\\v\\f\\r ',
  blank: '\\t ',
  punct: '!-\\/:-@\\[-`{-~',
  xdigit: '0-9A-Fa-f',
  word: '0-9A-Za-z_',
};
const syntax = /[\^$\\.*+?()[\]{}|/]/;
const classSyntax = /[\\\]^\-[&~|(){}/]/;

class Unknown extends Error {}

class Translation {
  private at = 0;
  private out = '';
  constructor(private readonly text: string) {}

  run(): string {
    while (this.at < this.text.length) this.take();
    return `^(?:${this.out})$`;
  }

  private take() {
    const rest = this.text.slice(this.at);
    const quantifier = /^(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})\??/.exec(rest);
    if (quantifier !== null) {
      this.emit(quantifier[0], quantifier[0].length);
    } else if (rest.startsWith('(?')) {
      if (!rest.startsWith('(?:')) throw new Unknown();
      this.emit('(?:', 3);
    } else if (rest.startsWith('[')) {
      this.takeClass();
    } else if (rest.startsWith('\\')) {
      this.takeEscape();
    } else if (rest.startsWith('.')) {
      this.emit('[^\\n]', 1);
    } else if (/^[()|^$]/.test(rest)) {
      this.emit(rest[0]!, 1);
    } else {
      const literal = String.fromCodePoint(rest.codePointAt(0)!);
      this.emit(syntax.test(literal) ? `\\${literal}` : literal, literal.length);
    }
  }

  private emit(text: string, taken: number) {
    this.out += text;
    this.at += taken;
  }

  private takeEscape() {
    const letter = this.text[this.at + 1] ?? '';
    const members = shorthand[letter.toLowerCase()];
    if (members !== undefined) {
      this.emit(letter === letter.toLowerCase() ? `[${members}]` : `[^${members}]`, 2);
    } else if (letter === 'z') {
      this.emit('$', 2);
    } else if (/[ntrfv]/.test(letter)) {
      this.emit(`\\${letter}`, 2);
    } else if (letter === '' || /[0-9A-Za-z]/.test(letter)) {
      throw new Unknown();
    } else {
      this.emit(syntax.test(letter) ? `\\${letter}` : letter, 2);
    }
  }

  private takeClass() {
    this.emit('[', 1);
    if (this.text[this.at] === '^') this.emit('^', 1);
    let first = true;
    while (first || this.text[this.at] !== ']') {
      if (this.at >= this.text.length) throw new Unknown();
      this.takeClassItem();
      if (this.text[this.at] === '-' && this.text[this.at + 1] !== ']') {
        this.emit('-', 1);
        this.takeClassItem();
      }
      first = false;
    }
    this.emit(']', 1);
  }

  private takeClassItem() {
    const named = /^\[:([a-z]+):\]/.exec(this.text.slice(this.at));
    if (named !== null) {
      const members = posix[named[1]!];
      if (members === undefined) throw new Unknown();
      return this.emit(members, named[0].length);
    }
    let letter = String.fromCodePoint(this.text.codePointAt(this.at) ?? 0);
    if (letter !== '\\') return this.emit(classSyntax.test(letter) ? `\\${letter}` : letter, letter.length);
    letter = this.text[this.at + 1] ?? '';
    const members = shorthand[letter];
    if (members !== undefined) return this.emit(members, 2);
    if (/[ntrfv]/.test(letter)) return this.emit(`\\${letter}`, 2);
    if (letter === '' || /[0-9A-Za-z]/.test(letter)) throw new Unknown();
    this.emit(classSyntax.test(letter) ? `\\${letter}` : letter, 2);
  }
}

const compiled = new Map<string, RegExp | null>();

/** Matches exactly the whole values that RE2 matches with `pattern`; null where ECMA-262 cannot say it. */
export function compilePattern(pattern: string): RegExp | null {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  let made: RegExp | null = null;
  const flags = pattern.startsWith('(?i)') ? 'iu' : 'u';
  try {
    made = new RegExp(new Translation(flags === 'iu' ? pattern.slice(4) : pattern).run(), flags);
  } catch (error) {
    if (!(error instanceof Unknown) && !(error instanceof SyntaxError)) throw error;
  }
  compiled.set(pattern, made);
  return made;
}
