// The session ended while a page was open. It stays as it is behind this dialog, with everything that was typed.
import { Modal, ModalBody, ModalHeader } from '@patternfly/react-core';
import { SignInForm } from './sign-in-form';

export function SessionOver({ name, done }: { name: string; done: () => void }) {
  return (
    <Modal isOpen variant="small" aria-labelledby="session-over-title" aria-describedby="session-over-text">
      <ModalHeader title="Your session is over" labelId="session-over-title" />
      <ModalBody id="session-over-text">
        <p className="gap-below">Sign in again and go on where you were: nothing that you typed is lost.</p>
        <SignInForm name={name} done={done} />
      </ModalBody>
    </Modal>
  );
}
