// Jobs that live: what a new job does, step by step, on its own clock.

import { failureTail, packageLine, phases } from './log-text.mjs';
import { iso } from './random.mjs';

const tick = 100;

/** Runs until `lines` are written (never, where that is Infinity), then ends as `end` says. */
export function run(job, { linesPerSecond, lines, end }) {
  const startedAt = Date.now();
  let written = 0;
  let phase = job.public.steps.length;
  const each = Math.ceil(lines / phases.length);
  job.timer = setInterval(() => {
    const due = Math.min(lines, Math.floor(((Date.now() - startedAt) / 1000) * linesPerSecond));
    const texts = [];
    while (written < due) {
      if (Number.isFinite(lines) && written % each === 0 && phase < phases.length) {
        if (phase > 0) texts.push(['out', '::endgroup']);
        texts.push(['out', `::group ${phases[phase]}`]);
        phase += 1;
      }
      texts.push(packageLine(job.lines().length + texts.length));
      written += 1;
    }
    const progress = Number.isFinite(lines)
      ? Math.min(99, Math.floor((written / lines) * 100))
      : job.public.progress;
    if (texts.length > 0) job.change({ progress, message: phases[Math.max(0, phase - 1)] ?? null }, texts);
    if (written >= lines) {
      clearInterval(job.timer);
      end(job);
    }
  }, tick);
}

export function succeed(job) {
  const address = job.public.app_id === 'hello' ? '/etc/provisioning-hello' : `${job.public.server_id}:5432`;
  job.change(
    {
      status: 'succeeded',
      exit_code: 0,
      progress: 100,
      message: null,
      finished_at: iso(Date.now()),
      outputs: [
        { name: 'address', label: 'Address', value: address },
        { name: 'replication_key', label: 'Replication key', sensitive: true },
      ],
    },
    [['out', '::endgroup']],
  );
}

export const knownFailure = (line) => ({
  title: 'Another program listens on that port.',
  remedy: 'Stop it, or choose another port.',
  retryable: false,
  line,
});

export function fail(job) {
  const line = job.lines().length + 3;
  job.change(
    {
      status: 'failed',
      exit_code: 3,
      failure_kind: 'configuration',
      needs_attention: true,
      finished_at: iso(Date.now()),
      known_failure: knownFailure(line),
    },
    failureTail,
  );
}

export function start(job, plan = { linesPerSecond: 30, lines: 120, end: succeed }) {
  const now = Date.now();
  const { attempt } = job.public;
  job.change({
    status: 'running',
    attempt: attempt + 1,
    dispatched_at: iso(now),
    started_at: job.public.started_at ?? iso(now),
    progress: 0,
    queue_position: null,
    waiting_for: null,
    next_attempt_at: null,
  });
  run(job, plan);
}

/** The script gets TERM and has ten seconds; here its last process is gone after some. */
export function cancel(job, after = 2500) {
  const waits = job.public.status !== 'running';
  job.change({ cancel_requested_at: iso(Date.now()) });
  clearTimeout(job.waking);
  job.ending = setTimeout(
    () => {
      clearInterval(job.timer);
      job.change(
        {
          status: 'canceled',
          finished_at: iso(Date.now()),
          waiting_for: null,
          queue_position: null,
          next_attempt_at: null,
          message: null,
        },
        waits ? [] : [['err', 'Terminated']],
      );
    },
    waits ? 300 : after,
  );
}

export function waitForRetry(job, seconds, plan) {
  const at = Date.now() + seconds * 1000;
  job.change({
    status: 'retry_wait',
    next_attempt_at: iso(at),
    waiting_for: {
      kind: 'retry',
      message: 'The last attempt failed: the package mirror could not be reached.',
    },
  });
  job.wake = () => {
    clearTimeout(job.waking);
    start(job, plan);
  };
  job.waking = setTimeout(job.wake, seconds * 1000);
}

export function stop(job) {
  clearInterval(job.timer);
  clearTimeout(job.waking);
  clearTimeout(job.ending);
}
