import { Alert, Button, Label } from '@patternfly/react-core';
import CheckCircleIcon from '@patternfly/react-icons/dist/esm/icons/check-circle-icon';
import { useSyncExternalStore } from 'react';
import { useStreamState } from '@/api/hooks';
import { countOf, formatNumber } from '@/core/format';
import type { LogStore } from '@/core/log/log-store';
import { Time } from '@/framework/time';
import { LogPaneView } from './log-pane-view';
import { LogTools } from './log-tools';
import type { JobLog } from './use-job';
import type { LogView } from './use-log-view';

interface JobLogPanelProps {
  job: string;
  attempt: number;
  removedAt: string | null;
  log: JobLog;
  view: LogView;
  live: boolean;
}

export function JobLogPanel({ job, attempt, removedAt, log, view, live }: JobLogPanelProps) {
  const { lines } = useLineCount(log.store);
  if (log.progress.removed)
    return (
      <section className="log-frame" aria-label="Output">
        <Alert isInline variant="info" title="The log was removed" component="h2" className="gap-above">
          {removedAt && (
            <>
              On <Time at={removedAt} />:{' '}
            </>
          )}
          this panel keeps logs for a shorter time than jobs. The job, its result and its outputs stay.
        </Alert>
      </section>
    );
  const empty = live ? 'Nothing was printed yet.' : 'Nothing was printed.';
  return (
    <section className="log-frame" aria-label="Output">
      <LogTools job={job} attempt={attempt} store={log.store} view={view} live={live} />
      <LogPaneView
        ref={view.pane}
        store={log.store}
        state={view.state}
        times={view.choices.times}
        empty={lines === 0 && !log.progress.loading ? empty : undefined}
        followChanged={view.setFollow}
        select={view.select}
        toggleGroup={view.toggleGroup}
      />
      <LogState log={log} live={live} />
    </section>
  );
}

function useLineCount(store: LogStore) {
  useSyncExternalStore(store.subscribeSlowly, store.snapshot);
  return { lines: store.length, errors: store.errorCount };
}

function LogState({ log: { store, progress, reload }, live }: { log: JobLog; live: boolean }) {
  const { lines, errors } = useLineCount(store);
  const connection = useStreamState();
  return (
    <div className="log-state gap-above">
      {progress.failed && (
        <span role="alert">
          The log could not be read whole.{' '}
          <Button variant="link" isInline onClick={reload}>
            Read on
          </Button>
        </span>
      )}
      {progress.droppedBytes > 0 && (
        <span>{formatNumber(progress.droppedBytes)} bytes over the limit were dropped</span>
      )}
      {errors > 0 && <span>{formatNumber(errors)} stderr</span>}
      <span data-testid="line-count">{countOf(lines, 'line')}</span>
      {live && <Connection state={connection} />}
      {progress.complete && (
        <span className="complete-mark" title="Nothing is missing, and nothing will follow">
          <CheckCircleIcon /> complete
        </span>
      )}
      {progress.loading && <span>reading…</span>}
    </div>
  );
}

function Connection({ state }: { state: ReturnType<typeof useStreamState> }) {
  const looks = {
    live: ['live', 'green'],
    connecting: ['connecting', 'grey'],
    retrying: ['trying again', 'orange'],
    paused: ['paused', 'grey'],
  } as const;
  const [text, colour] = looks[state];
  return (
    <Label isCompact color={colour}>
      {text}
    </Label>
  );
}
