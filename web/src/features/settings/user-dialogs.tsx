import {
  Button,
  Form,
  FormSelect,
  FormSelectOption,
  Modal,
  ModalBody,
  ModalFooter,
  ModalHeader,
} from '@patternfly/react-core';
import { type FormEvent, useState } from 'react';
import { answerOf, client, type Schema } from '@/api/client';
import { ApiError, nameOf } from '@/api/problem';
import { Field, FormErrors, TextField } from '@/framework/page-form';
import { useToast } from '@/framework/toasts';

type Role = Schema['Role'];

/** What the panel says of each field, and of the whole. Some codes are about one field: `about` has its name. */
function useRefusal(about: Record<string, string> = {}) {
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [message, setMessage] = useState<string>();
  const take = (cause: unknown) => {
    const refused = cause instanceof ApiError ? cause : undefined;
    const faults = (refused?.problem.errors ?? []).map((fault) => [nameOf(fault), fault.message]);
    const field = refused && about[refused.code];
    if (field) faults.push([field, refused.message]);
    setErrors(Object.fromEntries(faults));
    setMessage(faults.length === 0 ? (cause as Error).message : undefined);
  };
  return { errors, message, take };
}

interface DialogProps {
  id: string;
  title: string;
  action: string;
  ready: boolean;
  message: string | undefined;
  close: () => void;
  submit: () => Promise<void>;
  children: React.ReactNode;
}

export function FormDialog({ id, title, action, ready, message, close, submit, children }: DialogProps) {
  const submitted = (event: FormEvent) => {
    event.preventDefault();
    if (ready) void submit();
  };
  return (
    <Modal isOpen onClose={close} variant="small" aria-labelledby={`${id}-title`}>
      <ModalHeader title={title} labelId={`${id}-title`} />
      <ModalBody>
        <Form id={id} onSubmit={submitted} noValidate>
          <FormErrors faults={[]} message={message} />
          {children}
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form={id} isDisabled={!ready}>
          {action}
        </Button>
        <Button variant="link" onClick={close}>
          Cancel
        </Button>
      </ModalFooter>
    </Modal>
  );
}

export function NewUserDialog({ close, done }: { close: () => void; done: () => Promise<void> }) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [role, setRole] = useState<Role>('user');
  const { errors, message, take } = useRefusal({ user_exists: 'name' });
  const submit = async () => {
    try {
      await answerOf(client.POST('/api/users', { body: { name, password, role } }));
      await done();
      close();
    } catch (cause) {
      take(cause);
    }
  };
  return (
    <FormDialog
      id="new-user"
      title="Add a user"
      action="Add"
      ready={name !== '' && password !== ''}
      message={message}
      close={close}
      submit={submit}
    >
      <TextField
        id="new-user-name"
        label="Name"
        value={name}
        change={setName}
        required
        autoComplete="off"
        autoFocus
        error={errors.name}
      />
      <TextField
        id="new-user-password"
        label="First password"
        type="password"
        value={password}
        change={setPassword}
        required
        autoComplete="new-password"
        error={errors.password}
        description="At least 12 characters. Ask them to change it."
      />
      <Field
        id="new-user-role"
        label="Role"
        description="Users install and follow jobs. Administrators also manage users, tokens and servers."
      >
        <FormSelect id="new-user-role" value={role} onChange={(_event, chosen) => setRole(chosen as Role)}>
          <FormSelectOption value="user" label="User" />
          <FormSelectOption value="administrator" label="Administrator" />
        </FormSelect>
      </Field>
    </FormDialog>
  );
}

export function SetPasswordDialog({ user, close }: { user: Schema['User']; close: () => void }) {
  const tell = useToast();
  const [password, setPassword] = useState('');
  const { errors, message, take } = useRefusal();
  const submit = async () => {
    try {
      await answerOf(
        client.POST('/api/users/{id}/password', {
          params: { path: { id: user.id } },
          body: { new_password: password },
        }),
      );
      tell('success', `${user.name} has a new password`);
      close();
    } catch (cause) {
      take(cause);
    }
  };
  return (
    <FormDialog
      id="set-password"
      title={`A new password for ${user.name}`}
      action="Set it"
      ready={password !== ''}
      message={message}
      close={close}
      submit={submit}
    >
      <TextField
        id="set-password-new"
        label="New password"
        type="password"
        value={password}
        change={setPassword}
        required
        autoComplete="new-password"
        autoFocus
        error={errors.new_password}
        description="At least 12 characters. All sessions of this user end."
      />
    </FormDialog>
  );
}
