import { Button, Form } from '@patternfly/react-core';
import { type FormEvent, useState } from 'react';
import { answerOf, client } from '@/api/client';
import { ApiError, nameOf } from '@/api/problem';
import { Confirm } from '@/framework/confirm';
import { type FieldFault, FormErrors, TextField, useFocusFirst } from '@/framework/page-form';
import { useToast } from '@/framework/toasts';

const labels: Record<string, string> = { current_password: 'Current password', new_password: 'New password' };

export function PasswordSection() {
  const tell = useToast();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [faults, setFaults] = useState<FieldFault[]>([]);
  const [message, setMessage] = useState<string>();
  const [submissions, setSubmissions] = useState(0);
  const [leaving, setLeaving] = useState(false);
  useFocusFirst(faults, submissions);
  const error = (id: string) => faults.find((fault) => fault.id === id)?.message;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    try {
      await answerOf(
        client.POST('/api/session/password', { body: { current_password: current, new_password: next } }),
      );
      setCurrent('');
      setNext('');
      setFaults([]);
      setMessage(undefined);
      tell('success', 'The password is changed', 'Your other sessions have ended.');
    } catch (cause) {
      const errors = cause instanceof ApiError ? (cause.problem.errors ?? []) : [];
      setFaults(
        errors.map((fault) => ({
          id: nameOf(fault),
          label: labels[nameOf(fault)] ?? nameOf(fault),
          message: fault.message,
        })),
      );
      setMessage(errors.length === 0 ? (cause as Error).message : undefined);
      setSubmissions((n) => n + 1);
    }
  };
  return (
    <>
      <Form className="form-main" onSubmit={submit} noValidate>
        <FormErrors faults={faults} message={message} />
        <TextField
          id="current_password"
          label={labels.current_password}
          type="password"
          value={current}
          change={setCurrent}
          autoComplete="current-password"
          error={error('current_password')}
        />
        <TextField
          id="new_password"
          label={labels.new_password}
          type="password"
          value={next}
          change={setNext}
          autoComplete="new-password"
          error={error('new_password')}
          description="At least 12 characters."
        />
        <div>
          <Button type="submit" isDisabled={current === '' || next === ''}>
            Change the password
          </Button>
        </div>
      </Form>
      <section className="panel gap-above form-main">
        <h2>Sessions</h2>
        <p>Somebody else may use your account, or you left a browser signed in somewhere.</p>
        <div>
          <Button variant="secondary" isDanger onClick={() => setLeaving(true)}>
            Sign out everywhere
          </Button>
        </div>
      </section>
      {leaving && (
        <Confirm
          title="Sign out everywhere?"
          action="Sign out everywhere"
          danger
          close={() => setLeaving(false)}
          confirm={async () => {
            await answerOf(client.DELETE('/api/sessions'));
            location.assign('/login');
          }}
        >
          Every browser that you are signed in with has to sign in again, this one too. API tokens stay.
        </Confirm>
      )}
    </>
  );
}
