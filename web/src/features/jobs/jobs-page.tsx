import { Button, PageSection } from '@patternfly/react-core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link, useLocation, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useRefreshOn } from '@/api/hooks';
import { type Job, queries } from '@/api/queries';
import { countOf } from '@/core/format';
import { isOver } from '@/core/job-status';
import { PageHeader, usePageTitle } from '@/framework/page';
import { Pages, PageTable } from '@/framework/page-table';
import { Nothing } from '@/framework/states';
import { CancelJobs } from './cancel-jobs';
import { FilterBar, StatusChips } from './filter-bar';
import { jobColumns } from './job-columns';
import { filterOf, isFiltered, type JobSearch } from './job-filter';
import { SavedViews } from './saved-views';
import { TimeStrip } from './time-strip';

const pageSize = 25;

function useJobSearch() {
  const search = useSearch({ from: '/jobs' });
  const navigate = useNavigate({ from: '/jobs' });
  const set = (change: Partial<JobSearch>) =>
    void navigate({
      search: (before) => ({ ...before, page: undefined, ...change }),
      // Each letter of a name is not a place to go back to.
      replace: Object.keys(change).join() === 'user',
    });
  return { search, set };
}

export function JobsPage() {
  usePageTitle('Jobs');
  const { search, set } = useJobSearch();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a period counts from when it was chosen
  const filter = useMemo(() => filterOf(search, Date.now()), [JSON.stringify(search)]);
  const jobs = useQuery({
    ...queries.jobs(filter, pageSize, search.page),
    placeholderData: keepPreviousData,
  });
  const counts = useQuery({ ...queries.jobCounts(filter), placeholderData: keepPreviousData });
  const query = useLocation({ select: ({ searchStr }) => searchStr });
  useRefreshOn('jobs', ['jobs', 'job-counts']);
  return (
    <>
      <PageHeader
        title="Jobs"
        description="What was asked of the servers, newest first. The list follows what happens."
        actions={
          <Link to="/catalogue" className="pf-v6-c-button pf-m-primary">
            New job
          </Link>
        }
      />
      <PageSection isFilled hasBodyWrapper={false}>
        <FilterBar search={search} set={set} />
        <StatusChips search={search} set={set} counts={counts.data?.by_status ?? {}} />
        <div className="tools">
          <SavedViews query={search.page === undefined ? query : ''} />
        </div>
        {jobs.data && <TimeStrip jobs={jobs.data.items} />}
        <JobList
          jobs={jobs.data?.items}
          error={jobs.error}
          retry={() => void jobs.refetch()}
          empty={
            <NoJobs
              filtered={isFiltered(search)}
              clear={() =>
                set({
                  app: undefined,
                  server: undefined,
                  status: undefined,
                  user: undefined,
                  action: undefined,
                  since: undefined,
                })
              }
            />
          }
          pages={
            <Pages
              shown={countOf(jobs.data?.items.length ?? 0, 'job')}
              back={search.page === undefined ? null : () => set({})}
              forward={
                jobs.data?.next_cursor ? () => set({ page: jobs.data?.next_cursor ?? undefined }) : null
              }
            />
          }
        />
      </PageSection>
    </>
  );
}

function NoJobs({ filtered, clear }: { filtered: boolean; clear: () => void }) {
  if (filtered)
    return (
      <Nothing
        title="No job matches"
        actions={
          <Button variant="link" onClick={clear}>
            Clear filters
          </Button>
        }
      >
        Change the filters, or look at all jobs.
      </Nothing>
    );
  return (
    <Nothing
      title="No job yet"
      actions={
        <Link to="/catalogue" className="pf-v6-c-button pf-m-primary">
          Open the catalogue
        </Link>
      }
    >
      Choose an installer and a server; the job then appears here.
    </Nothing>
  );
}

interface JobListProps {
  jobs: Job[] | undefined;
  error: Error | null;
  retry: () => void;
  empty: React.ReactNode;
  pages: React.ReactNode;
}

function JobList({ jobs, error, retry, empty, pages }: JobListProps) {
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [asking, setAsking] = useState(false);
  const toggle = (id: string, on: boolean) =>
    setSelected((before) => new Set(on ? [...before, id] : [...before].filter((each) => each !== id)));
  const toCancel = (jobs ?? []).filter((job) => selected.has(job.id) && !isOver(job.status));
  return (
    <>
      {selected.size > 0 && (
        <div className="tools" role="status">
          <span>{countOf(selected.size, 'job')} selected</span>
          <Button
            variant="danger"
            size="sm"
            isDisabled={toCancel.length === 0}
            onClick={() => setAsking(true)}
          >
            {toCancel.length === 0 ? 'All of them are over' : `Cancel ${countOf(toCancel.length, 'job')}`}
          </Button>
          <Button variant="link" size="sm" onClick={() => setSelected(new Set())}>
            Select none
          </Button>
        </div>
      )}
      <PageTable
        label="Jobs"
        columns={jobColumns}
        rows={jobs}
        rowId={(job) => job.id}
        rowName={(job) => `${job.app_id} on ${job.server_id}`}
        error={error}
        retry={retry}
        empty={empty}
        pages={pages}
        selection={{
          selected,
          toggle,
          toggleAll: (on) => setSelected(new Set(on ? jobs?.map(({ id }) => id) : [])),
        }}
      />
      {asking && (
        <CancelJobs jobs={toCancel} close={() => setAsking(false)} done={() => setSelected(new Set())} />
      )}
    </>
  );
}
