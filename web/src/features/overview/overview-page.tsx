import { PageSection, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { Schema } from '@/api/client';
import { useRefreshOn } from '@/api/hooks';
import { queries } from '@/api/queries';
import { countOf, formatDuration, formatShare } from '@/core/format';
import { PageHeader, usePageTitle } from '@/framework/page';
import { ErrorState, LoadingRows, Nothing } from '@/framework/states';
import { Chart } from './chart';
import { Failures, Figure, NeedsAttention } from './overview-parts';

type Overview = Schema['Overview'];
const periods = { 24: '24 hours', 168: '7 days', 720: '30 days' } as const;
const names = { 24: '24h', 168: '7d', 720: '30d' } as const;
type Hours = keyof typeof periods;

export function OverviewPage() {
  usePageTitle('Overview');
  const { hours = 24 } = useSearch({ from: '/overview' });
  const navigate = useNavigate({ from: '/overview' });
  const since = useMemo(
    () => new Date(Math.floor(Date.now() / 60_000) * 60_000 - hours * 3_600_000).toISOString(),
    [hours],
  );
  const { data, error, refetch } = useQuery({
    ...queries.overview(since),
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
  });
  useRefreshOn('jobs', ['jobs']);
  const choice = (
    <ToggleGroup aria-label="Period">
      {Object.entries(periods).map(([key, text]) => (
        <ToggleGroupItem
          key={key}
          text={text}
          buttonId={`period-${key}`}
          isSelected={Number(key) === hours}
          onChange={() => void navigate({ search: { hours: key === '24' ? undefined : Number(key) } })}
        />
      ))}
    </ToggleGroup>
  );
  return (
    <>
      <PageHeader
        title="Overview"
        description={`What happened in the last ${periods[hours as Hours]}.`}
        actions={choice}
      />
      <PageSection isFilled hasBodyWrapper={false}>
        {error && !data && <ErrorState error={error} retry={() => void refetch()} />}
        {!error && !data && <LoadingRows label="Loading the figures" rows={4} />}
        {data && <Figures overview={data} period={names[hours as Hours]} />}
      </PageSection>
    </>
  );
}

function Figures({ overview, period }: { overview: Overview; period: string }) {
  const { success_rate: rate, duration_seconds: seconds, agents, queue_depth: depth } = overview;
  const failed = Object.values(overview.failures_by_kind).reduce((sum, n) => sum + n, 0);
  const registered = agents.online + agents.unreachable + agents.drained + agents.never_seen;
  return (
    <>
      <div className="figures">
        <Figure
          label="Jobs succeed"
          value={rate === null ? '–' : formatShare(rate)}
          note={countOf(failed, 'failure')}
          to="/jobs"
          search={{ since: period, status: ['succeeded'] }}
        />
        <Figure
          label="A job takes"
          value={seconds.p50 === null ? '–' : formatDuration(seconds.p50)}
          note={seconds.p90 === null ? 'half of them' : `nine of ten below ${formatDuration(seconds.p90)}`}
          to="/jobs"
          search={{ since: period }}
        />
        <Figure
          label="Waiting now"
          value={String(depth.at(-1)?.depth ?? 0)}
          note="jobs in queues"
          to="/jobs"
          search={{ status: ['queued', 'dispatched', 'retry_wait'] }}
        />
        <Figure
          label="Servers online"
          value={`${agents.online} of ${registered}`}
          note={
            agents.unreachable > 0
              ? countOf(agents.unreachable, 'server is unreachable', 'servers are unreachable')
              : 'none is unreachable'
          }
          to="/servers"
          search={agents.unreachable > 0 ? { status: 'unreachable' } : {}}
        />
      </div>
      <NeedsAttention />
      <Charts overview={overview} period={period} />
    </>
  );
}

function Charts({ overview, period }: { overview: Overview; period: string }) {
  const navigate = useNavigate();
  const charts = useMemo(() => {
    const hoursOf = overview.jobs_by_hour;
    return {
      times: hoursOf.map(({ at }) => Date.parse(at) / 1000),
      jobs: [
        { label: 'Succeeded', tone: 'success', values: hoursOf.map((hour) => hour.succeeded) },
        { label: 'Failed', tone: 'danger', values: hoursOf.map((hour) => hour.failed) },
        { label: 'Other', tone: 'neutral', values: hoursOf.map((hour) => hour.other) },
      ],
      depthTimes: overview.queue_depth.map(({ at }) => Date.parse(at) / 1000),
      depth: [{ label: 'Waiting', tone: 'info', values: overview.queue_depth.map(({ depth }) => depth) }],
    };
  }, [overview]);
  const hour = (at: number) =>
    void navigate({
      to: '/jobs',
      search: { since: new Date(at).toISOString(), until: new Date(at + 3_600_000).toISOString() },
    });
  const total = overview.jobs_by_hour.reduce(
    (sum, { succeeded, failed, other }) => sum + succeeded + failed + other,
    0,
  );
  if (total === 0)
    return (
      <Nothing
        title="No job in this time"
        actions={
          <Link to="/catalogue" className="pf-v6-c-button pf-m-primary">
            Open the catalogue
          </Link>
        }
      >
        Figures appear here with the first one.
      </Nothing>
    );
  return (
    <div className="charts">
      <section className="panel">
        <h2>
          <Link to="/jobs" search={{ since: period }}>
            Jobs by hour
          </Link>
        </h2>
        <p className="chart-legend">
          <span className="is-success">succeeded</span>
          <span className="is-danger">failed</span>
          <span>other</span>
        </p>
        <Chart
          label={`Jobs by hour: ${total} in all`}
          times={charts.times}
          series={charts.jobs}
          kind="bars"
          choose={hour}
        />
      </section>
      <section className="panel">
        <h2>
          <Link to="/jobs" search={{ status: ['queued', 'dispatched', 'retry_wait'] }}>
            Jobs waiting
          </Link>
        </h2>
        <Chart label="How many jobs waited" times={charts.depthTimes} series={charts.depth} kind="line" />
      </section>
      <Failures kinds={overview.failures_by_kind} period={period} />
    </div>
  );
}
