// Bad luck has pages of its own.
import { Button, PageSection } from '@patternfly/react-core';
import PluggedIcon from '@patternfly/react-icons/dist/esm/icons/plug-icon';
import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect } from 'react';
import { usePageTitle } from '@/framework/page';
import { Nothing } from '@/framework/states';

export function NotFoundPage() {
  usePageTitle('Page unknown');
  return (
    <PageSection isFilled hasBodyWrapper={false}>
      <Nothing
        wholePage
        title="There is no page at this address"
        actions={
          <>
            <Link to="/catalogue" className="pf-v6-c-button pf-m-primary">
              Open the catalogue
            </Link>
            <Link to="/jobs" className="pf-v6-c-button pf-m-link">
              Look at the jobs
            </Link>
          </>
        }
      >
        The address may be mistyped, or what was here is gone. Ctrl+K searches everything.
      </Nothing>
    </PageSection>
  );
}

export function PageFailed({ error }: { error: unknown }) {
  usePageTitle('Something broke');
  const reason = error instanceof Error ? error.message : String(error);
  const outdated = /import|fetch|chunk/i.test(reason);
  return (
    <PageSection isFilled hasBodyWrapper={false}>
      <div role="alert">
        <Nothing
          wholePage
          title={outdated ? 'This page could not be loaded' : 'This page broke'}
          tone="danger"
          actions={<Button onClick={() => location.reload()}>Load it again</Button>}
        >
          {outdated ? 'The panel may have been updated or be away.' : `The reason: ${reason}`} What you typed
          into forms is kept.
        </Nothing>
      </div>
    </PageSection>
  );
}

/** The panel is gone before anything could be shown. It is asked again every few seconds. */
export function PanelGone() {
  usePageTitle('Panel away');
  const cache = useQueryClient();
  useEffect(() => {
    const timer = setInterval(() => void cache.refetchQueries({ queryKey: ['session'] }), 3000);
    return () => clearInterval(timer);
  }, [cache]);
  return (
    <main className="whole-page" role="alert">
      <Nothing
        wholePage
        title="The panel does not answer"
        tone="warning"
        icon={PluggedIcon}
        actions={
          <Button onClick={() => void cache.refetchQueries({ queryKey: ['session'] })}>Try now</Button>
        }
      >
        It is asked again every three seconds, and this page goes on by itself. Jobs on the servers run on
        without it.
      </Nothing>
    </main>
  );
}
