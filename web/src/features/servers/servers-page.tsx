import { Button, PageSection, SearchInput } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { useIsAdministrator, useRefreshOn } from '@/api/hooks';
import { queries, type Server } from '@/api/queries';
import { countOf, formatBytes } from '@/core/format';
import { PageHeader, usePageTitle } from '@/framework/page';
import { type Column, PageTable } from '@/framework/page-table';
import { useShortcuts } from '@/framework/shortcuts';
import { Nothing } from '@/framework/states';
import { StatusLabel } from '@/framework/status-label';
import { Time } from '@/framework/time';
import { EnrolDialog } from './enrol-dialog';
import { serverLooks } from './server-status';

const columns: Column<Server>[] = [
  { label: 'State', narrow: true, render: ({ status }) => <StatusLabel {...serverLooks[status]} /> },
  {
    label: 'Server',
    render: ({ id, warnings }) => (
      <span className="two-lines">
        <Link to="/servers/$id" params={{ id }}>
          {id}
        </Link>
        {warnings.length > 0 && <span className="subtle small">{countOf(warnings.length, 'warning')}</span>}
      </span>
    ),
  },
  {
    label: 'System',
    render: ({ os }) =>
      os ? `${os.pretty_name}, ${os.architecture}` : <span className="subtle">not known yet</span>,
  },
  {
    label: 'Memory, disk',
    render: ({ memory_available_mb: memory, disk_free_mb: disk }) =>
      memory === null || disk === null ? (
        <span className="subtle">–</span>
      ) : (
        `${formatBytes(memory)}, ${formatBytes(disk)} free`
      ),
  },
  {
    label: 'Jobs',
    render: ({ running_jobs: running, queue_depth: queued }) =>
      running + queued === 0 ? <span className="subtle">none</span> : `${running} running, ${queued} waiting`,
  },
  { label: 'Last heard of', narrow: true, render: ({ last_seen_at: at }) => <Time at={at} relative /> },
  {
    label: 'Agent',
    narrow: true,
    render: ({ agent_version: version }) => version ?? <span className="subtle">–</span>,
  },
];

export function ServersPage() {
  usePageTitle('Servers');
  const { q = '', status } = useSearch({ from: '/servers' });
  const navigate = useNavigate({ from: '/servers' });
  const { data, error, refetch } = useQuery({ ...queries.servers(), refetchInterval: 15_000 });
  const [enrolling, setEnrolling] = useState(false);
  const administrator = useIsAdministrator();
  useRefreshOn('servers', ['servers']);
  const shown = data?.filter(
    (server) => server.id.toLowerCase().includes(q.toLowerCase()) && (!status || server.status === status),
  );
  const enrol = administrator && <Button onClick={() => setEnrolling(true)}>Enrol a server</Button>;
  return (
    <>
      <PageHeader
        title="Servers"
        description="Where software can be installed. Each runs an agent that asks the panel for work."
        actions={enrol}
      />
      <PageSection isFilled hasBodyWrapper={false}>
        <Tools
          q={q}
          status={status}
          servers={data ?? []}
          set={(change) =>
            void navigate({ search: (before) => ({ ...before, ...change }), replace: 'q' in change })
          }
        />
        <PageTable
          label="Servers"
          columns={columns}
          rows={shown}
          rowId={({ id }) => id}
          rowName={({ id }) => id}
          error={error}
          retry={() => void refetch()}
          empty={
            data?.length === 0 ? (
              <Nothing title="There is no server yet" actions={enrol}>
                One command on a server lets it take up jobs.
              </Nothing>
            ) : (
              <Nothing title="No server matches">Change the search, or look at all states.</Nothing>
            )
          }
        />
      </PageSection>
      {enrolling && <EnrolDialog close={() => setEnrolling(false)} />}
    </>
  );
}

interface ToolsProps {
  q: string;
  status: string | undefined;
  servers: Server[];
  set: (change: { q?: string; status?: string }) => void;
}

function Tools({ q, status, servers, set }: ToolsProps) {
  const search = useRef<HTMLInputElement>(null);
  useShortcuts('Servers', [{ keys: '/', label: 'Search', run: () => search.current?.focus() }]);
  const states = Object.keys(serverLooks) as Server['status'][];
  const count = (state: string) => servers.filter((server) => server.status === state).length;
  return (
    <div className="tools">
      <SearchInput
        ref={search}
        className="tools-search"
        aria-label="Search the servers"
        placeholder="Search ( / )"
        value={q}
        onChange={(_event, typed) => set({ q: typed || undefined })}
        onClear={() => set({ q: undefined })}
      />
      <ul className="chips" aria-label="States">
        {states
          .filter((state) => count(state) > 0 || state === status)
          .map((state) => (
            <li key={state}>
              <button
                type="button"
                className="chip"
                aria-pressed={status === state}
                onClick={() => set({ status: status === state ? undefined : state })}
              >
                {serverLooks[state].label} <span className="chip-count">{count(state)}</span>
              </button>
            </li>
          ))}
      </ul>
    </div>
  );
}
