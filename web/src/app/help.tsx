import { Modal, ModalBody, ModalHeader } from '@patternfly/react-core';
import { useAllShortcuts } from '@/framework/shortcuts';

export function Help({ close }: { close: () => void }) {
  const groups = useAllShortcuts();
  return (
    <Modal isOpen onClose={close} variant="small" aria-labelledby="help-title">
      <ModalHeader title="Keys" labelId="help-title" description="What the keyboard does on this page." />
      <ModalBody tabIndex={0} aria-label="Keys">
        {groups.map(({ title, shortcuts }) => (
          <section key={title} className="help-group">
            <h2>{title}</h2>
            <dl>
              {shortcuts.map(({ keys, label }) => (
                <div key={keys}>
                  <dt>
                    {keys.split('+').map((key) => (
                      <kbd key={key}>{key}</kbd>
                    ))}
                  </dt>
                  <dd>{label}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </ModalBody>
    </Modal>
  );
}
