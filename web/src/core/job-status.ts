// A job's states in words and colours, in one place.

export type JobStatus =
  | 'queued'
  | 'dispatched'
  | 'accepted'
  | 'running'
  | 'retry_wait'
  | 'succeeded'
  | 'failed'
  | 'timed_out'
  | 'canceled'
  | 'rejected'
  | 'expired'
  | 'interrupted'
  | 'lost';

export type Tone = 'success' | 'danger' | 'warning' | 'info' | 'neutral';

interface Look {
  label: string;
  tone: Tone;
  over: boolean;
  /** One sentence on what it means. */
  meaning: string;
}

export const jobStatuses: Record<JobStatus, Look> = {
  queued: { label: 'Queued', tone: 'neutral', over: false, meaning: 'It waits for its turn.' },
  dispatched: { label: 'Sent', tone: 'neutral', over: false, meaning: 'It is on its way to the server.' },
  accepted: {
    label: 'Accepted',
    tone: 'neutral',
    over: false,
    meaning: 'The server has it and starts it soon.',
  },
  running: { label: 'Running', tone: 'info', over: false, meaning: 'The script runs on the server.' },
  retry_wait: {
    label: 'Waiting to retry',
    tone: 'warning',
    over: false,
    meaning: 'The next attempt starts soon.',
  },
  succeeded: { label: 'Succeeded', tone: 'success', over: true, meaning: 'It did what was asked.' },
  failed: { label: 'Failed', tone: 'danger', over: true, meaning: 'The script ended with an error.' },
  timed_out: {
    label: 'Timed out',
    tone: 'danger',
    over: true,
    meaning: 'It took longer than allowed and was ended.',
  },
  canceled: { label: 'Canceled', tone: 'neutral', over: true, meaning: 'It was ended on request.' },
  rejected: {
    label: 'Rejected',
    tone: 'danger',
    over: true,
    meaning: 'The server refused it; nothing was run.',
  },
  expired: {
    label: 'Expired',
    tone: 'warning',
    over: true,
    meaning: 'The server did not take it in time; nothing was run.',
  },
  interrupted: {
    label: 'Interrupted',
    tone: 'warning',
    over: true,
    meaning: 'The server stopped in the middle of it. What was done until then stays.',
  },
  lost: {
    label: 'Lost',
    tone: 'danger',
    over: true,
    meaning: 'Nobody knows how far it came. Look at the server; what it still says of the job is shown here.',
  },
};

export const allStatuses = Object.keys(jobStatuses) as JobStatus[];
export const isOver = (status: JobStatus) => jobStatuses[status].over;

/** A cancel that was asked for is not the end: the server's last process has to be gone. */
export function statusLook(status: JobStatus, cancelRequestedAt: string | null | undefined): Look {
  if (cancelRequestedAt && !isOver(status)) {
    return {
      label: 'Canceling',
      tone: 'warning',
      over: false,
      meaning: 'The server ends the job. It counts as canceled when its last process is gone.',
    };
  }
  return jobStatuses[status];
}
