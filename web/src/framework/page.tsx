// What each page begins with.
import { Breadcrumb, BreadcrumbItem, PageSection, Title } from '@patternfly/react-core';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useEffect, useSyncExternalStore } from 'react';

export function usePageTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · Provisioning`;
  }, [title]);
}

function onTitle(changed: () => void) {
  const observer = new MutationObserver(changed);
  observer.observe(document.head.querySelector('title')!, { childList: true });
  return () => observer.disconnect();
}

/** The title as it is, also after a page set it. */
export const useTitle = () => useSyncExternalStore(onTitle, () => document.title);

interface PageHeaderProps {
  title: string;
  parent?: { to: '/jobs' | '/catalogue' | '/servers'; label: string };
  /** Shown in the breadcrumb, where the title is too long. */
  short?: string;
  description?: ReactNode;
  status?: ReactNode;
  actions?: ReactNode;
  children?: ReactNode;
}

export function PageHeader({
  title,
  parent,
  short,
  description,
  status,
  actions,
  children,
}: PageHeaderProps) {
  return (
    <PageSection className="page-header" hasBodyWrapper={false}>
      {parent && (
        <Breadcrumb>
          <BreadcrumbItem
            render={({ className }) => (
              <Link to={parent.to} className={className}>
                {parent.label}
              </Link>
            )}
          />
          <BreadcrumbItem isActive>{short ?? title}</BreadcrumbItem>
        </Breadcrumb>
      )}
      <div className="page-title">
        <Title headingLevel="h1">{title}</Title>
        {status}
        {actions && <div className="page-actions">{actions}</div>}
      </div>
      {description && <div className="page-description">{description}</div>}
      {children}
    </PageSection>
  );
}
