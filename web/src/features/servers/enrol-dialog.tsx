import { Alert, Button, Form, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { answerOf, client } from '@/api/client';
import { Command } from '@/framework/copy';
import { TextField } from '@/framework/page-form';
import { Time } from '@/framework/time';

/** The panel's command, and what the agent needs besides to be started by systemd. */
function andStart(enrol: string, id: string): string {
  const settings = '/etc/provisioning/agent.yml';
  const isThere = `grep -q '^agent_id:' ${settings}`;
  const add = `printf '%s\\n' 'agent_id: ${id}' 'panel_url: ${location.origin}' >>${settings}`;
  return [enrol, `{ ${isThere} || ${add}; }`, 'systemctl enable --now provisioning-agent'].join(' &&\n  ');
}

const idPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

export function EnrolDialog({ id: known = '', close }: { id?: string; close: () => void }) {
  const cache = useQueryClient();
  const [id, setId] = useState(known);
  const [wrong, setWrong] = useState(false);
  const make = useMutation({
    mutationFn: () => answerOf(client.POST('/api/enrolment-tokens', { body: { server_id: id } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ['servers'] }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const fits = idPattern.test(id);
    setWrong(!fits);
    if (fits) make.mutate();
  };
  return (
    <Modal isOpen onClose={close} variant="medium" aria-labelledby="enrol-title">
      <ModalHeader
        title="Enrol a server"
        labelId="enrol-title"
        description="The server gets a name here, and one command to paste there."
      />
      <ModalBody>
        {make.data ? (
          <>
            <p className="gap-below">
              Paste this on {id} as root, with the package <code>provisioning-agent</code> installed. It gives
              the agent its keys, says in its settings who it is and where the panel is, and starts it.
            </p>
            <Command text={andStart(make.data.command, id)} label="enrolment command" />
            <p className="subtle small gap-above">
              It works once, until <Time at={make.data.expires_at} />, and is shown this once. The server
              appears as online when its agent has come.
            </p>
          </>
        ) : (
          <Form id="enrol-form" onSubmit={submit} noValidate>
            {make.error && <Alert isInline variant="danger" title={make.error.message} component="p" />}
            <TextField
              id="enrol-id"
              label="Name of the server"
              value={id}
              change={setId}
              required
              placeholder="web-03"
              autoFocus
              error={wrong ? 'must begin with a letter or digit, and hold only these and . _ -' : undefined}
              description="As you want to see it here, for example its host name. It cannot be changed later."
            />
          </Form>
        )}
      </ModalBody>
      <ModalFooter>
        {make.data ? (
          <Button onClick={close}>Done</Button>
        ) : (
          <Button type="submit" form="enrol-form" isLoading={make.isPending} isDisabled={make.isPending}>
            Make the command
          </Button>
        )}
        {!make.data && (
          <Button variant="link" onClick={close}>
            Cancel
          </Button>
        )}
      </ModalFooter>
    </Modal>
  );
}
