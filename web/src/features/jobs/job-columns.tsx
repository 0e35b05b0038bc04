import { Link } from '@tanstack/react-router';
import type { Job } from '@/api/queries';
import { isOver, statusLook } from '@/core/job-status';
import type { Column } from '@/framework/page-table';
import { StatusLabel } from '@/framework/status-label';
import { Duration, Time } from '@/framework/time';

function Waiting({ job }: { job: Job }) {
  if (!job.waiting_for || isOver(job.status)) return null;
  const place = job.queue_position === null ? '' : `Place ${job.queue_position}. `;
  return (
    <span className="subtle small">
      {place}
      {job.waiting_for.message}
    </span>
  );
}

export const jobColumns: Column<Job>[] = [
  {
    label: 'State',
    narrow: true,
    render: (job) => <StatusLabel {...statusLook(job.status, job.cancel_requested_at)} />,
  },
  {
    label: 'Job',
    render: (job) => (
      <span className="two-lines">
        <Link to="/jobs/$id" params={{ id: job.id }}>
          {job.app_id} {job.app_version}
        </Link>
        <span className="subtle small">
          {job.known_failure?.title ?? (job.action === 'install' ? '' : job.action)}
        </span>
        <Waiting job={job} />
      </span>
    ),
  },
  {
    label: 'Server',
    render: (job) => (
      <Link to="/servers/$id" params={{ id: job.server_id }}>
        {job.server_id}
      </Link>
    ),
  },
  { label: 'Created', narrow: true, render: (job) => <Time at={job.created_at} relative /> },
  { label: 'Took', narrow: true, render: (job) => <Duration from={job.started_at} to={job.finished_at} /> },
  { label: 'By', render: (job) => <span className="wrap-anywhere">{job.user_id}</span> },
  {
    label: 'Run again',
    actions: true,
    render: (job) =>
      isOver(job.status) && (
        <Link
          to="/catalogue/$id"
          params={{ id: job.app_id }}
          search={{ from: job.id, action: job.action === 'install' ? undefined : job.action }}
          aria-label={`Run again: ${job.app_id} on ${job.server_id}`}
          className="number"
        >
          Run again
        </Link>
      ),
  },
];
