import { Button } from '@patternfly/react-core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answerOf, client, type Schema } from '@/api/client';
import { queries } from '@/api/queries';
import { Confirm } from '@/framework/confirm';
import { PageTable } from '@/framework/page-table';
import { Nothing } from '@/framework/states';
import { StatusLabel } from '@/framework/status-label';
import { Time } from '@/framework/time';
import { useToast } from '@/framework/toasts';
import { NewUserDialog, SetPasswordDialog } from './user-dialogs';

type User = Schema['User'];
type Dialog = { kind: 'new' } | { kind: 'password' | 'remove'; user: User };

export function UsersSection() {
  const cache = useQueryClient();
  const tell = useToast();
  const { data, error, refetch } = useQuery(queries.users());
  const { data: session } = useQuery(queries.session());
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const close = () => setDialog(null);
  const refresh = () => cache.invalidateQueries({ queryKey: queries.users().queryKey });
  const change = async (user: User, body: { role?: User['role']; disabled?: boolean }) => {
    try {
      await answerOf(client.PATCH('/api/users/{id}', { params: { path: { id: user.id } }, body }));
      await refresh();
    } catch (cause) {
      tell('danger', `${user.name} could not be changed`, (cause as Error).message);
    }
  };
  return (
    <>
      <div className="tools">
        <Button onClick={() => setDialog({ kind: 'new' })}>Add a user</Button>
      </div>
      <PageTable
        label="Users"
        rows={data?.items}
        rowId={({ id }) => id}
        rowName={({ name }) => name}
        error={error}
        retry={() => void refetch()}
        empty={<Nothing title="Nobody may sign in">Add a user to let somebody in.</Nothing>}
        columns={[
          { label: 'Name', render: ({ name }) => <b className="wrap-anywhere">{name}</b> },
          {
            label: 'Role',
            narrow: true,
            render: ({ role }) => (role === 'administrator' ? 'Administrator' : 'User'),
          },
          {
            label: 'State',
            narrow: true,
            render: ({ disabled }) => (
              <StatusLabel label={disabled ? 'Disabled' : 'Active'} tone={disabled ? 'neutral' : 'success'} />
            ),
          },
          { label: 'Seen last', narrow: true, render: ({ last_seen_at: at }) => <Time at={at} relative /> },
          { label: 'Since', narrow: true, render: ({ created_at: at }) => <Time at={at} relative /> },
          {
            label: 'Change',
            actions: true,
            render: (user) => (
              <span className="row-actions">
                <Button
                  variant="link"
                  isInline
                  onClick={() => setDialog({ kind: 'password', user })}
                  aria-label={`Set the password of ${user.name}`}
                >
                  Password
                </Button>
                {user.id !== session?.user.id && (
                  <>
                    <Button
                      variant="link"
                      isInline
                      onClick={() =>
                        void change(user, { role: user.role === 'administrator' ? 'user' : 'administrator' })
                      }
                      aria-label={`${user.role === 'administrator' ? 'Make user' : 'Make administrator'}: ${user.name}`}
                    >
                      {user.role === 'administrator' ? 'Make user' : 'Make administrator'}
                    </Button>
                    <Button
                      variant="link"
                      isInline
                      onClick={() => void change(user, { disabled: !user.disabled })}
                      aria-label={`${user.disabled ? 'Enable' : 'Disable'} ${user.name}`}
                    >
                      {user.disabled ? 'Enable' : 'Disable'}
                    </Button>
                    <Button
                      variant="link"
                      isInline
                      isDanger
                      onClick={() => setDialog({ kind: 'remove', user })}
                      aria-label={`Remove ${user.name}`}
                    >
                      Remove
                    </Button>
                  </>
                )}
              </span>
            ),
          },
        ]}
      />
      {dialog?.kind === 'new' && <NewUserDialog close={close} done={refresh} />}
      {dialog?.kind === 'password' && <SetPasswordDialog user={dialog.user} close={close} />}
      {dialog?.kind === 'remove' && (
        <Confirm
          title={`Remove ${dialog.user.name}?`}
          action="Remove"
          danger
          close={close}
          confirm={async () => {
            await answerOf(client.DELETE('/api/users/{id}', { params: { path: { id: dialog.user.id } } }));
            await refresh();
          }}
        >
          The sessions of {dialog.user.name} end at once. Jobs and the audit trail keep the name.
        </Confirm>
      )}
    </>
  );
}
