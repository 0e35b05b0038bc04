import { Alert, Button, Form, FormGroup, TextInput } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useState } from 'react';
import { answerOf, client, setCsrfToken } from '@/api/client';
import { ApiError } from '@/api/problem';
import { queries, type Session } from '@/api/queries';
import { countOf } from '@/core/format';

/** Counts down; 0 when one may go on. */
function useWait(): [number, (seconds: number) => void] {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    if (seconds <= 0) return;
    const timer = setTimeout(() => setSeconds(seconds - 1), 1000);
    return () => clearTimeout(timer);
  }, [seconds]);
  return [seconds, setSeconds];
}

interface SignInFormProps {
  /** Known where only the session is over. */
  name?: string;
  done: (session: Session) => void;
}

export function SignInForm({ name: known, done }: SignInFormProps) {
  const cache = useQueryClient();
  const [name, setName] = useState(known ?? '');
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [wait, setWait] = useWait();

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      const session = await answerOf(client.POST('/api/session', { body: { name, password } }));
      setCsrfToken(session.csrf_token);
      cache.setQueryData(queries.session().queryKey, session);
      done(session);
    } catch (cause) {
      setProblem((cause as Error).message);
      if (cause instanceof ApiError && cause.status === 429) setWait(cause.retryAfterSeconds ?? 30);
      setPassword('');
      document.getElementById('sign-in-password')?.focus();
    } finally {
      setBusy(false);
    }
  };

  return (
    <Form onSubmit={submit} noValidate>
      {problem && (
        <div role="alert">
          <Alert
            isInline
            variant="danger"
            title={wait > 0 ? `Too many attempts. Wait ${countOf(wait, 'second')}.` : problem}
            component="p"
          />
        </div>
      )}
      <FormGroup label="Name" fieldId="sign-in-name">
        <TextInput
          id="sign-in-name"
          value={name}
          onChange={(_event, typed) => setName(typed)}
          autoComplete="username"
          autoFocus={!known}
        />
      </FormGroup>
      <FormGroup label="Password" fieldId="sign-in-password">
        <TextInput
          id="sign-in-password"
          type="password"
          value={password}
          onChange={(_event, typed) => setPassword(typed)}
          autoComplete="current-password"
          autoFocus={Boolean(known)}
        />
      </FormGroup>
      <Button
        type="submit"
        isBlock
        isDisabled={busy || wait > 0 || name === '' || password === ''}
        isLoading={busy}
      >
        Sign in
      </Button>
    </Form>
  );
}
