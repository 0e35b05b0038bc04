import { Button, Form, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import TimesIcon from '@patternfly/react-icons/dist/esm/icons/times-icon';
import { useRouter } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { usePreferences } from '@/api/hooks';
import { TextField } from '@/framework/page-form';

/** Filters under a name of one's own, kept with the account. */
export function SavedViews({ query }: { query: string }) {
  const router = useRouter();
  const [{ views }, change] = usePreferences();
  const [naming, setNaming] = useState(false);
  const current = views.find((view) => view.query === query);
  return (
    <>
      {views.length > 0 && (
        <ul className="chips" aria-label="Saved views">
          {views.map((view) => (
            <li key={view.name}>
              <button
                type="button"
                className="chip"
                aria-pressed={view === current}
                onClick={() => router.history.push(`/jobs${view.query}`)}
              >
                {view.name}
              </button>
              <Button
                variant="plain"
                size="sm"
                icon={<TimesIcon />}
                aria-label={`Remove the view ${view.name}`}
                onClick={() => change({ views: views.filter((each) => each !== view) })}
              />
            </li>
          ))}
        </ul>
      )}
      {query !== '' && !current && (
        <Button variant="link" onClick={() => setNaming(true)}>
          Save this view
        </Button>
      )}
      {naming && (
        <NameDialog
          close={() => setNaming(false)}
          save={(name) => change({ views: [...views.filter((view) => view.name !== name), { name, query }] })}
        />
      )}
    </>
  );
}

function NameDialog({ close, save }: { close: () => void; save: (name: string) => void }) {
  const [name, setName] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() === '') return;
    save(name.trim().slice(0, 64));
    close();
  };
  return (
    <Modal isOpen onClose={close} variant="small" aria-labelledby="view-title">
      <ModalHeader
        title="Save this view"
        labelId="view-title"
        description="The filters as they are now, for you, in every browser."
      />
      <ModalBody>
        <Form id="view-form" onSubmit={submit}>
          <TextField
            id="view-name"
            label="Name"
            value={name}
            change={setName}
            placeholder="Failed on the databases"
            autoFocus
          />
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="view-form" isDisabled={name.trim() === ''}>
          Save
        </Button>
        <Button variant="link" onClick={close}>
          Cancel
        </Button>
      </ModalFooter>
    </Modal>
  );
}
