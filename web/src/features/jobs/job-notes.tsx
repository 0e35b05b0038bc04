// What a person has to know now: why it waits, why it failed and what to do, that a cancel is under way.
import { Alert, AlertActionLink } from '@patternfly/react-core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { answerOf, client } from '@/api/client';
import { type Job, queries } from '@/api/queries';
import { formatDuration } from '@/core/format';
import { isOver, jobStatuses } from '@/core/job-status';
import { useNow } from '@/framework/time';

const kinds: Record<NonNullable<Job['failure_kind']>, [title: string, remedy: string]> = {
  validation: ['The script refused its inputs', 'Run it again with other inputs; the log says which one.'],
  installation: ['The installation went wrong', 'The last lines of the log say why. It may be run again.'],
  configuration: [
    'Installed, but not as it should be',
    'Something on the server needs a person: the log says what.',
  ],
  oom: ['The server ran out of memory', 'Free some memory there, or give the job a higher limit.'],
  signal: ['A signal ended the script', 'Somebody or something on the server killed it.'],
  unknown: ['The script ended with an unknown code', 'The last lines of the log say why.'],
};

interface NotesProps {
  job: Job;
  show: (line: number) => void;
  cancel: () => void;
}

export function JobNotes({ job, show, cancel }: NotesProps) {
  return (
    <div className="job-notes">
      <FailureNote job={job} show={show} />
      <WaitNote job={job} cancel={cancel} />
      {job.cancel_requested_at && !isOver(job.status) && (
        <Alert isInline variant="warning" title="Canceling" component="h2">
          The server was asked to end it. It counts as canceled when its last process is gone, at most ten
          seconds after it was told.
        </Alert>
      )}
    </div>
  );
}

function FailureNote({ job, show }: { job: Job; show: (line: number) => void }) {
  const { known_failure: known, failure_kind: kind, exit_code: code, signal, status } = job;
  const bad = ['failed', 'timed_out', 'rejected', 'lost', 'interrupted', 'expired'].includes(status);
  if (!bad) return null;
  const [general, advice] = kind ? kinds[kind] : [jobStatuses[status].label, jobStatuses[status].meaning];
  const line = job.log.removed_at ? 0 : (known?.line ?? job.log.lines);
  const ended =
    signal !== null ? `Signal ${signal}.` : code !== null && code !== 0 ? `Exit code ${code}.` : '';
  // Where the cause is known, its code only; the reason says that code, too.
  const reason = known ? null : job.status_reason;
  return (
    <Alert
      isInline
      variant={status === 'interrupted' || status === 'expired' ? 'warning' : 'danger'}
      title={known?.title ?? general}
      component="h2"
      actionLinks={
        line > 0 && (
          <AlertActionLink onClick={() => show(line)}>
            {known ? `Go to line ${line}` : 'Go to the last line'}
          </AlertActionLink>
        )
      }
    >
      {known?.remedy ?? advice} {known?.retryable ? 'Trying again may help. ' : ''}
      {reason ? `Reason: ${reason}.` : <span className="subtle">{ended}</span>}
    </Alert>
  );
}

function WaitNote({ job, cancel }: { job: Job; cancel: () => void }) {
  const { waiting_for: waiting, queue_position: place } = job;
  if (!waiting || isOver(job.status) || job.cancel_requested_at) return null;
  if (waiting.kind === 'retry') return <RetryNote job={job} cancel={cancel} />;
  const titles = {
    server_offline: 'Waiting for the server',
    queue: place === null ? 'Waiting for its turn' : `Waiting: place ${place} in the queue`,
    drained: 'Waiting: the server is drained',
  };
  return (
    <Alert isInline variant="info" title={titles[waiting.kind]} component="h2">
      {waiting.message}
    </Alert>
  );
}

function RetryNote({ job, cancel }: { job: Job; cancel: () => void }) {
  const cache = useQueryClient();
  const now = useNow(500);
  const left = job.next_attempt_at ? Math.max(0, Date.parse(job.next_attempt_at) - now) / 1000 : 0;
  const hurry = useMutation({
    mutationFn: () => answerOf(client.POST('/api/jobs/{id}/retry-now', { params: { path: { id: job.id } } })),
    onSettled: () => cache.invalidateQueries({ queryKey: queries.job(job.id).queryKey }),
  });
  return (
    <Alert
      isInline
      variant="warning"
      component="h2"
      title={`Attempt ${job.attempt + 1} of ${job.max_attempts} starts in ${formatDuration(Math.ceil(left))}`}
      actionLinks={
        <>
          <AlertActionLink onClick={() => hurry.mutate()} isDisabled={hurry.isPending}>
            Try now
          </AlertActionLink>
          <AlertActionLink onClick={cancel}>Stop trying</AlertActionLink>
        </>
      }
    >
      {job.waiting_for?.message} {hurry.error && <b>{hurry.error.message}</b>}
    </Alert>
  );
}
