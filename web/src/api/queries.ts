// What is read from the panel, by name, so that pages share what they have read.
import { answerOf, client, type Schema, setCsrfToken } from './client';

export type Job = Schema['Job'];
export type Server = Schema['Server'];
export type Installer = Schema['Installer'];
export type InstallerSummary = Schema['InstallerSummary'];
export type Preferences = Schema['Preferences'];
export type Session = Schema['Session'];
export type JobFilter = {
  app_id?: string;
  server_id?: string;
  status?: Schema['Status'][];
  user?: string;
  action?: Schema['Action'];
  since?: string;
  until?: string;
};

type Context = { signal: AbortSignal };

/** All pages of a list that is small enough to be held whole. */
async function everyPage<T>(
  read: (cursor?: string) => Promise<{ items: T[]; next_cursor: string | null }>,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < 50; pages += 1) {
    const page = await read(cursor);
    items.push(...page.items);
    if (page.next_cursor === null) break;
    cursor = page.next_cursor;
  }
  return items;
}

export const queries = {
  session: () => ({
    queryKey: ['session'],
    queryFn: async ({ signal }: Context) => {
      const session = await answerOf(client.GET('/api/session', { signal }));
      setCsrfToken(session.csrf_token);
      return session;
    },
  }),
  preferences: () => ({
    queryKey: ['preferences'],
    queryFn: ({ signal }: Context) => answerOf(client.GET('/api/session/preferences', { signal })),
  }),
  health: () => ({
    queryKey: ['health'],
    queryFn: ({ signal }: Context) => answerOf(client.GET('/api/health', { signal })),
  }),
  installers: () => ({
    queryKey: ['installers'],
    queryFn: ({ signal }: Context) =>
      everyPage((cursor) =>
        answerOf(client.GET('/api/installers', { params: { query: { limit: 200, cursor } }, signal })),
      ),
  }),
  installer: (id: string) => ({
    queryKey: ['installer', id],
    queryFn: ({ signal }: Context) =>
      answerOf(client.GET('/api/installers/{id}', { params: { path: { id } }, signal })),
  }),
  servers: () => ({
    queryKey: ['servers'],
    queryFn: ({ signal }: Context) =>
      everyPage((cursor) =>
        answerOf(client.GET('/api/servers', { params: { query: { limit: 200, cursor } }, signal })),
      ),
  }),
  server: (id: string) => ({
    queryKey: ['server', id],
    queryFn: ({ signal }: Context) =>
      answerOf(client.GET('/api/servers/{id}', { params: { path: { id } }, signal })),
  }),
  applications: (id: string) => ({
    queryKey: ['applications', id],
    queryFn: ({ signal }: Context) =>
      answerOf(client.GET('/api/servers/{id}/applications', { params: { path: { id } }, signal })),
  }),
  jobs: (filter: JobFilter, limit: number, cursor?: string) => ({
    queryKey: ['jobs', filter, limit, cursor ?? ''],
    queryFn: ({ signal }: Context) =>
      answerOf(client.GET('/api/jobs', { params: { query: { ...filter, limit, cursor } }, signal })),
  }),
  jobCounts: (filter: JobFilter) => ({
    queryKey: ['job-counts', filter],
    queryFn: ({ signal }: Context) =>
      answerOf(client.GET('/api/jobs/counts', { params: { query: filter }, signal })),
  }),
  job: (id: string) => ({
    queryKey: ['job', id],
    queryFn: ({ signal }: Context) =>
      answerOf(client.GET('/api/jobs/{id}', { params: { path: { id } }, signal })),
  }),
  jobAudit: (id: string) => ({
    queryKey: ['job-audit', id],
    queryFn: ({ signal }: Context) =>
      answerOf(client.GET('/api/jobs/{id}/audit', { params: { path: { id } }, signal })),
  }),
  overview: (since: string) => ({
    queryKey: ['overview', since],
    queryFn: ({ signal }: Context) =>
      answerOf(client.GET('/api/overview', { params: { query: { since } }, signal })),
  }),
  audit: (filter: { user?: string; action?: string; since?: string; until?: string }, cursor?: string) => ({
    queryKey: ['audit', filter, cursor ?? ''],
    queryFn: ({ signal }: Context) =>
      answerOf(client.GET('/api/audit', { params: { query: { ...filter, cursor, limit: 50 } }, signal })),
  }),
  users: () => ({
    queryKey: ['users'],
    queryFn: ({ signal }: Context) => answerOf(client.GET('/api/users', { signal })),
  }),
  tokens: () => ({
    queryKey: ['tokens'],
    queryFn: ({ signal }: Context) => answerOf(client.GET('/api/tokens', { signal })),
  }),
};
