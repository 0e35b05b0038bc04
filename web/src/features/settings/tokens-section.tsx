import {
  Button,
  Checkbox,
  FormSelect,
  FormSelectOption,
  Modal,
  ModalBody,
  ModalFooter,
  ModalHeader,
} from '@patternfly/react-core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answerOf, client, type Schema } from '@/api/client';
import { queries } from '@/api/queries';
import { Confirm } from '@/framework/confirm';
import { Command } from '@/framework/copy';
import { Field, TextField } from '@/framework/page-form';
import { PageTable } from '@/framework/page-table';
import { Nothing } from '@/framework/states';
import { Time } from '@/framework/time';
import { FormDialog } from './user-dialogs';

type Token = Schema['Token'];
type Scope = Schema['Scope'];

const scopes: Record<Scope, string> = {
  read: 'Look at everything',
  jobs: 'Start, cancel and retry jobs',
  metrics: 'Read the metrics, for Prometheus',
  admin: 'Everything, users and tokens too',
};

export function TokensSection() {
  const cache = useQueryClient();
  const { data, error, refetch } = useQuery(queries.tokens());
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<Schema['NewToken'] | null>(null);
  const [revoking, setRevoking] = useState<Token | null>(null);
  const refresh = () => cache.invalidateQueries({ queryKey: queries.tokens().queryKey });
  return (
    <>
      <div className="tools">
        <Button onClick={() => setMaking(true)}>Make a token</Button>
      </div>
      <PageTable
        label="API tokens"
        rows={data?.items}
        rowId={({ id }) => id}
        rowName={({ name }) => name}
        error={error}
        retry={() => void refetch()}
        empty={
          <Nothing title="There is no token">
            Programs such as CI or Prometheus need one to ask the panel.
          </Nothing>
        }
        columns={[
          { label: 'Name', render: ({ name }) => <b className="wrap-anywhere">{name}</b> },
          { label: 'May', render: ({ scopes: own }) => own.join(', ') },
          { label: 'Used last', narrow: true, render: ({ last_used_at: at }) => <Time at={at} relative /> },
          {
            label: 'Ends',
            narrow: true,
            render: ({ expires_at: at }) =>
              at === null ? <span className="subtle">never</span> : <Time at={at} />,
          },
          {
            label: 'Change',
            actions: true,
            render: (token) => (
              <Button
                variant="link"
                isInline
                isDanger
                onClick={() => setRevoking(token)}
                aria-label={`Revoke ${token.name}`}
              >
                Revoke
              </Button>
            ),
          },
        ]}
      />
      {making && (
        <NewTokenDialog
          close={() => setMaking(false)}
          done={(token) => {
            setMaking(false);
            setMade(token);
            void refresh();
          }}
        />
      )}
      {made && <ShownOnce token={made} close={() => setMade(null)} />}
      {revoking && (
        <Confirm
          title={`Revoke ${revoking.name}?`}
          action="Revoke"
          danger
          close={() => setRevoking(null)}
          confirm={async () => {
            await answerOf(client.DELETE('/api/tokens/{id}', { params: { path: { id: revoking.id } } }));
            await refresh();
          }}
        >
          Whoever uses it is refused from now on. That cannot be undone.
        </Confirm>
      )}
    </>
  );
}

const days = { '': 'Never', 30: 'In 30 days', 90: 'In 90 days', 365: 'In a year' };

function NewTokenDialog({ close, done }: { close: () => void; done: (token: Schema['NewToken']) => void }) {
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState<Scope[]>(['read']);
  const [ends, setEnds] = useState('90');
  const [message, setMessage] = useState<string>();
  const submit = async () => {
    const expires =
      ends === '' ? {} : { expires_at: new Date(Date.now() + Number(ends) * 86_400_000).toISOString() };
    try {
      done(await answerOf(client.POST('/api/tokens', { body: { name, scopes: chosen, ...expires } })));
    } catch (cause) {
      setMessage((cause as Error).message);
    }
  };
  return (
    <FormDialog
      id="new-token"
      title="Make a token"
      action="Make it"
      ready={name !== '' && chosen.length > 0}
      message={message}
      close={close}
      submit={submit}
    >
      <TextField
        id="new-token-name"
        label="Name"
        value={name}
        change={setName}
        required
        autoFocus
        placeholder="ci"
        description="What it is for."
      />
      <Field id="new-token-scopes" label="It may" group>
        <div className="checks">
          {(Object.keys(scopes) as Scope[]).map((scope) => (
            <Checkbox
              key={scope}
              id={`scope-${scope}`}
              label={scope}
              description={scopes[scope]}
              isChecked={chosen.includes(scope)}
              onChange={(_event, on) =>
                setChosen(on ? [...chosen, scope] : chosen.filter((each) => each !== scope))
              }
            />
          ))}
        </div>
      </Field>
      <Field id="new-token-ends" label="It ends">
        <FormSelect id="new-token-ends" value={ends} onChange={(_event, value) => setEnds(value)}>
          {Object.entries(days).map(([value, label]) => (
            <FormSelectOption key={value} value={value} label={label} />
          ))}
        </FormSelect>
      </Field>
    </FormDialog>
  );
}

function ShownOnce({ token, close }: { token: Schema['NewToken']; close: () => void }) {
  return (
    <Modal isOpen onClose={close} variant="small" aria-labelledby="token-title">
      <ModalHeader
        title={`The token ${token.name}`}
        labelId="token-title"
        description="Copy it now: it is never shown again."
      />
      <ModalBody>
        <Command text={token.token} label="token" />
      </ModalBody>
      <ModalFooter>
        <Button onClick={close}>I have copied it</Button>
      </ModalFooter>
    </Modal>
  );
}
