// The overview and the audit trail.
import { iso, seeded } from './random.mjs';

const hour = 3_600_000;
const bad = ['failed', 'timed_out', 'rejected', 'lost'];

function quantile(sorted, share) {
  return sorted.length === 0 ? null : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

export function overview(jobs, servers, since) {
  const from = since ? Date.parse(since) : Date.now() - 24 * hour;
  const recent = jobs.all.map((job) => job.public).filter((job) => Date.parse(job.created_at) >= from);
  const random = seeded(3);
  const byHour = [];
  const depth = [];
  for (let at = Math.floor(from / hour) * hour; at <= Date.now(); at += hour) {
    const own = recent.filter((job) => Math.floor(Date.parse(job.created_at) / hour) * hour === at);
    const count = (test) => own.filter(test).length;
    byHour.push({
      at: iso(at),
      succeeded: count((job) => job.status === 'succeeded'),
      failed: count((job) => bad.includes(job.status)),
      other: count((job) => !bad.includes(job.status) && job.status !== 'succeeded'),
    });
    depth.push({ at: iso(at), depth: Math.floor(random() ** 3 * 9) });
  }
  depth.at(-1).depth = jobs.all.filter((job) => job.public.waiting_for !== null && !job.isOver).length;
  const failures = {};
  for (const job of recent) {
    if (!bad.includes(job.status)) continue;
    const kind = job.status === 'timed_out' ? 'timed_out' : (job.failure_kind ?? 'unknown');
    failures[kind] = (failures[kind] ?? 0) + 1;
  }
  const over = recent.filter((job) => job.finished_at && job.started_at);
  const seconds = over
    .map((job) => (Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000)
    .sort((a, b) => a - b);
  const agents = { online: 0, unreachable: 0, never_seen: 0, drained: 0 };
  for (const { status } of servers) agents[status] += 1;
  const succeeded = over.filter((job) => job.status === 'succeeded').length;
  return {
    success_rate: over.length ? succeeded / over.length : null,
    jobs_by_hour: byHour,
    failures_by_kind: failures,
    queue_depth: depth,
    duration_seconds: { p50: quantile(seconds, 0.5), p90: quantile(seconds, 0.9) },
    agents,
  };
}

export function auditTrail(jobs) {
  const now = Date.now();
  const entry = (minutes, user, action, object, detail = {}) => ({
    at: iso(now - minutes * 60_000),
    user,
    action,
    object,
    detail: JSON.stringify(detail),
    ip: '192.0.2.7',
  });
  const entries = [
    entry(1, 'ann', 'session.created', 'ann', { address: '192.0.2.7' }),
    entry(14, 'ann', 'server.drain_requested', 'db-02'),
    entry(95, 'ben', 'session.refused', 'ben', { address: '192.0.2.7' }),
    entry(600, 'ann', 'api_token.created', 'ci', { scopes: ['read', 'jobs'] }),
    entry(1500, 'ann', 'user.changed', 'carl', { disabled: true }),
    ...jobs.all.flatMap((job) => job.audit),
  ];
  entries.sort((a, b) => b.at.localeCompare(a.at));
  return entries.map((each, index) => ({ ...each, id: String(entries.length - index) }));
}
