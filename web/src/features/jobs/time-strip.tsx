// When which jobs ran on which server: one bar each, without a chart library.
import { Link } from '@tanstack/react-router';
import type { Job } from '@/api/queries';
import { formatClock, formatDuration, secondsBetween } from '@/core/format';
import { statusLook } from '@/core/job-status';
import { useNarrow } from '@/framework/media';
import { useNow, useTimeZone } from '@/framework/time';

const wide = { width: 1120, left: 118, letters: 17, marks: [0, 0.25, 0.5, 0.75, 1] };
const narrow = { width: 400, left: 84, letters: 12, marks: [0, 0.5, 1] };
const rowHeight = 22;
const mostRows = 8;
const longest = 12 * 3_600_000;

export function TimeStrip({ jobs }: { jobs: Job[] }) {
  const zone = useTimeZone();
  const now = useNow(5000);
  const { width, left, letters, marks: shares } = useNarrow() ? narrow : wide;
  const started = jobs.filter((job) => job.started_at !== null && Date.parse(job.started_at) > now - longest);
  if (started.length < 2) return null;
  const servers = [...new Set(started.map((job) => job.server_id))].sort().slice(0, mostRows);
  const first = Math.min(...started.map((job) => Date.parse(job.started_at!)));
  const scale = (width - left - 8) / Math.max(60_000, now - first);
  const x = (at: number) => left + (at - first) * scale;
  const height = servers.length * rowHeight;
  const marks = shares.map((share) => first + share * (now - first));
  return (
    <figure className="strip" aria-label={`When the jobs shown ran, on ${servers.length} servers`}>
      {/* biome-ignore lint/a11y/noSvgWithoutTitle: each bar has its own, and the figure its name */}
      <svg viewBox={`0 0 ${width} ${height + 20}`}>
        {marks.map((at, k) => (
          <g key={at}>
            <line className="strip-line" x1={x(at)} x2={x(at)} y1={0} y2={height} />
            <text
              x={x(at)}
              y={height + 15}
              textAnchor={k === marks.length - 1 ? 'end' : k === 0 ? 'start' : 'middle'}
            >
              {k === marks.length - 1 ? 'now' : formatClock(at, zone).slice(0, 5)}
            </text>
          </g>
        ))}
        {servers.map((server, row) => (
          <g key={server}>
            <text x={0} y={row * rowHeight + 15}>
              {server.length > letters ? `${server.slice(0, letters - 1)}…` : server}
            </text>
            {started
              .filter((job) => job.server_id === server)
              .map((job) => (
                <Bar
                  key={job.id}
                  job={job}
                  x={x(Date.parse(job.started_at!))}
                  end={x(job.finished_at ? Date.parse(job.finished_at) : now)}
                  y={row * rowHeight + 3}
                  now={now}
                />
              ))}
          </g>
        ))}
      </svg>
    </figure>
  );
}

function Bar({ job, x, end, y, now }: { job: Job; x: number; end: number; y: number; now: number }) {
  const { label, tone } = statusLook(job.status, job.cancel_requested_at);
  const took = formatDuration(secondsBetween(job.started_at!, job.finished_at ?? now));
  const name = `${job.app_id} on ${job.server_id}: ${label}, ${took}`;
  return (
    <Link to="/jobs/$id" params={{ id: job.id }} aria-label={name}>
      <rect className={`is-${tone}`} x={x} y={y} width={Math.max(5, end - x)} height={rowHeight - 6} rx={3}>
        <title>{name}</title>
      </rect>
    </Link>
  );
}
