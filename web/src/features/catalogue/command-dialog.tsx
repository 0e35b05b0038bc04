import { FormSelect, FormSelectOption, Modal, ModalBody, ModalHeader } from '@patternfly/react-core';
import { useState } from 'react';
import { asCurl, asProvisionctl } from '@/core/form/command';
import { Command } from '@/framework/copy';
import type { InstallForm } from './use-install-form';

/** The form as commands that make the same job. */
export function CommandDialog({ app, form, close }: { app: string; form: InstallForm; close: () => void }) {
  const servers = form.servers.length > 0 ? form.servers : ['SERVER'];
  const [server, setServer] = useState(servers[0]!);
  const submission = { app, server, action: form.action, payload: form.payload };
  return (
    <Modal isOpen onClose={close} variant="medium" aria-labelledby="command-title">
      <ModalHeader
        title="The same job by command"
        labelId="command-title"
        description="Each makes the job that this form makes. Secrets stand as shell variables: set them first, for example with read -rs."
      />
      <ModalBody>
        {servers.length > 1 && (
          <FormSelect
            className="medium-field gap-below"
            aria-label="Server"
            value={server}
            onChange={(_event, chosen) => setServer(chosen)}
          >
            {servers.map((each) => (
              <FormSelectOption key={each} value={each} label={each} />
            ))}
          </FormSelect>
        )}
        <h2 className="steps-head">provisionctl</h2>
        <Command
          text={asProvisionctl(location.origin, form.inputs, submission)}
          label="provisionctl command"
        />
        <h2 className="steps-head gap-above">curl</h2>
        <Command text={asCurl(location.origin, form.inputs, submission)} label="curl command" />
      </ModalBody>
    </Modal>
  );
}
