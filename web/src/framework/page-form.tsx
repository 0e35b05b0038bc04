// Forms: each bad field is marked at once, a summary names them all, and the first one gets the focus.
import {
  Alert,
  FormGroup,
  FormHelperText,
  HelperText,
  HelperTextItem,
  TextInput,
} from '@patternfly/react-core';
import { type ComponentProps, type ReactNode, useEffect, useRef } from 'react';

export interface FieldFault {
  id: string;
  label: string;
  message: string;
}

export function focusField(id: string) {
  const field = document.getElementById(id);
  field?.scrollIntoView({ block: 'center' });
  field?.focus({ preventScroll: true });
}

/** A count that goes up moves the focus to the first bad field. */
export function useFocusFirst(faults: FieldFault[], submissions: number) {
  const first = useRef(faults[0]?.id);
  first.current = faults[0]?.id;
  useEffect(() => {
    if (submissions > 0 && first.current) focusField(first.current);
  }, [submissions]);
}

export function FormErrors({ faults, message }: { faults: FieldFault[]; message?: string }) {
  if (faults.length === 0 && !message) return null;
  const title =
    message ?? (faults.length === 1 ? 'One field needs a change' : `${faults.length} fields need a change`);
  return (
    <div role="alert" className="form-errors">
      <Alert isInline variant="danger" title={title} component="h2">
        {faults.length > 0 && (
          <ul>
            {faults.map(({ id, label, message: sentence }) => (
              <li key={`${id} ${sentence}`}>
                <a
                  href={`#${id}`}
                  onClick={(event) => {
                    event.preventDefault();
                    focusField(id);
                  }}
                >
                  {label}
                </a>
                {': '}
                {sentence}
              </li>
            ))}
          </ul>
        )}
      </Alert>
    </div>
  );
}

interface FieldProps {
  id: string;
  label: ReactNode;
  description?: ReactNode;
  error?: string;
  required?: boolean;
  group?: boolean;
  extra?: ReactNode;
  children: ReactNode;
}

export const describedBy = (id: string) => `${id}-help`;

export function Field({
  id,
  label,
  description,
  error,
  required = false,
  group = false,
  extra,
  children,
}: FieldProps) {
  return (
    <FormGroup
      label={label}
      fieldId={id}
      isRequired={required}
      labelHelp={undefined}
      role={group ? 'group' : undefined}
      labelInfo={extra}
    >
      {children}
      <FormHelperText>
        <HelperText id={describedBy(id)}>
          {error && <HelperTextItem variant="error">{sentence(error)}</HelperTextItem>}
          {description && <HelperTextItem>{description}</HelperTextItem>}
        </HelperText>
      </FormHelperText>
    </FormGroup>
  );
}

/** "must be a port" → "Must be a port." */
export function sentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

type TextFieldProps = Omit<FieldProps, 'children'> &
  Pick<
    ComponentProps<typeof TextInput>,
    'type' | 'placeholder' | 'autoComplete' | 'autoFocus' | 'inputMode'
  > & {
    value: string;
    change: (value: string) => void;
  };

export function TextField({
  value,
  change,
  type,
  placeholder,
  autoComplete,
  autoFocus,
  inputMode,
  ...field
}: TextFieldProps) {
  return (
    <Field {...field}>
      <TextInput
        id={field.id}
        value={value}
        type={type}
        placeholder={placeholder}
        autoComplete={autoComplete}
        autoFocus={autoFocus}
        inputMode={inputMode}
        isRequired={field.required}
        validated={field.error ? 'error' : 'default'}
        aria-describedby={describedBy(field.id)}
        onChange={(_event, typed) => change(typed)}
      />
    </Field>
  );
}
