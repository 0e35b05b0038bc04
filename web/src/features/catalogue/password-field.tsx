import { Button, InputGroup, InputGroupItem, TextInput } from '@patternfly/react-core';
import { useState } from 'react';
import { generatePassword } from '@/core/form/generate';
import { CopyButton } from '@/framework/copy';
import { describedBy } from '@/framework/page-form';
import type { InputFieldProps } from './input-field';
import { fieldId } from './use-install-form';

/** A secret. A generated one is shown until it is copied, once; afterwards nobody can read it here again. */
export function PasswordField({ input, value, error, change, check }: InputFieldProps) {
  const [generated, setGenerated] = useState<string | null>(null);
  const id = fieldId(input.name);
  const generate = () => {
    const password = generatePassword(input);
    if (password === null) return;
    setGenerated(password);
    change(password);
  };
  return (
    <>
      <InputGroup className="medium-field">
        <InputGroupItem isFill>
          <TextInput
            id={id}
            type="password"
            value={String(value)}
            placeholder={input.placeholder}
            validated={error ? 'error' : 'default'}
            autoComplete="new-password"
            aria-describedby={describedBy(id)}
            isRequired={input.required}
            onChange={(_event, typed) => {
              setGenerated(null);
              change(typed);
            }}
            onBlur={check}
          />
        </InputGroupItem>
        {input.generate && (
          <InputGroupItem>
            <Button variant="control" onClick={generate} aria-label={`Generate: ${input.label}`}>
              Generate
            </Button>
          </InputGroupItem>
        )}
      </InputGroup>
      {generated !== null && generated === value && (
        <div className="generated" role="status">
          <code>{generated}</code>
          <span className="small">Copy it to a safe place now. It is shown this once.</span>
          <span>
            <CopyButton
              text={() => generated}
              label="Copy and hide it"
              variant="secondary"
              onCopied={() => setGenerated(null)}
            />
          </span>
        </div>
      )}
    </>
  );
}
