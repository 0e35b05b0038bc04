import {
  DescriptionList,
  DescriptionListDescription,
  DescriptionListGroup,
  DescriptionListTerm,
} from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { queries, type Server } from '@/api/queries';
import { formatBytes } from '@/core/format';
import { statusLook } from '@/core/job-status';
import { PageTable } from '@/framework/page-table';
import { Nothing } from '@/framework/states';
import { StatusLabel } from '@/framework/status-label';
import { Duration, Time } from '@/framework/time';

export function Applications({ id }: { id: string }) {
  const { data, error, refetch } = useQuery(queries.applications(id));
  return (
    <section aria-label="Installed" className="gap-below">
      <h2 className="steps-head">Installed</h2>
      <PageTable
        label="Installed applications"
        rows={data?.items}
        rowId={({ app_id: app }) => app}
        rowName={({ app_id: app }) => app}
        error={error}
        retry={() => void refetch()}
        empty={
          <Nothing
            title="Nothing was installed from here"
            actions={
              <Link to="/catalogue" className="pf-v6-c-button pf-m-link">
                Open the catalogue
              </Link>
            }
          />
        }
        columns={[
          {
            label: 'Application',
            render: ({ app_id: app }) => (
              <Link to="/catalogue/$id" params={{ id: app }} search={{ server: id }}>
                {app}
              </Link>
            ),
          },
          { label: 'Version', narrow: true, render: ({ app_version: version }) => version },
          { label: 'Since', narrow: true, render: ({ installed_at: at }) => <Time at={at} relative /> },
          {
            label: 'Show its job',
            actions: true,
            render: ({ job_id: job, app_id: app }) => (
              <Link to="/jobs/$id" params={{ id: job }} aria-label={`The job that installed ${app}`}>
                Job
              </Link>
            ),
          },
        ]}
      />
    </section>
  );
}

export function History({ id }: { id: string }) {
  const { data, error, refetch } = useQuery(queries.jobs({ server_id: id }, 10));
  return (
    <section aria-label="History">
      <h2 className="steps-head">Last jobs</h2>
      <PageTable
        label="Last jobs"
        rows={data?.items}
        rowId={(job) => job.id}
        rowName={(job) => job.app_id}
        error={error}
        retry={() => void refetch()}
        empty={<Nothing title="No job ran here yet" />}
        columns={[
          {
            label: 'State',
            narrow: true,
            render: (job) => <StatusLabel {...statusLook(job.status, job.cancel_requested_at)} />,
          },
          {
            label: 'Job',
            render: (job) => (
              <Link to="/jobs/$id" params={{ id: job.id }}>
                {job.app_id} {job.app_version}
              </Link>
            ),
          },
          { label: 'Created', narrow: true, render: (job) => <Time at={job.created_at} relative /> },
          {
            label: 'Took',
            narrow: true,
            render: (job) => <Duration from={job.started_at} to={job.finished_at} />,
          },
        ]}
      />
    </section>
  );
}

const containments = { cgroup2: 'cgroup v2', cgroup1: 'cgroup v1', subreaper: 'subreaper only' };
const factNames: Record<keyof Server['facts'], string> = {
  os_like: 'Family',
  epoch: 'Journal',
  epoch_since: 'Journal since',
  epoch_reason: 'Journal begun',
};

function rowsOf({
  os,
  cpus,
  memory_mb: memory,
  memory_available_mb: available,
  disk_free_mb: disk,
  containment,
  facts,
}: Server): [string, ReactNode][] {
  const known: [string, ReactNode | false][] = [
    ['System', os?.pretty_name ?? false],
    ['Architecture', os?.architecture ?? false],
    ['Processors', cpus !== null && String(cpus)],
    [
      'Memory',
      memory !== null && available !== null && `${formatBytes(memory)}, ${formatBytes(available)} free`,
    ],
    ['Disk free', disk !== null && formatBytes(disk)],
    ['Containment', containment !== null && containments[containment]],
  ];
  const further = Object.entries(facts).map(([name, value]): [string, ReactNode] => [
    factNames[name as keyof typeof factNames],
    name === 'epoch_since' ? <Time key={name} at={value} /> : value,
  ]);
  return [...known.filter(([, value]) => value !== false), ...further];
}

export function ServerFacts({ server }: { server: Server }) {
  const rows = rowsOf(server);
  return (
    <section className="panel" aria-label="Facts">
      <h2>Facts</h2>
      {rows.length === 0 && <p className="subtle">Its agent has told nothing yet.</p>}
      <DescriptionList isHorizontal isCompact termWidth="7.5rem">
        {rows.map(([term, value]) => (
          <DescriptionListGroup key={term}>
            <DescriptionListTerm>{term}</DescriptionListTerm>
            <DescriptionListDescription>{value}</DescriptionListDescription>
          </DescriptionListGroup>
        ))}
      </DescriptionList>
    </section>
  );
}
