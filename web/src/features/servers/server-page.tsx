import { Alert, Button, PageSection } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useRefreshOn } from '@/api/hooks';
import { isStatus } from '@/api/problem';
import { queries, type Server } from '@/api/queries';
import { PageHeader, usePageTitle } from '@/framework/page';
import { ErrorState, LoadingRows, Nothing } from '@/framework/states';
import { StatusLabel } from '@/framework/status-label';
import { Time } from '@/framework/time';
import { Drain } from './drain';
import { EnrolDialog } from './enrol-dialog';
import { Applications, History, ServerFacts } from './server-parts';
import { serverLooks } from './server-status';

export function ServerPage() {
  const { id } = useParams({ from: '/servers/$id' });
  const { data, error, refetch } = useQuery({ ...queries.server(id), refetchInterval: 10_000 });
  usePageTitle(id);
  useRefreshOn('servers', ['server']);
  useRefreshOn('jobs', ['jobs', 'applications']);
  if (data) return <LoadedServer server={data} />;
  return (
    <PageSection isFilled hasBodyWrapper={false}>
      {!error && <LoadingRows label="Loading the server" />}
      {isStatus(error, 404) && (
        <Nothing
          wholePage
          title="There is no such server"
          actions={
            <Link to="/servers" className="pf-v6-c-button pf-m-primary">
              Look at all servers
            </Link>
          }
        >
          Nothing is enrolled under the name “{id}”.
        </Nothing>
      )}
      {error && !isStatus(error, 404) && <ErrorState wholePage error={error} retry={() => void refetch()} />}
    </PageSection>
  );
}

function LoadedServer({ server }: { server: Server }) {
  const [dialog, setDialog] = useState<'drain' | 'enrol' | null>(null);
  const close = () => setDialog(null);
  const { id, status } = server;
  return (
    <>
      <PageHeader
        title={id}
        parent={{ to: '/servers', label: 'Servers' }}
        status={<StatusLabel {...serverLooks[status]} large />}
        actions={
          <>
            <Link to="/jobs" search={{ server: id }} className="pf-v6-c-button pf-m-secondary">
              All its jobs
            </Link>
            {status === 'never_seen' && <Button onClick={() => setDialog('enrol')}>Enrol it</Button>}
            {(status === 'online' || status === 'drained') && (
              <Button variant="secondary" onClick={() => setDialog('drain')}>
                {status === 'drained' ? 'Resume' : 'Drain'}
              </Button>
            )}
          </>
        }
      >
        <p className="facts">
          <span>
            Last heard of{' '}
            <b>
              <Time at={server.last_seen_at} relative />
            </b>
          </span>
          <span>
            Agent <b>{server.agent_version ?? 'not known'}</b>
          </span>
          <span>
            <b>{server.running_jobs}</b> running, <b>{server.queue_depth}</b> waiting
          </span>
        </p>
        <div className="job-notes">
          {status === 'unreachable' && (
            <Alert isInline variant="warning" title="Its agent is not heard of" component="h2">
              Jobs for it wait until it is back; those that run there go on. Look whether the server is up,
              and at <code>systemctl status provisioning-agent</code> there.
            </Alert>
          )}
          {server.warnings.map((warning) => (
            <Alert key={warning} isInline variant="warning" title={warning} component="h2" />
          ))}
        </div>
      </PageHeader>
      <PageSection isFilled hasBodyWrapper={false}>
        <div className="form-page">
          <div className="form-groups">
            <Applications id={id} />
            <History id={id} />
          </div>
          <ServerFacts server={server} />
        </div>
      </PageSection>
      {dialog === 'drain' && <Drain server={server} close={close} />}
      {dialog === 'enrol' && <EnrolDialog id={id} close={close} />}
    </>
  );
}
