import {
  DescriptionList,
  DescriptionListDescription,
  DescriptionListGroup,
  DescriptionListTerm,
} from '@patternfly/react-core';
import { Link } from '@tanstack/react-router';
import type { Installer, Job } from '@/api/queries';
import { countOf, formatBytes, formatDuration, formatShare } from '@/core/format';
import { Time } from '@/framework/time';
import type { Difference } from './use-install-form';

function systemsOf({ os_requirements: requirements }: Installer): string {
  const { family = [], min_version: versions = {} } = requirements as {
    family?: string[];
    min_version?: Record<string, string>;
  };
  const named = (id: string) =>
    `${id.charAt(0).toUpperCase()}${id.slice(1)}${versions[id] ? ` ${versions[id]} or later` : ''}`;
  return family.map(named).join(', ');
}

function needsOf({ resource_requirements: requirements }: Installer): string {
  const {
    min_ram_mb: ram,
    min_disk_mb: disk,
    min_cpus: cpus,
  } = requirements as Record<string, number | undefined>;
  const needs = [
    ram && `${formatBytes(ram)} memory`,
    disk && `${formatBytes(disk)} disk`,
    cpus && countOf(cpus, 'processor'),
  ];
  return needs.filter(Boolean).join(', ') || 'Nothing in particular';
}

export function About({ installer }: { installer: Installer }) {
  const { statistics, timeout_seconds: limit, idempotent } = installer;
  const rows: [string, string][] = [
    ['Systems', systemsOf(installer)],
    ['Needs', needsOf(installer)],
    [
      'Usually takes',
      statistics.usual_seconds === null ? 'Not known yet' : formatDuration(statistics.usual_seconds),
    ],
    ['Time limit', formatDuration(limit)],
    [
      'Succeeds',
      statistics.success_rate === null
        ? 'Not used yet'
        : `${formatShare(statistics.success_rate)} of ${countOf(statistics.jobs, 'job')}`,
    ],
    ['Run again', idempotent ? 'Safe: changes only what differs' : 'Not safe, so it is not retried'],
  ];
  return (
    <section className="panel" aria-label="About this installer">
      <h2>About this installer</h2>
      <DescriptionList isHorizontal isCompact termWidth="7.5rem">
        {rows.map(([term, text]) => (
          <DescriptionListGroup key={term}>
            <DescriptionListTerm>{term}</DescriptionListTerm>
            <DescriptionListDescription>{text}</DescriptionListDescription>
          </DescriptionListGroup>
        ))}
      </DescriptionList>
      {installer.readme && <p className="gap-above small readme">{installer.readme}</p>}
    </section>
  );
}

/** What is not as it was in the job that is run again. */
export function Differences({ job, list }: { job: Job; list: Difference[] }) {
  return (
    <section className="panel" aria-label="What differs">
      <h2>
        Differs from the{' '}
        <Link to="/jobs/$id" params={{ id: job.id }}>
          earlier job
        </Link>
      </h2>
      <p className="subtle small gap-below">
        From <Time at={job.created_at} />. Secrets are not taken over: type them again.
      </p>
      <div role="status">
        {list.length === 0 && <p className="small">Nothing differs.</p>}
        <ul className="difference-list">
          {list.map(({ name, label, before, after }) => (
            <li key={name}>
              <div>{label}</div>
              <del>{before || 'not set'}</del> → <ins>{after || 'not set'}</ins>
            </li>
          ))}
        </ul>
      </div>
    </section>
  );
}
