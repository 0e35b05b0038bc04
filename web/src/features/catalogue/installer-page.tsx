import { Alert, PageSection } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams, useSearch } from '@tanstack/react-router';
import { isStatus } from '@/api/problem';
import { queries } from '@/api/queries';
import { usePageTitle } from '@/framework/page';
import { ErrorState, LoadingRows, Nothing } from '@/framework/states';
import { InstallForm } from './install-form';
import { InvalidInstaller } from './invalid-installer';

export function InstallerPage() {
  const { id } = useParams({ from: '/catalogue/$id' });
  const { from, action = 'install', server } = useSearch({ from: '/catalogue/$id' });
  const installer = useQuery({ ...queries.installer(id), staleTime: 30_000 });
  const earlier = useQuery({ ...queries.job(from ?? ''), enabled: from !== undefined });
  usePageTitle(installer.data?.name ?? id);

  if (isStatus(installer.error, 404)) return <Unknown id={id} />;
  if (installer.error && !installer.data)
    return (
      <Filled>
        <ErrorState wholePage error={installer.error} retry={() => void installer.refetch()} />
      </Filled>
    );
  if (!installer.data || (from !== undefined && earlier.isPending))
    return (
      <Filled>
        <LoadingRows label="Loading the installer" />
      </Filled>
    );
  if (!installer.data.valid) return <InvalidInstaller installer={installer.data} />;
  return (
    <>
      {earlier.error && (
        <Filled>
          <Alert
            isInline
            variant="warning"
            title="The earlier job cannot be read, so the form begins empty"
            component="p"
          />
        </Filled>
      )}
      <InstallForm
        key={`${id} ${action} ${from ?? ''}`}
        installer={installer.data}
        action={action}
        earlier={earlier.data}
        server={server}
      />
    </>
  );
}

function Filled({ children }: { children: React.ReactNode }) {
  return <PageSection hasBodyWrapper={false}>{children}</PageSection>;
}

function Unknown({ id }: { id: string }) {
  return (
    <Filled>
      <Nothing
        wholePage
        title="There is no such installer"
        actions={
          <Link to="/catalogue" className="pf-v6-c-button pf-m-primary">
            Open the catalogue
          </Link>
        }
      >
        Nothing in the catalogue is called “{id}”. It may have been removed.
      </Nothing>
    </Filled>
  );
}
