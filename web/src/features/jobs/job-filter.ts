// From the page's address to the API's filter and back.
import type { JobFilter } from '@/api/queries';
import type { JobStatus } from '@/core/job-status';

export interface JobSearch {
  app?: string;
  server?: string;
  status?: JobStatus[];
  user?: string;
  action?: JobFilter['action'];
  since?: string;
  until?: string;
  page?: string;
}

export const periods = {
  '1h': 'Last hour',
  '24h': 'Last 24 hours',
  '7d': 'Last 7 days',
  '30d': 'Last 30 days',
} as const;
const hours: Record<keyof typeof periods, number> = { '1h': 1, '24h': 24, '7d': 168, '30d': 720 };

/** A period counts from the last full minute, so that the same question stays the same for a while. */
function sinceTime(since: string | undefined, now: number): string | undefined {
  if (since === undefined || !(since in hours)) return since;
  const minute = Math.floor(now / 60_000) * 60_000;
  return new Date(minute - hours[since as keyof typeof periods] * 3_600_000).toISOString();
}

/** Members that are not asked for are left out: `undefined` would be another question to the cache. */
export function filterOf(
  { app, server, status, user, action, since, until }: JobSearch,
  now: number,
): JobFilter {
  const filter: JobFilter = {
    app_id: app,
    server_id: server,
    status,
    user,
    action,
    since: sinceTime(since, now),
    until,
  };
  return JSON.parse(JSON.stringify(filter));
}

export const isFiltered = (search: JobSearch) =>
  Object.entries(search).some(([name, value]) => name !== 'page' && value !== undefined);
