// The field of one input, by its type.
import { Checkbox, FormSelect, FormSelectOption, Switch, TextArea, TextInput } from '@patternfly/react-core';
import { environmentText } from '@/core/form/check';
import type { FieldValue } from '@/core/form/form';
import { type Input, isSensitive } from '@/core/form/input';
import { describedBy, Field } from '@/framework/page-form';
import { PasswordField } from './password-field';
import { fieldId } from './use-install-form';

export interface InputFieldProps {
  input: Input;
  value: FieldValue;
  error?: string;
  change: (value: FieldValue) => void;
  check: () => void;
}

export function InputField(props: InputFieldProps) {
  const { input, error } = props;
  const isGroup = input.type === 'multiselect';
  return (
    <Field
      id={fieldId(input.name)}
      label={input.type === 'boolean' && typeof props.value === 'boolean' ? undefined : input.label}
      description={descriptionOf(input)}
      error={error}
      required={input.required && input.type !== 'boolean'}
      group={isGroup}
    >
      <Control {...props} />
    </Field>
  );
}

/** What would be right is said before anything is wrong. */
function descriptionOf({ description, type, validation = {} }: Input): string {
  const { min_value: least, max_value: most } = validation;
  const range =
    type !== 'port' && least !== undefined && most !== undefined ? `From ${least} to ${most}.` : '';
  return [description, range].filter(Boolean).join(' ');
}

function Control(props: InputFieldProps) {
  const { input, value, error, change, check } = props;
  const id = fieldId(input.name);
  const validated = error ? 'error' : 'default';
  if (input.type === 'boolean') return <BooleanControl {...props} />;
  if (input.type === 'multiselect') return <ManyControl {...props} />;
  if (input.type === 'text') {
    return (
      <TextArea
        id={id}
        className={isSensitive(input) ? 'is-secret' : undefined}
        value={String(value)}
        placeholder={input.placeholder}
        validated={validated}
        rows={5}
        resizeOrientation="vertical"
        spellCheck={false}
        autoComplete="off"
        aria-describedby={describedBy(id)}
        isRequired={input.required}
        onChange={(_event, typed) => change(typed)}
        onBlur={check}
      />
    );
  }
  if (isSensitive(input)) return <PasswordField {...props} />;
  if ((input.validation?.allowed_values ?? []).length > 0) return <ChoiceControl {...props} />;
  const isNumber = input.type === 'port' || input.type === 'integer' || input.type === 'number';
  return (
    <TextInput
      id={id}
      className={isNumber ? 'short-field' : undefined}
      value={String(value)}
      placeholder={input.placeholder}
      validated={validated}
      inputMode={
        isNumber ? 'decimal' : input.type === 'email' ? 'email' : input.type === 'url' ? 'url' : undefined
      }
      autoComplete="off"
      spellCheck={false}
      aria-describedby={describedBy(id)}
      isRequired={input.required}
      onChange={(_event, typed) => change(typed)}
      onBlur={check}
    />
  );
}

function BooleanControl({ input, value, change }: InputFieldProps) {
  const id = fieldId(input.name);
  if (typeof value === 'boolean') {
    return (
      <Switch
        id={id}
        label={input.label}
        isChecked={value}
        onChange={(_event, on) => change(on)}
        aria-describedby={describedBy(id)}
      />
    );
  }
  return (
    <FormSelect
      id={id}
      className="medium-field"
      value={value}
      onChange={(_event, chosen) => change(chosen)}
      aria-describedby={describedBy(id)}
    >
      <FormSelectOption value="" label="As it was installed" />
      <FormSelectOption value="true" label="Yes" />
      <FormSelectOption value="false" label="No" />
    </FormSelect>
  );
}

function ChoiceControl({ input, value, error, change, check }: InputFieldProps) {
  const id = fieldId(input.name);
  const choices = input.validation?.allowed_values ?? [];
  return (
    <FormSelect
      id={id}
      className="medium-field"
      value={String(value)}
      validated={error ? 'error' : 'default'}
      aria-describedby={describedBy(id)}
      isRequired={input.required}
      onChange={(_event, chosen) => change(chosen)}
      onBlur={check}
    >
      {(value === '' || !input.required) && (
        <FormSelectOption value="" label={input.required ? 'Choose one' : 'None'} />
      )}
      {choices.map(({ value: choice, label }) => (
        <FormSelectOption
          key={environmentText(choice)}
          value={environmentText(choice)}
          label={label || environmentText(choice)}
        />
      ))}
    </FormSelect>
  );
}

function ManyControl({ input, value, change }: InputFieldProps) {
  const id = fieldId(input.name);
  const chosen = Array.isArray(value) ? value : [];
  const choices = (input.validation?.allowed_values ?? []).map((choice) => environmentText(choice.value));
  const toggle = (choice: string, on: boolean) =>
    change(choices.filter((each) => (each === choice ? on : chosen.includes(each))));
  return (
    <div className="checks">
      {(input.validation?.allowed_values ?? []).map(({ value: raw, label }, index) => {
        const choice = environmentText(raw);
        return (
          <Checkbox
            key={choice}
            id={index === 0 ? id : `${id}-${index}`}
            label={label || choice}
            isChecked={chosen.includes(choice)}
            onChange={(_event, on) => toggle(choice, on)}
          />
        );
      })}
    </div>
  );
}
