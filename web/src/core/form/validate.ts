// Checks what a person gives for an installer's inputs; the twin of ValidateInputs in src/contract. Both run
// tests/vectors/contract/inputs.json, and the server decides.
import { checkValue } from './check';
import { holds, inputsNamedBy } from './conditions';
import { type Input, type InputError, isSensitive, type Value, type Values } from './input';

export type Action = 'install' | 'uninstall' | 'upgrade' | 'check';

export interface Outcome {
  /** In the manifest's order, with or without a value. */
  visible: string[];
  /** Normalized, with defaults; of use only when there are no errors. */
  values: Values;
  errors: InputError[];
}

interface State {
  visible: boolean;
  value?: Value;
  errors: InputError[];
}

const isEmpty = (given: unknown) => given === '' || (Array.isArray(given) && given.length === 0);

/** Each input after those that its condition names; the manifest has no cycles. */
function evaluationOrder(inputs: Input[]): Input[] {
  const byName = new Map(inputs.map((input) => [input.name, input]));
  const ordered = new Set<Input>();
  const visit = (input: Input) => {
    if (ordered.has(input)) return;
    for (const name of input.visible_if ? inputsNamedBy(input.visible_if) : []) {
      const named = byName.get(name);
      if (named !== undefined && named !== input) visit(named);
    }
    ordered.add(input);
  };
  inputs.forEach(visit);
  return [...ordered];
}

class FormCheck {
  private readonly states = new Map<string, State>();
  private readonly bindsRequired: boolean;
  constructor(
    private readonly inputs: Input[],
    private readonly given: Record<string, unknown>,
    action: Action,
    private readonly remembered: Record<string, unknown>,
  ) {
    this.bindsRequired = action === 'install' || action === 'upgrade';
  }

  run(): Outcome {
    for (const input of evaluationOrder(this.inputs)) this.states.set(input.name, this.stateOf(input));
    const outcome: Outcome = { visible: [], values: {}, errors: [] };
    for (const { name } of this.inputs) {
      const state = this.states.get(name)!;
      outcome.errors.push(...state.errors);
      if (!state.visible) continue;
      outcome.visible.push(name);
      if (state.value !== undefined) outcome.values[name] = state.value;
    }
    for (const name of Object.keys(this.given)) {
      if (this.states.has(name)) continue;
      outcome.errors.push({ field: name, rule: 'unknown', message: 'is not an input of this installer' });
    }
    return outcome;
  }

  private stateOf(input: Input): State {
    const lookUp = (name: string) => this.states.get(name)?.value;
    const given = this.given[input.name];
    const isGiven = Object.hasOwn(this.given, input.name);
    if (input.visible_if && !holds(input.visible_if, lookUp)) {
      const message = 'must not be given: its condition does not hold, so it is hidden';
      return { visible: false, errors: isGiven ? [{ field: input.name, rule: 'hidden', message }] : [] };
    }
    if (isGiven && !(isSensitive(input) && !input.required && isEmpty(given)))
      return this.takeGiven(input, given);
    const remembered = isGiven ? undefined : this.rememberedValue(input);
    if (remembered !== undefined) return { visible: true, value: remembered, errors: [] };
    if (!isGiven && input.default !== undefined) return { visible: true, value: input.default, errors: [] };
    return input.required ? this.missing(input) : { visible: true, errors: [] };
  }

  private missing(input: Input): State {
    const error = { field: input.name, rule: 'required', message: 'is required' };
    return { visible: true, errors: this.bindsRequired ? [error] : [] };
  }

  private takeGiven(input: Input, given: unknown): State {
    if (input.required && isEmpty(given)) return this.missing(input);
    const { value, errors } = checkValue(input, given);
    return errors.length > 0 ? { visible: true, errors } : { visible: true, value, errors };
  }

  private rememberedValue(input: Input): Value | undefined {
    if (this.bindsRequired || isSensitive(input) || !Object.hasOwn(this.remembered, input.name))
      return undefined;
    const { value, errors } = checkValue(input, this.remembered[input.name]);
    return errors.length > 0 ? undefined : value;
  }
}

export function validateInputs(
  inputs: Input[],
  given: Record<string, unknown>,
  action: Action = 'install',
  remembered: Record<string, unknown> = {},
): Outcome {
  return new FormCheck(inputs, given, action, remembered).run();
}
