import { Badge, Nav, NavItem, NavList } from '@patternfly/react-core';
import ChartIcon from '@patternfly/react-icons/dist/esm/icons/chart-line-icon';
import CogIcon from '@patternfly/react-icons/dist/esm/icons/cog-icon';
import ListIcon from '@patternfly/react-icons/dist/esm/icons/list-icon';
import ServerIcon from '@patternfly/react-icons/dist/esm/icons/server-icon';
import TasksIcon from '@patternfly/react-icons/dist/esm/icons/tasks-icon';
import BoxesIcon from '@patternfly/react-icons/dist/esm/icons/th-large-icon';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useIsAdministrator, useRefreshOn } from '@/api/hooks';
import { queries } from '@/api/queries';

const pages = [
  { to: '/overview', label: 'Overview', icon: ChartIcon },
  { to: '/catalogue', label: 'Catalogue', icon: BoxesIcon },
  { to: '/jobs', label: 'Jobs', icon: TasksIcon },
  { to: '/servers', label: 'Servers', icon: ServerIcon },
  { to: '/audit', label: 'Audit', icon: ListIcon, forAdministrators: true },
  { to: '/settings', label: 'Settings', icon: CogIcon },
] as const;

export function usePages() {
  const administrator = useIsAdministrator();
  return pages.filter((page) => administrator || !('forAdministrators' in page));
}

export function Navigation({ path }: { path: string }) {
  useRefreshOn('jobs', ['job-counts']);
  const { data } = useQuery(queries.jobCounts({}));
  const { running = 0, accepted = 0, retry_wait: retrying = 0 } = data?.by_status ?? {};
  const active = running + accepted + retrying;
  return (
    <Nav aria-label="Main">
      <NavList>
        {usePages().map(({ to, label, icon: Icon }) => (
          <NavItem key={to} itemId={to} isActive={path === to || path.startsWith(`${to}/`)}>
            <Link to={to}>
              <Icon className="nav-icon" />
              {label}
              {to === '/jobs' && active > 0 && <Badge screenReaderText="running">{active}</Badge>}
            </Link>
          </NavItem>
        ))}
      </NavList>
    </Nav>
  );
}
