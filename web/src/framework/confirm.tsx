import { Alert, Button, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { type ReactNode, useState } from 'react';

interface ConfirmProps {
  title: string;
  action: string;
  children: ReactNode;
  danger?: boolean;
  close: () => void;
  /** The dialog stays, and says why, where this throws. */
  confirm: () => Promise<unknown>;
}

export function Confirm({ title, action, children, danger = false, close, confirm }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const run = async () => {
    setBusy(true);
    try {
      await confirm();
      close();
    } catch (cause) {
      setError(cause as Error);
      setBusy(false);
    }
  };
  return (
    <Modal isOpen onClose={close} variant="small" aria-labelledby="confirm-title">
      <ModalHeader title={title} labelId="confirm-title" />
      <ModalBody>
        {children}
        {error && <Alert isInline variant="danger" title={error.message} className="gap-above" />}
      </ModalBody>
      <ModalFooter>
        <Button variant={danger ? 'danger' : 'primary'} onClick={run} isLoading={busy} isDisabled={busy}>
          {action}
        </Button>
        <Button variant="link" onClick={close}>
          Keep as it is
        </Button>
      </ModalFooter>
    </Modal>
  );
}
