// Inputs, outputs and what else is known of a job; who did what to it.
import {
  DescriptionList,
  DescriptionListDescription,
  DescriptionListGroup,
  DescriptionListTerm,
} from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type Job, queries } from '@/api/queries';
import type { Input } from '@/core/form/input';
import { formatDetail } from '@/core/format';
import { CopyButton } from '@/framework/copy';
import { PageTable } from '@/framework/page-table';
import { Nothing } from '@/framework/states';
import { Time } from '@/framework/time';

function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'sealed' in value)
    return 'sealed, nobody can read it here';
  return Array.isArray(value) ? value.join(', ') : String(value);
}

/** A choice as the form has it. */
function labelOf(input: Input | undefined, value: unknown): string | undefined {
  return input?.validation?.allowed_values?.find((choice) => choice.value === value)?.label || undefined;
}

function Fact({ term, children }: { term: string; children: React.ReactNode }) {
  return (
    <DescriptionListGroup>
      <DescriptionListTerm>{term}</DescriptionListTerm>
      <DescriptionListDescription>
        <span className="wrap-anywhere">{children}</span>
      </DescriptionListDescription>
    </DescriptionListGroup>
  );
}

export function JobValues({ job }: { job: Job }) {
  const inputs = Object.entries(job.inputs as Record<string, unknown>);
  const { data } = useQuery({ ...queries.installer(job.app_id), staleTime: 60_000, retry: false });
  const known = new Map(((data?.inputs ?? []) as unknown as Input[]).map((input) => [input.name, input]));
  return (
    <>
      <h2 className="steps-head">Outputs</h2>
      {job.outputs.length === 0 && <p className="subtle gap-below">None{job.finished_at ? '.' : ' yet.'}</p>}
      <DescriptionList isHorizontal isCompact termWidth="12rem" className="gap-below">
        {job.outputs.map(({ name, label, value, sensitive }) => (
          <Fact key={name} term={label}>
            {sensitive ? 'a secret, kept in a file on the server' : value}{' '}
            {value && <CopyButton text={() => value} label={`Copy ${label}`} iconOnly />}
          </Fact>
        ))}
      </DescriptionList>
      <h2 className="steps-head">Inputs</h2>
      {inputs.length === 0 && <p className="subtle">It was started without any.</p>}
      <DescriptionList isHorizontal isCompact termWidth="12rem">
        {inputs.map(([name, value]) => (
          <Fact key={name} term={known.get(name)?.label ?? name}>
            {labelOf(known.get(name), value) ?? shown(value)}
          </Fact>
        ))}
      </DescriptionList>
    </>
  );
}

export function JobFacts({ job }: { job: Job }) {
  return (
    <DescriptionList isHorizontal isCompact termWidth="12rem">
      <Fact term="Job">
        {job.id} <CopyButton text={() => job.id} label="Copy the job's id" iconOnly />
      </Fact>
      <Fact term="Installer">
        <Link to="/catalogue/$id" params={{ id: job.app_id }}>
          {job.app_id} {job.app_version}
        </Link>
      </Fact>
      <Fact term="Its digest">
        <code>{job.installer_digest}</code>
      </Fact>
      <Fact term="Server">
        <Link to="/servers/$id" params={{ id: job.server_id }}>
          {job.server_id}
        </Link>
      </Fact>
      <Fact term="Sent to the server">
        <Time at={job.dispatched_at} />
      </Fact>
      <Fact term="Started">
        <Time at={job.started_at} />
      </Fact>
      <Fact term="Finished">
        <Time at={job.finished_at} />
      </Fact>
      <Fact term="Exit code">{job.exit_code ?? 'none'}</Fact>
      {job.log.sha256 && (
        <Fact term="Log's digest">
          <code>{job.log.sha256}</code>
        </Fact>
      )}
      {job.left_running.length > 0 && (
        <Fact term="Left running">
          {job.left_running
            .map(({ pid, comm, unit }) => `${comm} (${pid}${unit ? `, ${unit}` : ''})`)
            .join(', ')}
        </Fact>
      )}
    </DescriptionList>
  );
}

export function JobAudit({ id }: { id: string }) {
  const { data, error, refetch } = useQuery(queries.jobAudit(id));
  return (
    <PageTable
      label="Audit trail"
      rows={data?.items}
      rowId={(entry) => entry.id}
      rowName={(entry) => entry.action}
      error={error}
      retry={() => void refetch()}
      empty={<Nothing title="Nothing was noted">Nobody did anything to this job since it was made.</Nothing>}
      columns={[
        { label: 'When', narrow: true, render: (entry) => <Time at={entry.at} /> },
        { label: 'Who', render: (entry) => <span className="wrap-anywhere">{entry.user}</span> },
        { label: 'What', narrow: true, render: (entry) => <code>{entry.action}</code> },
        {
          label: 'Detail',
          render: (entry) => <span className="wrap-anywhere">{formatDetail(entry.detail)}</span>,
        },
        { label: 'From', render: (entry) => entry.ip ?? 'the panel' },
      ]}
    />
  );
}
