import { Button, FormSelect, FormSelectOption, TextInput } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { queries } from '@/api/queries';
import { allStatuses, type JobStatus, jobStatuses } from '@/core/job-status';
import { isFiltered, type JobSearch, periods } from './job-filter';

export interface FilterProps {
  search: JobSearch;
  set: (change: Partial<JobSearch>) => void;
}

interface ChoiceProps {
  label: string;
  any: string;
  value: string | undefined;
  choices: [value: string, label: string][];
  choose: (value: string | undefined) => void;
}

function Choice({ label, any, value, choices, choose }: ChoiceProps) {
  return (
    <FormSelect
      className="short-field"
      aria-label={label}
      value={value ?? ''}
      onChange={(_event, chosen) => choose(chosen || undefined)}
    >
      <FormSelectOption value="" label={any} />
      {choices.map(([key, text]) => (
        <FormSelectOption key={key} value={key} label={text} />
      ))}
    </FormSelect>
  );
}

const actionChoices: [string, string][] = [
  ['install', 'Install'],
  ['upgrade', 'Upgrade'],
  ['check', 'Check'],
  ['uninstall', 'Uninstall'],
];

export function FilterBar({ search, set }: FilterProps) {
  const { data: installers = [] } = useQuery({ ...queries.installers(), staleTime: 60_000 });
  const { data: servers = [] } = useQuery(queries.servers());
  return (
    <div className="tools">
      <Choice
        label="Installer"
        any="Any installer"
        value={search.app}
        choices={installers.map(({ id, name }) => [id, name])}
        choose={(app) => set({ app })}
      />
      <Choice
        label="Server"
        any="Any server"
        value={search.server}
        choices={servers.map(({ id }) => [id, id])}
        choose={(server) => set({ server })}
      />
      <Choice
        label="Action"
        any="Any action"
        value={search.action}
        choices={actionChoices}
        choose={(action) => set({ action: action as JobSearch['action'] })}
      />
      <Choice
        label="Period"
        any="Any time"
        value={search.since}
        choices={Object.entries(periods)}
        choose={(since) => set({ since })}
      />
      <TextInput
        className="short-field"
        aria-label="User"
        placeholder="Any user"
        value={search.user ?? ''}
        onChange={(_event, user) => set({ user: user || undefined })}
      />
      {isFiltered(search) && (
        <Button
          variant="link"
          onClick={() =>
            set({
              app: undefined,
              server: undefined,
              status: undefined,
              user: undefined,
              action: undefined,
              since: undefined,
              until: undefined,
            })
          }
        >
          Clear filters
        </Button>
      )}
    </div>
  );
}

/** How many jobs there are of each state, as they change; several may be chosen. */
export function StatusChips({
  search,
  set,
  counts,
}: FilterProps & { counts: Partial<Record<JobStatus, number>> }) {
  const chosen = search.status ?? [];
  const toggle = (status: JobStatus) => {
    const next = chosen.includes(status) ? chosen.filter((each) => each !== status) : [...chosen, status];
    set({ status: next.length > 0 ? next : undefined });
  };
  const shown = allStatuses.filter((status) => (counts[status] ?? 0) > 0 || chosen.includes(status));
  return (
    <ul className="chips gap-below" aria-label="States">
      {shown.map((status) => (
        <li key={status}>
          <button
            type="button"
            className="chip"
            aria-pressed={chosen.includes(status)}
            onClick={() => toggle(status)}
            title={jobStatuses[status].meaning}
          >
            {jobStatuses[status].label}
            <span className="chip-count">{counts[status] ?? 0}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
