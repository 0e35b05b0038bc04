// What stands where something is not there: not yet, not any more, or not at all.
import {
  Button,
  EmptyState,
  EmptyStateActions,
  EmptyStateBody,
  EmptyStateFooter,
  Skeleton,
} from '@patternfly/react-core';
import ExclamationCircleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon';
import PluggedIcon from '@patternfly/react-icons/dist/esm/icons/plug-icon';
import SearchIcon from '@patternfly/react-icons/dist/esm/icons/search-icon';
import type { ComponentType, ReactNode } from 'react';

interface NothingProps {
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
  icon?: ComponentType;
  tone?: 'danger' | 'warning';
  /** It stands for the whole page, so that its title is the page's. */
  wholePage?: boolean;
}

export function Nothing({
  title,
  children,
  actions,
  icon = SearchIcon,
  tone,
  wholePage = false,
}: NothingProps) {
  return (
    <EmptyState
      titleText={title}
      headingLevel={wholePage ? 'h1' : 'h2'}
      icon={icon}
      status={tone}
      variant="sm"
    >
      {children && <EmptyStateBody>{children}</EmptyStateBody>}
      {actions && (
        <EmptyStateFooter>
          <EmptyStateActions>{actions}</EmptyStateActions>
        </EmptyStateFooter>
      )}
    </EmptyState>
  );
}

export const statusOf = (error: unknown): number | null =>
  typeof error === 'object' && error !== null && 'status' in error ? Number(error.status) : null;

/** What went wrong in a sentence, and how to go on. */
interface ErrorStateProps {
  error: Error;
  retry?: () => void;
  wholePage?: boolean;
}

export function ErrorState({ error, retry, wholePage }: ErrorStateProps) {
  const status = statusOf(error);
  const titles: Record<number, string> = {
    403: 'You may not see this',
    404: 'This does not exist',
    503: 'The panel cannot read its data now',
  };
  const title =
    status === null ? 'The panel does not answer' : (titles[status] ?? 'The panel could not do this');
  return (
    <div role="alert">
      <Nothing
        title={title}
        wholePage={wholePage}
        icon={status === null ? PluggedIcon : ExclamationCircleIcon}
        tone={status === 404 ? undefined : 'danger'}
        actions={
          retry && (
            <Button variant="secondary" onClick={retry}>
              Try again
            </Button>
          )
        }
      >
        {error.message}
      </Nothing>
    </div>
  );
}

export function LoadingRows({ label, rows = 5 }: { label: string; rows?: number }) {
  return (
    <div className="loading-rows" role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike
        <Skeleton key={row} height="2.25rem" screenreaderText={row === 0 ? label : undefined} />
      ))}
    </div>
  );
}
