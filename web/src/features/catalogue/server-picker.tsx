// One or several servers, each with whether the installer can run there, and why not.
import { Button, Checkbox, SearchInput } from '@patternfly/react-core';
import BanIcon from '@patternfly/react-icons/dist/esm/icons/ban-icon';
import WarningIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { answerOf, client, type Schema } from '@/api/client';
import { queries, type Server } from '@/api/queries';
import type { Action } from '@/core/form/validate';
import { countOf } from '@/core/format';
import { Field } from '@/framework/page-form';
import { ErrorState, LoadingRows, Nothing } from '@/framework/states';
import { serversId } from './use-install-form';

type Verdict = Schema['PreflightVerdict'];

function usePreflight(app: string, action: Action, servers: Server[] | undefined) {
  const ids = (servers ?? []).map(({ id }) => id);
  const { data } = useQuery({
    queryKey: ['preflight', app, action, ids],
    queryFn: () =>
      answerOf(
        client.POST('/api/installers/{id}/preflight', {
          params: { path: { id: app } },
          body: { action, servers: ids.slice(0, 200) },
        }),
      ),
    enabled: ids.length > 0,
    staleTime: 15_000,
  });
  return new Map((data?.items ?? []).map((verdict) => [verdict.server_id, verdict]));
}

interface PickerProps {
  app: string;
  action: Action;
  chosen: string[];
  choose: (servers: string[]) => void;
  error?: string;
}

export function ServerPicker({ app, action, chosen, choose, error }: PickerProps) {
  const { data: servers, error: failure, refetch } = useQuery(queries.servers());
  const verdicts = usePreflight(app, action, servers);
  const [query, setQuery] = useState('');
  if (failure && !servers) return <ErrorState error={failure} retry={() => void refetch()} />;
  if (!servers) return <LoadingRows label="Loading the servers" rows={3} />;
  if (servers.length === 0) return <NoServers />;
  const fits = (id: string) => verdicts.get(id)?.suitable !== false;
  const shown = servers
    .filter(({ id }) => id.toLowerCase().includes(query.toLowerCase()))
    .toSorted((a, b) => Number(fits(b.id)) - Number(fits(a.id)) || a.id.localeCompare(b.id));
  const toggle = (id: string, on: boolean) =>
    choose(on ? [...chosen, id] : chosen.filter((each) => each !== id));
  return (
    <Field
      id={serversId}
      label="Servers"
      required
      group
      error={error}
      extra={<Chosen chosen={chosen} clear={() => choose([])} />}
    >
      {servers.length > 8 && (
        <SearchInput
          className="gap-below"
          aria-label="Search the servers"
          placeholder="Search the servers"
          value={query}
          onChange={(_event, typed) => setQuery(typed)}
          onClear={() => setQuery('')}
        />
      )}
      <ul className="server-list" id={serversId} tabIndex={-1}>
        {shown.map((server) => (
          <ServerOption
            key={server.id}
            server={server}
            verdict={verdicts.get(server.id)}
            chosen={chosen.includes(server.id)}
            toggle={(on) => toggle(server.id, on)}
          />
        ))}
      </ul>
    </Field>
  );
}

function NoServers() {
  return (
    <Nothing
      title="There is no server yet"
      actions={
        <Link to="/servers" className="pf-v6-c-button pf-m-primary">
          Enrol a server
        </Link>
      }
    >
      One command on the server lets it take up jobs.
    </Nothing>
  );
}

function Chosen({ chosen, clear }: { chosen: string[]; clear: () => void }) {
  if (chosen.length === 0) return null;
  return (
    <>
      {countOf(chosen.length, 'server')} chosen{' '}
      <Button variant="link" isInline onClick={clear}>
        None
      </Button>
    </>
  );
}

interface OptionProps {
  server: Server;
  verdict: Verdict | undefined;
  chosen: boolean;
  toggle: (on: boolean) => void;
}

function ServerOption({ server: { id, os }, verdict, chosen, toggle }: OptionProps) {
  const unsuitable = verdict?.suitable === false;
  const reasonsId = `server-${id}-reasons`;
  const reasons = verdict?.reasons ?? [];
  return (
    <li>
      <label className="server-option" htmlFor={`server-${id}`}>
        <Checkbox
          id={`server-${id}`}
          aria-label={id}
          aria-describedby={reasons.length > 0 ? reasonsId : undefined}
          isChecked={chosen}
          isDisabled={unsuitable && !chosen}
          onChange={(_event, on) => toggle(on)}
        />
        <b>{id}</b>
        <span className="subtle small">{os?.pretty_name ?? ''}</span>
        {reasons.length > 0 && (
          <span className="server-reasons" id={reasonsId}>
            {reasons.map(({ code, message }) => (
              <span key={code} className={unsuitable ? 'reason is-bad' : 'reason is-note'}>
                {unsuitable ? <BanIcon /> : <WarningIcon />} {unsuitable ? 'Not suitable:' : 'Note:'}{' '}
                {message}
              </span>
            ))}
          </span>
        )}
      </label>
    </li>
  );
}
