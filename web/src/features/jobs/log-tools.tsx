import { Button, SearchInput, ToggleGroup, ToggleGroupItem, Tooltip } from '@patternfly/react-core';
import DownloadIcon from '@patternfly/react-icons/dist/esm/icons/download-icon';
import PauseIcon from '@patternfly/react-icons/dist/esm/icons/pause-icon';
import PlayIcon from '@patternfly/react-icons/dist/esm/icons/play-icon';
import { useRef } from 'react';
import { answerOf, client } from '@/api/client';
import { formatNumber } from '@/core/format';
import type { LogStore } from '@/core/log/log-store';
import { CopyButton } from '@/framework/copy';
import { useShortcuts } from '@/framework/shortcuts';
import { useToast } from '@/framework/toasts';
import type { LogView } from './use-log-view';

interface LogToolsProps {
  job: string;
  attempt: number;
  store: LogStore;
  view: LogView;
  live: boolean;
}

async function download(job: string, attempt: number) {
  const text = await answerOf(
    client.GET('/api/jobs/{id}/log', {
      params: { path: { id: job }, query: { attempt } },
      headers: { Accept: 'text/plain' },
      parseAs: 'blob',
    }) as Promise<{ data?: Blob; error?: unknown; response: Response }>,
  );
  const link = document.createElement('a');
  link.href = URL.createObjectURL(text);
  link.download = `job-${job}-attempt-${attempt}.log`;
  link.click();
  URL.revokeObjectURL(link.href);
}

export function LogTools({ job, attempt, store, view, live }: LogToolsProps) {
  const box = useRef<HTMLInputElement>(null);
  const tell = useToast();
  const { follow } = view.state;
  useLogShortcuts(view, store, () => box.current?.focus());
  const { matches } = store;
  const results =
    matches.length === 0
      ? store.searching
        ? '…'
        : '0'
      : `${formatNumber(view.place + 1)} / ${formatNumber(matches.length)}`;
  const save = () =>
    download(job, attempt).catch((error: Error) =>
      tell('danger', 'The log could not be downloaded', error.message),
    );
  return (
    <div className="log-tools">
      <SearchInput
        ref={box}
        className="log-search"
        aria-label="Search the log"
        placeholder="Search the log ( / )"
        value={view.query}
        onChange={(_event, typed) => view.setQuery(typed)}
        onClear={() => view.setQuery('')}
        resultsCount={view.query === '' ? undefined : results}
        onNextClick={() => view.step(1)}
        onPreviousClick={() => view.step(-1)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') view.step(event.shiftKey ? -1 : 1);
          if (event.key === 'Escape') box.current?.blur();
        }}
      />
      {live && (
        <Button
          variant={follow ? 'secondary' : 'primary'}
          size="sm"
          icon={follow ? <PauseIcon /> : <PlayIcon />}
          onClick={() => view.setFollow(!follow)}
        >
          {follow ? 'Pause' : 'Follow'}
        </Button>
      )}
      <Options view={view} store={store} />
      <Tooltip content="Download as text">
        <Button
          variant="plain"
          size="sm"
          icon={<DownloadIcon />}
          aria-label="Download as text"
          onClick={save}
        />
      </Tooltip>
      <SelectionTools view={view} store={store} />
    </div>
  );
}

function Options({ view, store }: { view: LogView; store: LogStore }) {
  const { choices, toggle, state } = view;
  return (
    <ToggleGroup isCompact aria-label="How the log is shown">
      <ToggleGroupItem
        text="Times"
        buttonId="log-times"
        isSelected={choices.times}
        onChange={() => toggle('times')}
      />
      <ToggleGroupItem
        text="UTC"
        buttonId="log-utc"
        isSelected={choices.utc}
        onChange={() => toggle('utc')}
      />
      <ToggleGroupItem
        text="Wrap"
        buttonId="log-wrap"
        isSelected={choices.wrap}
        onChange={() => toggle('wrap')}
      />
      <ToggleGroupItem
        text="stderr only"
        buttonId="log-stderr"
        isSelected={choices.errorsOnly}
        onChange={() => toggle('errorsOnly')}
      />
      {store.groups.length > 0 && (
        <ToggleGroupItem
          text="Fold"
          buttonId="log-fold"
          isSelected={state.folded.size > 0}
          onChange={view.foldAll}
        />
      )}
    </ToggleGroup>
  );
}

function SelectionTools({ view: { selection }, store }: { view: LogView; store: LogStore }) {
  if (selection === null) return null;
  const [first, last] = selection;
  const what = first === last ? `line ${first}` : `lines ${first} to ${last}`;
  return (
    <>
      <CopyButton text={() => store.plainText(first, last)} label={`Copy ${what}`} />
      <CopyButton text={() => location.href} label="Copy link" />
    </>
  );
}

function useLogShortcuts(view: LogView, store: LogStore, search: () => void) {
  useShortcuts('Log', [
    { keys: '/', label: 'Search the log', run: search },
    { keys: 'n', label: 'Next match', run: () => view.step(1) },
    { keys: 'N', label: 'Match before', run: () => view.step(-1) },
    { keys: 'f', label: 'Follow or pause', run: () => view.setFollow(!view.state.follow) },
    { keys: 'g', label: 'First line', run: () => view.pane.current?.show(1) },
    { keys: 'G', label: 'Last line', run: () => view.pane.current?.show(store.length) },
    { keys: 'w', label: 'Wrap lines', run: () => view.toggle('wrap') },
    { keys: 'e', label: 'Only stderr', run: () => view.toggle('errorsOnly') },
  ]);
}
