import { PageSection, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { isStatus } from '@/api/problem';
import type { Job } from '@/api/queries';
import { isOver, statusLook } from '@/core/job-status';
import { usePageTitle } from '@/framework/page';
import { PageTabs } from '@/framework/page-tabs';
import { ErrorState, LoadingRows, Nothing } from '@/framework/states';
import { CancelJobs } from './cancel-jobs';
import { JobAudit, JobFacts, JobValues } from './job-details';
import { JobHeader, useJobTitle } from './job-header';
import { JobLogPanel } from './job-log';
import { JobNotes } from './job-notes';
import { hasSteps, Steps } from './steps';
import { useJob, useJobLog } from './use-job';
import { useLogView } from './use-log-view';

export function JobPage() {
  const { id } = useParams({ from: '/jobs/$id' });
  const { data: job, error, refetch } = useJob(id);
  if (job) return <LoadedJob key={id} job={job} />;
  return (
    <PageSection isFilled hasBodyWrapper={false}>
      {!error && <LoadingRows label="Loading the job" />}
      {error && (isStatus(error, 404) || isStatus(error, 422) || isStatus(error, 400)) && <UnknownJob />}
      {error && !isStatus(error, 404) && !isStatus(error, 422) && !isStatus(error, 400) && (
        <ErrorState wholePage error={error} retry={() => void refetch()} />
      )}
    </PageSection>
  );
}

function UnknownJob() {
  usePageTitle('Job unknown');
  return (
    <Nothing
      wholePage
      title="There is no such job"
      actions={
        <Link to="/jobs" className="pf-v6-c-button pf-m-primary">
          Look at all jobs
        </Link>
      }
    >
      The address may be mistyped, or the job was removed with its time.
    </Nothing>
  );
}

const tabs = [
  { key: 'log', title: 'Log' },
  { key: 'values', title: 'Inputs and outputs' },
  { key: 'details', title: 'Details' },
  { key: 'audit', title: 'Audit trail' },
] as const;

function LoadedJob({ job }: { job: Job }) {
  const { attempt: asked, tab: wanted } = useSearch({ from: '/jobs/$id' });
  const navigate = useNavigate({ from: '/jobs/$id' });
  const latest = Math.max(1, job.attempt);
  const attempt = asked !== undefined && asked >= 1 && asked <= latest ? asked : latest;
  const tab = tabs.find(({ key }) => key === wanted)?.key ?? 'log';
  const live = !isOver(job.status) && attempt === latest;
  const log = useJobLog(job, attempt);
  const view = useLogView(log.store, live, job.known_failure?.line ?? null);
  const [canceling, setCanceling] = useState(false);
  usePageTitle(`${statusLook(job.status, job.cancel_requested_at).label}: ${useJobTitle(job)}`);
  const cancel = () => setCanceling(true);
  const openTab = (key: string) =>
    void navigate({
      search: (before) => ({ ...before, tab: key === 'log' ? undefined : key }),
      hash: true,
      replace: true,
    });
  const show = (line: number) => {
    if (tab !== 'log') openTab('log');
    view.goTo(line);
  };
  return (
    <div className="job-page">
      <JobHeader job={job} cancel={cancel}>
        <JobNotes job={job} show={show} cancel={cancel} />
      </JobHeader>
      <PageSection isFilled hasBodyWrapper={false} className="is-body">
        <div className={hasSteps(job) ? 'job-body' : 'job-body is-plain'}>
          <Steps job={job} show={job.log.removed_at ? undefined : show} />
          <div className="job-main">
            <PageTabs
              label="About this job"
              tabs={[...tabs]}
              active={tab}
              open={openTab}
              className={tab === 'log' ? 'is-log' : ''}
            >
              {tab === 'log' && (
                <>
                  <Attempts attempt={attempt} latest={latest} />
                  <JobLogPanel
                    job={job.id}
                    attempt={attempt}
                    removedAt={job.log.removed_at}
                    log={log}
                    view={view}
                    live={live}
                  />
                </>
              )}
              {tab === 'values' && <JobValues job={job} />}
              {tab === 'details' && <JobFacts job={job} />}
              {tab === 'audit' && <JobAudit id={job.id} />}
            </PageTabs>
          </div>
        </div>
      </PageSection>
      {canceling && <CancelJobs jobs={[job]} close={() => setCanceling(false)} />}
    </div>
  );
}

function Attempts({ attempt, latest }: { attempt: number; latest: number }) {
  const navigate = useNavigate({ from: '/jobs/$id' });
  if (latest < 2) return null;
  return (
    <ToggleGroup isCompact aria-label="Attempts" className="gap-above">
      {Array.from({ length: latest }, (_, k) => k + 1).map((each) => (
        <ToggleGroupItem
          key={each}
          buttonId={`attempt-${each}`}
          text={`Attempt ${each}`}
          isSelected={each === attempt}
          onChange={() =>
            void navigate({
              search: (before) => ({ ...before, attempt: each === latest ? undefined : each }),
              replace: true,
            })
          }
        />
      ))}
    </ToggleGroup>
  );
}
