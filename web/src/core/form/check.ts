// One value against its input's type and rules; the twin of CheckValue in src/contract/input_validation.cpp.
// Never quotes the value: it may be a secret.
import { byteLength, grammars, hasOnlyAllowedCharacters } from './grammars';
import { type Input, type InputError, type InputType, isSensitive, type Value } from './input';
import { asInteger, asNumber, sameNumber } from './numbers';
import { compilePattern } from './pattern';

const maxValueBytes = 120_000;
const minSensitiveLength = 8;

const typeSentences: Partial<Record<InputType, string>> = {
  integer: 'must be a whole number in plain decimal, such as 8080',
  port: 'must be a port number from 1 to 65535',
  number: 'must be a number in plain decimal, such as 0.5',
  boolean: 'must be true or false',
  multiselect: 'must be a list of the allowed values',
};

export function coerce(type: InputType, given: unknown): Value | undefined {
  switch (type) {
    case 'integer':
    case 'port':
      return asInteger(given);
    case 'number':
      return asNumber(given);
    case 'boolean':
      if (typeof given === 'boolean') return given;
      return given === 'true' ? true : given === 'false' ? false : undefined;
    case 'multiselect':
      if (given === '') return [];
      if (typeof given === 'string') return given.split(',');
      return Array.isArray(given) && given.every((item) => typeof item === 'string') ? given : undefined;
    default:
      return typeof given === 'string' ? given : undefined;
  }
}

const isNumeric = (value: Value): value is number | bigint =>
  typeof value === 'number' || typeof value === 'bigint';

export function sameValue(left: Value, right: Value): boolean {
  return isNumeric(left) && isNumeric(right) ? sameNumber(left, right) : left === right;
}

export const environmentText = (value: Value): string =>
  Array.isArray(value) ? value.join(',') : String(value);

class ValueCheck {
  readonly errors: InputError[] = [];
  constructor(private readonly input: Input) {}

  private get rules() {
    return this.input.validation ?? {};
  }

  private refuse(rule: string, message: string) {
    this.errors.push({ field: this.input.name, rule, message });
  }

  run(given: unknown): Value | undefined {
    const value = coerce(this.input.type, given);
    if (value === undefined) {
      this.refuse('type', typeSentences[this.input.type] ?? 'must be text');
      return undefined;
    }
    if (value === '' && !this.input.required) return value;
    if (typeof value === 'string') this.checkText(value);
    else if (Array.isArray(value)) this.checkList(value);
    else if (isNumeric(value)) this.checkNumber(value);
    if (!Array.isArray(value) && this.allowed.length > 0 && !this.isAllowed(value)) this.refuseChoice();
    return value;
  }

  private get allowed() {
    return this.rules.allowed_values ?? [];
  }

  private isAllowed(value: Value) {
    return this.allowed.some((choice) => sameValue(choice.value, value));
  }

  private refuseChoice() {
    const choices = this.allowed.map((choice) => choice.label || environmentText(choice.value));
    this.refuse('allowed_values', `must be one of: ${choices.join(', ')}`);
  }

  private checkText(text: string) {
    const { type } = this.input;
    if (byteLength(text) > maxValueBytes)
      return this.refuse('size', `must not be longer than ${maxValueBytes} bytes`);
    if (!hasOnlyAllowedCharacters(type, text)) {
      return this.refuse(
        'characters',
        type === 'text'
          ? 'must not hold control characters other than tab and newline'
          : 'must be one line without control characters other than tab',
      );
    }
    if (type !== 'select') this.checkLength([...text].length);
    const grammar = grammars[type];
    if (grammar !== undefined && !grammar.fits(text)) this.refuse('format', grammar.sentence);
    this.checkPattern(text);
  }

  private checkPattern(text: string) {
    const { pattern, pattern_error: sentence } = this.rules;
    if (pattern === undefined) return;
    const compiled = compilePattern(pattern);
    if (compiled !== null && !compiled.test(text)) {
      this.refuse('pattern', sentence || `must match the pattern ${pattern}`);
    }
  }

  private checkLength(length: number) {
    const least = Math.max(this.rules.min_length ?? 0, isSensitive(this.input) ? minSensitiveLength : 0);
    const most = this.rules.max_length ?? (this.input.type === 'text' ? 65_536 : 4_096);
    if (length < least) this.refuse('min_length', `must have at least ${least} characters`);
    if (length > most) this.refuse('max_length', `must have at most ${most} characters`);
  }

  private checkNumber(value: number | bigint) {
    const { min_value: least, max_value: most } = this.rules;
    if (this.input.type === 'port' && (value < 1 || value > 65535))
      return this.refuse('type', typeSentences.port!);
    if (least !== undefined && value < least) this.refuse('min_value', `must be at least ${least}`);
    if (most !== undefined && value > most) this.refuse('max_value', `must be at most ${most}`);
  }

  private checkList(items: string[]) {
    if (items.some((item) => !this.isAllowed(item))) return this.refuseChoice();
    if (new Set(items).size < items.length) this.refuse('allowed_values', 'must not name a value twice');
  }
}

export function checkValue(input: Input, given: unknown): { value: Value | undefined; errors: InputError[] } {
  const check = new ValueCheck(input);
  const value = check.run(given);
  return { value, errors: check.errors };
}
