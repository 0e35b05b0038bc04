// Ctrl+K: pages, installers, servers, recent jobs and what can be done, by a few letters.
import { Modal } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, useState } from 'react';
import { usePreferences } from '@/api/hooks';
import { queries } from '@/api/queries';
import { statusLook } from '@/core/job-status';
import { usePages } from './navigation';
import { useSignOut } from './user-menu';

interface Entry {
  key: string;
  kind: string;
  label: string;
  detail: string;
  run: () => void;
}

function useEntries(): Entry[] {
  const go = useNavigate();
  const [, change] = usePreferences();
  const signOut = useSignOut();
  const { data: installers = [] } = useQuery(queries.installers());
  const { data: servers = [] } = useQuery(queries.servers());
  const { data: jobs } = useQuery(queries.jobs({}, 20));
  return [
    ...usePages().map(({ to, label }) => ({
      key: to,
      kind: 'Page',
      label,
      detail: '',
      run: () => void go({ to }),
    })),
    ...installers.map(({ id, name, description, valid }) => ({
      key: `install ${id}`,
      kind: 'Install',
      label: name,
      detail: valid ? description : 'invalid',
      run: () => void go({ to: '/catalogue/$id', params: { id } }),
    })),
    ...servers.map(({ id, os }) => ({
      key: `server ${id}`,
      kind: 'Server',
      label: id,
      detail: os?.pretty_name ?? 'never seen',
      run: () => void go({ to: '/servers/$id', params: { id } }),
    })),
    ...(jobs?.items ?? []).map((job) => ({
      key: job.id,
      kind: 'Job',
      label: `${job.app_id} on ${job.server_id}`,
      detail: statusLook(job.status, job.cancel_requested_at).label,
      run: () => void go({ to: '/jobs/$id', params: { id: job.id } }),
    })),
    { key: 'dark', kind: 'Colours', label: 'Dark', detail: '', run: () => change({ theme: 'dark' }) },
    { key: 'light', kind: 'Colours', label: 'Light', detail: '', run: () => change({ theme: 'light' }) },
    { key: 'sign-out', kind: 'Account', label: 'Sign out', detail: '', run: () => void signOut() },
  ];
}

function matching(entries: Entry[], query: string): Entry[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const rank = ({ label }: Entry) => (label.toLowerCase().startsWith(words[0] ?? '') ? 0 : 1);
  return entries
    .filter(({ kind, label, detail }) =>
      words.every((word) => `${kind} ${label} ${detail}`.toLowerCase().includes(word)),
    )
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, 12);
}

export function Palette({ close }: { close: () => void }) {
  const [query, setQuery] = useState('');
  const [chosen, setChosen] = useState(0);
  const found = matching(useEntries(), query);
  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    close();
    entry.run();
  };
  const keyed = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === 'Enter') run(found[chosen]);
    if (step === undefined || found.length === 0) return;
    event.preventDefault();
    setChosen((chosen + step + found.length) % found.length);
  };
  return (
    <Modal
      isOpen
      onClose={close}
      variant="small"
      aria-label="Go to anything"
      position="top"
      className="palette"
    >
      <input
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found[chosen] ? `palette-${chosen}` : undefined}
        aria-label="Page, installer, server or job"
        placeholder="Page, installer, server or job"
        value={query}
        // biome-ignore lint/a11y/noAutofocus: the dialog is opened to type into it
        autoFocus
        onChange={(event) => {
          setQuery(event.target.value);
          setChosen(0);
        }}
        onKeyDown={keyed}
      />
      <div role="listbox" id="palette-list" aria-label="Found">
        {found.map((entry, index) => (
          <div
            key={entry.key}
            id={`palette-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            onMouseMove={() => setChosen(index)}
            onClick={() => run(entry)}
            onKeyDown={keyed}
          >
            <span className="palette-kind">{entry.kind}</span>
            <span>{entry.label}</span>
            <span className="subtle">{entry.detail}</span>
          </div>
        ))}
      </div>
      {found.length === 0 && (
        <p className="palette-none" role="status">
          Nothing is called that.
        </p>
      )}
    </Modal>
  );
}
