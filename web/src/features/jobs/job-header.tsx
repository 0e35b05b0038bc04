import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type Job, queries } from '@/api/queries';
import { formatDuration, secondsBetween } from '@/core/format';
import { isOver, statusLook } from '@/core/job-status';
import { PageHeader } from '@/framework/page';
import { StatusLabel } from '@/framework/status-label';
import { Duration, Time, useNow } from '@/framework/time';

export function useJobTitle(job: Job): string {
  const { data } = useQuery({ ...queries.installer(job.app_id), staleTime: 60_000, retry: false });
  const verbs = { install: '', upgrade: 'Upgrade of ', check: 'Check of ', uninstall: 'Removal of ' };
  return `${verbs[job.action]}${data?.name ?? job.app_id} on ${job.server_id}`;
}

/** What a job of this installer usually takes, less what this one took. */
function Estimate({ job }: { job: Job }) {
  const { data } = useQuery({ ...queries.installer(job.app_id), staleTime: 60_000, retry: false });
  const usual = data?.statistics.usual_seconds;
  const now = useNow(1000);
  if (job.status !== 'running' || !job.started_at || !usual || job.action !== 'install') return null;
  const left = usual - secondsBetween(job.started_at, now);
  return (
    <span>{left > 0 ? `About ${formatDuration(left)} left` : `Usually takes ${formatDuration(usual)}`}</span>
  );
}

interface JobHeaderProps {
  job: Job;
  cancel: () => void;
  children: React.ReactNode;
}

export function JobHeader({ job, cancel, children }: JobHeaderProps) {
  const title = useJobTitle(job);
  const over = isOver(job.status);
  return (
    <PageHeader
      title={title}
      short={job.id}
      parent={{ to: '/jobs', label: 'Jobs' }}
      status={<StatusLabel {...statusLook(job.status, job.cancel_requested_at)} large />}
      actions={
        over ? (
          <RunAgain job={job} />
        ) : (
          <Button variant="danger" onClick={cancel} isDisabled={job.cancel_requested_at !== null}>
            Cancel job
          </Button>
        )
      }
    >
      <p className="facts">
        <span>
          Created{' '}
          <b>
            <Time at={job.created_at} />
          </b>{' '}
          by <b className="wrap-anywhere">{job.user_id}</b>
          {job.claimed_user_id !== null && (
            <>
              {' '}
              (its order says <b className="wrap-anywhere">{job.claimed_user_id}</b>, which was not checked)
            </>
          )}
        </span>
        {job.started_at === null ? (
          <span>{over ? 'Never started' : 'Not started yet'}</span>
        ) : (
          <span>
            {over ? 'Took' : 'Going on for'}{' '}
            <b>
              <Duration from={job.started_at} to={job.finished_at} />
            </b>
          </span>
        )}
        <span>
          Attempt <b>{Math.max(1, job.attempt)}</b> of {job.max_attempts}
        </span>
        <Estimate job={job} />
        {job.retry_of && (
          <Link to="/jobs/$id" params={{ id: job.retry_of }}>
            Retry of an earlier job
          </Link>
        )}
      </p>
      {children}
    </PageHeader>
  );
}

function RunAgain({ job }: { job: Job }) {
  return (
    <Link
      to="/catalogue/$id"
      params={{ id: job.app_id }}
      search={{ from: job.id, action: job.action === 'install' ? undefined : job.action }}
      className="pf-v6-c-button pf-m-primary"
    >
      Run again
    </Link>
  );
}
