// Every page has its address, and each its own chunk.
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import { allStatuses, type JobStatus } from '@/core/job-status';
import { NotFoundPage, PageFailed } from './fallbacks';
import { Frame } from './frame';

type Raw = Record<string, unknown>;
const text = (value: unknown) =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;
const statuses = (value: unknown): JobStatus[] | undefined => {
  const known = [value].flat().filter((each): each is JobStatus => allStatuses.includes(each as JobStatus));
  return known.length > 0 ? known : undefined;
};
const actions = ['install', 'uninstall', 'upgrade', 'check'] as const;
const action = (value: unknown) => actions.find((each) => each === value);

export interface JobSearch {
  app?: string;
  server?: string;
  status?: JobStatus[];
  user?: string;
  action?: (typeof actions)[number];
  since?: string;
  until?: string;
  page?: string;
}

const root = createRootRoute({
  component: Frame,
  notFoundComponent: NotFoundPage,
  errorComponent: PageFailed,
});

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/overview' });
  },
});
const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  beforeLoad: () => {
    throw redirect({ to: '/overview' });
  },
});
const overview = createRoute({
  getParentRoute: () => root,
  path: '/overview',
  validateSearch: (raw: Raw): { hours?: number } => ({ hours: [24, 168, 720].find((n) => n === raw.hours) }),
  component: lazyRouteComponent(() => import('@/features/overview/overview-page'), 'OverviewPage'),
});
const catalogue = createRoute({
  getParentRoute: () => root,
  path: '/catalogue',
  validateSearch: (raw: Raw): { q?: string; category?: string; sort?: string } => ({
    q: text(raw.q),
    category: text(raw.category),
    sort: text(raw.sort),
  }),
  component: lazyRouteComponent(() => import('@/features/catalogue/catalogue-page'), 'CataloguePage'),
});
const installer = createRoute({
  getParentRoute: () => root,
  path: '/catalogue/$id',
  validateSearch: (raw: Raw): { from?: string; action?: (typeof actions)[number]; server?: string } => ({
    from: text(raw.from),
    action: action(raw.action),
    server: text(raw.server),
  }),
  component: lazyRouteComponent(() => import('@/features/catalogue/installer-page'), 'InstallerPage'),
});
const jobs = createRoute({
  getParentRoute: () => root,
  path: '/jobs',
  validateSearch: (raw: Raw): JobSearch => ({
    app: text(raw.app),
    server: text(raw.server),
    status: statuses(raw.status),
    user: text(raw.user),
    action: action(raw.action),
    since: text(raw.since),
    until: text(raw.until),
    page: text(raw.page),
  }),
  component: lazyRouteComponent(() => import('@/features/jobs/jobs-page'), 'JobsPage'),
});
const job = createRoute({
  getParentRoute: () => root,
  path: '/jobs/$id',
  validateSearch: (raw: Raw): { attempt?: number; tab?: string } => ({
    attempt: Number.isInteger(raw.attempt) ? (raw.attempt as number) : undefined,
    tab: text(raw.tab),
  }),
  component: lazyRouteComponent(() => import('@/features/jobs/job-page'), 'JobPage'),
});
const servers = createRoute({
  getParentRoute: () => root,
  path: '/servers',
  validateSearch: (raw: Raw): { q?: string; status?: string } => ({
    q: text(raw.q),
    status: text(raw.status),
  }),
  component: lazyRouteComponent(() => import('@/features/servers/servers-page'), 'ServersPage'),
});
const server = createRoute({
  getParentRoute: () => root,
  path: '/servers/$id',
  component: lazyRouteComponent(() => import('@/features/servers/server-page'), 'ServerPage'),
});
const audit = createRoute({
  getParentRoute: () => root,
  path: '/audit',
  validateSearch: (raw: Raw): { user?: string; action?: string; page?: string } => ({
    user: text(raw.user),
    action: text(raw.action),
    page: text(raw.page),
  }),
  component: lazyRouteComponent(() => import('@/features/audit/audit-page'), 'AuditPage'),
});
const settings = createRoute({
  getParentRoute: () => root,
  path: '/settings',
  validateSearch: (raw: Raw): { tab?: string } => ({ tab: text(raw.tab) }),
  component: lazyRouteComponent(() => import('@/features/settings/settings-page'), 'SettingsPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([
    home,
    login,
    overview,
    catalogue,
    installer,
    jobs,
    job,
    servers,
    server,
    audit,
    settings,
  ]),
  defaultPreload: 'intent',
  scrollRestoration: false,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
