import { Button, Progress, ProgressMeasureLocation, Spinner } from '@patternfly/react-core';
import BanIcon from '@patternfly/react-icons/dist/esm/icons/ban-icon';
import CheckCircleIcon from '@patternfly/react-icons/dist/esm/icons/check-circle-icon';
import ExclamationCircleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon';
import type { Job } from '@/api/queries';
import { countOf } from '@/core/format';
import { isOver } from '@/core/job-status';
import { useMedia } from '@/framework/media';
import { Duration } from '@/framework/time';

type Step = Job['steps'][number];

const marks: Record<Step['status'], React.ReactNode> = {
  succeeded: <CheckCircleIcon />,
  failed: <ExclamationCircleIcon />,
  canceled: <BanIcon />,
  running: <Spinner size="md" aria-label="Running" />,
};

/** Goes to a line of the log, where there still is one. */
type Show = ((line: number) => void) | undefined;

function StepItem({ step, show }: { step: Step; show: Show }) {
  const { name, line, status, started_at: from, finished_at: to } = step;
  return (
    <li className="step">
      <span className={`step-mark is-${status}`}>{marks[status]}</span>
      <div>
        {show ? (
          <Button
            variant="link"
            isInline
            onClick={() => show(line)}
            aria-label={`${name}: ${status}, go to line ${line}`}
          >
            {name}
          </Button>
        ) : (
          <>
            {name}
            <span className="visually-hidden">: {status}</span>
          </>
        )}
        <div className="step-time">
          <Duration from={from} to={to} />
        </div>
      </div>
    </li>
  );
}

const hasProgress = (job: Job) => job.progress !== null && !isOver(job.status);

/** Whether there is anything to show beside the log. */
export const hasSteps = (job: Job) => job.steps.length > 0 || hasProgress(job);

function JobProgress({ job }: { job: Job }) {
  if (!hasProgress(job)) return null;
  return (
    <Progress
      aria-label="Progress"
      value={job.progress ?? 0}
      title={job.message ?? undefined}
      size="sm"
      measureLocation={ProgressMeasureLocation.top}
      className="gap-below"
    />
  );
}

export function Steps({ job, show }: { job: Job; show: Show }) {
  const narrow = useMedia('(max-width: 62rem)');
  const { steps } = job;
  const current = steps.at(-1);
  const summary =
    steps.length === 0
      ? 'No step has begun.'
      : `${countOf(steps.length, 'step')}, now: ${current?.name}, ${current?.status}`;
  return (
    <section aria-label="Steps">
      <JobProgress job={job} />
      <p className="visually-hidden" role="status">
        {summary}
      </p>
      {narrow && current ? (
        <details className="steps-summary">
          <summary>
            {countOf(steps.length, 'step')}
            {isOver(job.status) ? '' : `, now: ${current.name}`}
          </summary>
          <StepList steps={steps} show={show} />
        </details>
      ) : (
        <>
          {steps.length > 0 && <h2 className="steps-head">Steps</h2>}
          <StepList steps={steps} show={show} />
        </>
      )}
    </section>
  );
}

function StepList({ steps, show }: { steps: Step[]; show: Show }) {
  return (
    <ol className="steps">
      {steps.map((step) => (
        <StepItem key={step.line} step={step} show={show} />
      ))}
    </ol>
  );
}
