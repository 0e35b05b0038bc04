// What a form on the screen holds, and what of it is sent.
import { checkValue, coerce, environmentText } from './check';
import { type Input, type InputError, isSensitive, type Value } from './input';
import { type Action, type Outcome, validateInputs } from './validate';

/** What the fields hold: text as typed, a switch's state, chosen values. */
export type FieldValue = string | boolean | string[];
export type FieldValues = Record<string, FieldValue>;

function asField(input: Input, value: Value | undefined): FieldValue {
  if (input.type === 'boolean') return value === true;
  if (input.type === 'multiselect') return Array.isArray(value) ? value : [];
  return value === undefined ? '' : environmentText(value);
}

/** The fields as they stand at first: defaults, and over them the plain values of an earlier job. */
export function initialFields(inputs: Input[], earlier: Record<string, unknown> = {}): FieldValues {
  const fields: FieldValues = {};
  for (const input of inputs) {
    const before = isSensitive(input) ? undefined : coerce(input.type, earlier[input.name]);
    fields[input.name] = asField(input, before ?? input.default);
  }
  return fields;
}

/**
 * The values as the API takes them. An empty field is left out where that means the same: optional inputs without a
 * default, and whatever is required (which then says so). A whole number too large for a double goes as text.
 */
function givenOf(inputs: Input[], fields: FieldValues): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const input of inputs) {
    const field = fields[input.name];
    if (field === undefined) continue;
    const empty = field === '' || (Array.isArray(field) && field.length === 0);
    if (empty && (input.required || input.default === undefined)) continue;
    given[input.name] = field;
  }
  return given;
}

export interface FormState extends Outcome {
  /** The body's `inputs`: visible ones only. */
  payload: Record<string, unknown>;
}

function sendable(input: Input, field: unknown): unknown {
  const { value } = checkValue(input, field);
  return value === undefined || typeof value === 'bigint' ? field : value;
}

export function evaluateForm(inputs: Input[], fields: FieldValues, action: Action = 'install'): FormState {
  const given = givenOf(inputs, fields);
  const { visible } = validateInputs(inputs, given, action);
  const shown = new Set(visible);
  const kept = Object.fromEntries(Object.entries(given).filter(([name]) => shown.has(name)));
  const outcome = validateInputs(inputs, kept, action);
  const payload: Record<string, unknown> = {};
  for (const input of inputs) {
    if (Object.hasOwn(kept, input.name)) payload[input.name] = sendable(input, kept[input.name]);
  }
  return { ...outcome, payload };
}

export interface Difference {
  name: string;
  label: string;
  before: string;
  after: string;
}

const shownText = (value: unknown) =>
  value === undefined || value === '' ? '' : environmentText(value as Value);

/** What differs between an earlier job's inputs and what would be sent now; secrets are never compared. */
export function differences(
  inputs: Input[],
  earlier: Record<string, unknown>,
  now: Record<string, unknown>,
): Difference[] {
  return inputs
    .filter((input) => !isSensitive(input))
    .map((input) => ({
      name: input.name,
      label: input.label,
      before: shownText(earlier[input.name]),
      after: shownText(now[input.name]),
    }))
    .filter(({ before, after }) => before !== after);
}

/** The first error of each field, as a sentence that begins with the field's label. */
export function errorsByField(errors: InputError[]): Record<string, string> {
  const first: Record<string, string> = {};
  for (const { field, message } of errors) first[field] ??= message;
  return first;
}

export interface Group {
  title: string;
  inputs: Input[];
}

/** The form's sections, in the order in which the manifest first names them. */
export function groupInputs(inputs: Input[]): Group[] {
  const groups: Group[] = [];
  for (const input of inputs) {
    const title = input.group ?? '';
    const group = groups.find((candidate) => candidate.title === title);
    if (group) group.inputs.push(input);
    else groups.push({ title, inputs: [input] });
  }
  return groups;
}
