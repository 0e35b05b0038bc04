import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { queries } from '@/api/queries';
import { type JobStatus, statusLook } from '@/core/job-status';
import { StatusLabel } from '@/framework/status-label';
import { Time } from '@/framework/time';

interface FigureProps {
  label: string;
  value: string;
  note: string;
  to: '/jobs' | '/servers';
  search: Record<string, unknown>;
}

/** A number that leads to what it counts. */
export function Figure({ label, value, note, to, search }: FigureProps) {
  return (
    <Link to={to} search={search as never} className="figure">
      <span className="subtle small">{label}</span>
      <b>{value}</b>
      <span className="subtle small">{note}</span>
    </Link>
  );
}

const kindNames: Record<string, string> = {
  validation: 'Inputs refused',
  installation: 'Installation',
  configuration: 'Configuration',
  oom: 'Out of memory',
  signal: 'Ended by a signal',
  timed_out: 'Timed out',
  unknown: 'Unknown code',
};

export function Failures({ kinds, period }: { kinds: Record<string, number>; period: string }) {
  const rows = Object.entries(kinds).sort(([, a], [, b]) => b - a);
  const most = Math.max(1, ...rows.map(([, count]) => count));
  const search = (kind: string): { since: string; status: JobStatus[] } => ({
    since: period,
    status: [kind === 'timed_out' ? 'timed_out' : 'failed'],
  });
  return (
    <section className="panel">
      <h2>Failures by kind</h2>
      {rows.length === 0 && <p className="subtle">None in this time.</p>}
      <ul className="bars">
        {rows.map(([kind, count]) => (
          <li key={kind}>
            <Link to="/jobs" search={search(kind)}>
              <span>{kindNames[kind] ?? kind}</span>
              <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                <rect width={(100 * count) / most} height="10" rx="1" />
              </svg>
              <span className="number">{count}</span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The last jobs that failed, newest first: what a person looks for in the morning. */
export function NeedsAttention() {
  const { data } = useQuery(queries.jobs({ status: ['failed', 'timed_out', 'lost'] }, 5));
  if (!data || data.items.length === 0) return null;
  return (
    <section className="panel gap-below" aria-label="Failed last">
      <h2>Failed last</h2>
      <ul className="attention">
        {data.items.map((job) => (
          <li key={job.id}>
            <StatusLabel {...statusLook(job.status, job.cancel_requested_at)} />
            <Link to="/jobs/$id" params={{ id: job.id }}>
              {job.app_id} on {job.server_id}
            </Link>
            <span className="subtle small">{job.known_failure?.title ?? ''}</span>
            <span className="subtle small attention-time">
              <Time at={job.created_at} relative />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
