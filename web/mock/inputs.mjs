// A rough twin of the panel's validation, enough to see what a form sends. The real one is src/contract.
import { Refusal } from './http.mjs';

function holds(condition, lookUp) {
  if (condition.all) return condition.all.every((part) => holds(part, lookUp));
  if (condition.any) return condition.any.some((part) => holds(part, lookUp));
  if (condition.not) return !holds(condition.not, lookUp);
  return Object.entries(condition).every(([name, wanted]) => {
    const value = lookUp(name);
    return value !== undefined && [wanted].flat().some((choice) => [value].flat().includes(choice));
  });
}

function visibleInputs(inputs, given) {
  const shown = (input) => {
    if (!input.visible_if) return true;
    return holds(input.visible_if, (name) => {
      const other = inputs.find((candidate) => candidate.name === name);
      return other && shown(other) ? (given[name] ?? other.default) : undefined;
    });
  };
  return inputs.filter(shown);
}

export function inputErrors(installer, given, action) {
  const visible = visibleInputs(installer.inputs, given);
  const errors = [];
  for (const name of Object.keys(given)) {
    if (!installer.inputs.some((input) => input.name === name)) {
      errors.push({ field: name, rule: 'unknown', message: 'is not an input of this installer' });
    } else if (!visible.some((input) => input.name === name)) {
      errors.push({
        field: name,
        rule: 'hidden',
        message: 'must not be given: its condition does not hold, so it is hidden',
      });
    }
  }
  const binds = action === 'install' || action === 'upgrade';
  for (const input of visible) {
    const value = given[input.name];
    if (binds && input.required && input.default === undefined && (value === undefined || value === '')) {
      errors.push({ field: input.name, rule: 'required', message: 'is required' });
    }
    // What only a server can know: the form cannot tell it beforehand.
    if (value === 'taken')
      errors.push({
        field: input.name,
        rule: 'pattern',
        message: 'is in use on that server; choose another',
      });
  }
  return { errors, visible: visible.map(({ name }) => name) };
}

export function sealed(installer, given) {
  const secret = (name) => installer.inputs.find((input) => input.name === name)?.sensitive;
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, secret(name) ? { sealed: true } : value]),
  );
}

export function checkInputs(installer, given, action) {
  const { errors } = inputErrors(installer, given, action);
  if (errors.length === 0) return;
  throw new Refusal(422, 'invalid_input', 'some inputs are not right', {
    errors: errors.map((error) => ({ ...error, field: `/inputs/${error.field}` })),
  });
}
