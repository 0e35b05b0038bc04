import { Alert, Button, FormSelect, FormSelectOption, PageSection, TextInput } from '@patternfly/react-core';
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { answerOf, client, type Schema } from '@/api/client';
import { queries } from '@/api/queries';
import { countOf, formatDetail } from '@/core/format';
import { PageHeader, usePageTitle } from '@/framework/page';
import { type Column, Pages, PageTable } from '@/framework/page-table';
import { Nothing } from '@/framework/states';
import { Time } from '@/framework/time';

type Entry = Schema['AuditEntry'];

const columns: Column<Entry>[] = [
  { label: 'When', narrow: true, render: (entry) => <Time at={entry.at} /> },
  { label: 'Who', render: (entry) => <span className="wrap-anywhere">{entry.user}</span> },
  { label: 'What', narrow: true, render: (entry) => <code>{entry.action}</code> },
  { label: 'To what', render: (entry) => <span className="wrap-anywhere">{entry.object}</span> },
  { label: 'Detail', render: (entry) => <span className="wrap-anywhere">{formatDetail(entry.detail)}</span> },
  { label: 'From', narrow: true, render: (entry) => entry.ip ?? <span className="subtle">the panel</span> },
];

const actions = [
  'job.created',
  'job.cancel_requested',
  'job.retry_now_requested',
  'jobs.removed',
  'logs.removed',
  'session.created',
  'session.refused',
  'server.drain_requested',
  'server.resume_requested',
  'enrolment_token.created',
  'api_token.created',
  'api_token.revoked',
  'user.created',
  'user.changed',
  'user.removed',
  'user.password_set',
];

export function AuditPage() {
  usePageTitle('Audit');
  const search = useSearch({ from: '/audit' });
  const navigate = useNavigate({ from: '/audit' });
  const { user, action, page } = search;
  const { data, error, refetch } = useQuery({
    ...queries.audit({ user, action }, page),
    placeholderData: keepPreviousData,
  });
  const set = (change: typeof search) =>
    void navigate({
      search: (before) => ({ ...before, page: undefined, ...change }),
      replace: 'user' in change,
    });
  return (
    <>
      <PageHeader
        title="Audit"
        description="Who did what, newest first. Each entry is chained to the one before, so that none can be changed or removed unnoticed."
      >
        <Verify />
      </PageHeader>
      <PageSection isFilled hasBodyWrapper={false}>
        <div className="tools">
          <TextInput
            className="short-field"
            aria-label="User"
            placeholder="Any user"
            value={user ?? ''}
            onChange={(_event, typed) => set({ user: typed || undefined })}
          />
          <FormSelect
            className="medium-field"
            aria-label="What was done"
            value={action ?? ''}
            onChange={(_event, chosen) => set({ action: chosen || undefined })}
          >
            <FormSelectOption value="" label="Anything" />
            {actions.map((each) => (
              <FormSelectOption key={each} value={each} label={each} />
            ))}
          </FormSelect>
        </div>
        <PageTable
          label="Audit trail"
          columns={columns}
          rows={data?.items}
          rowId={({ id }) => id}
          rowName={(entry) => `${entry.action} by ${entry.user}`}
          error={error}
          retry={() => void refetch()}
          empty={<Nothing title="No entry matches">Change the filters to see more.</Nothing>}
          pages={
            <Pages
              shown={countOf(data?.items.length ?? 0, 'entry', 'entries')}
              back={page === undefined ? null : () => set({})}
              forward={data?.next_cursor ? () => set({ page: data.next_cursor ?? undefined }) : null}
            />
          }
        />
      </PageSection>
    </>
  );
}

function Verify() {
  const verify = useMutation({ mutationFn: () => answerOf(client.POST('/api/audit/verify')) });
  const { data, error } = verify;
  return (
    <div className="gap-above" role="status">
      <Button
        variant="secondary"
        onClick={() => verify.mutate()}
        isLoading={verify.isPending}
        isDisabled={verify.isPending}
      >
        Verify the chain
      </Button>
      {error && (
        <Alert
          isInline
          variant="danger"
          title="The chain could not be checked"
          component="h2"
          className="gap-above"
        >
          {error.message}
        </Alert>
      )}
      {data?.ok && (
        <Alert
          isInline
          variant="success"
          title={`All ${countOf(data.entries, 'entry', 'entries')} are as they were written`}
          component="h2"
          className="gap-above"
        />
      )}
      {data && !data.ok && (
        <Alert
          isInline
          variant="danger"
          title={`Entry ${data.first_bad?.id} is not as it was written`}
          component="h2"
          className="gap-above"
        >
          {data.first_bad?.reason}. Entries after it cannot be trusted either. Compare with a backup.
        </Alert>
      )}
    </div>
  );
}
