import { Button, FormSelect, FormSelectOption, PageSection, SearchInput } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useRef } from 'react';
import { usePreferences } from '@/api/hooks';
import { type InstallerSummary, queries } from '@/api/queries';
import { PageHeader, usePageTitle } from '@/framework/page';
import { useShortcuts } from '@/framework/shortcuts';
import { ErrorState, LoadingRows, Nothing } from '@/framework/states';
import { countByCategory, matches, ordered, orderOf, orders } from './catalogue-order';
import { InstallerCard } from './installer-card';

function useFilter() {
  const { q = '', category = '', sort } = useSearch({ from: '/catalogue' });
  const navigate = useNavigate({ from: '/catalogue' });
  const set = (change: { q?: string; category?: string; sort?: string }) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: 'q' in change });
  return { q, category, order: orderOf(sort), set };
}

export function CataloguePage() {
  usePageTitle('Catalogue');
  const { data, error, refetch } = useQuery({ ...queries.installers(), staleTime: 30_000 });
  const filter = useFilter();
  return (
    <>
      <PageHeader
        title="Catalogue"
        description="Choose what to install. Each entry can be installed on several servers at once."
      />
      <PageSection isFilled hasBodyWrapper={false}>
        <Tools filter={filter} installers={data ?? []} />
        {error && !data && <ErrorState error={error} retry={() => void refetch()} />}
        {!error && !data && <LoadingRows label="Loading the catalogue" />}
        {data && <Cards installers={data} filter={filter} />}
      </PageSection>
    </>
  );
}

interface PartProps {
  filter: ReturnType<typeof useFilter>;
  installers: InstallerSummary[];
}

function Tools({ filter: { q, category, order, set }, installers }: PartProps) {
  const search = useRef<HTMLInputElement>(null);
  useShortcuts('Catalogue', [{ keys: '/', label: 'Search', run: () => search.current?.focus() }]);
  return (
    <>
      <div className="tools">
        <SearchInput
          ref={search}
          className="tools-search"
          aria-label="Search the catalogue"
          placeholder="Search ( / )"
          value={q}
          onChange={(_event, typed) => set({ q: typed || undefined })}
          onClear={() => set({ q: undefined })}
        />
        <FormSelect
          className="short-field"
          aria-label="Order"
          value={order}
          onChange={(_event, sort) => set({ sort })}
        >
          {Object.entries(orders).map(([key, label]) => (
            <FormSelectOption key={key} value={key} label={label} />
          ))}
        </FormSelect>
      </div>
      <ul className="chips gap-below" aria-label="Categories">
        <Chip label="All" pressed={category === ''} press={() => set({ category: undefined })} />
        {countByCategory(installers).map(([name, count]) => (
          <Chip
            key={name}
            label={name}
            count={count}
            pressed={category === name}
            press={() => set({ category: category === name ? undefined : name })}
          />
        ))}
      </ul>
    </>
  );
}

function Chip({
  label,
  count,
  pressed,
  press,
}: {
  label: string;
  count?: number;
  pressed: boolean;
  press: () => void;
}) {
  return (
    <li>
      <button type="button" className="chip" aria-pressed={pressed} onClick={press}>
        {label}
        {count !== undefined && <span className="chip-count">{count}</span>}
      </button>
    </li>
  );
}

function Cards({ installers, filter: { q, category, order, set } }: PartProps) {
  const [{ favourites }, change] = usePreferences();
  const shown = ordered(
    installers.filter((each) => matches(each, q) && (category === '' || each.category === category)),
    order,
    favourites,
  );
  if (installers.length === 0) {
    return (
      <Nothing title="The catalogue is empty">
        Installers are folders below the panel's installers folder; `provisionctl lint` checks them.
      </Nothing>
    );
  }
  if (shown.length === 0) {
    const clear = (
      <Button variant="link" onClick={() => set({ q: undefined, category: undefined })}>
        Show everything
      </Button>
    );
    return (
      <Nothing title="Nothing matches" actions={clear}>
        No installer has all of these words. Try fewer, or another category.
      </Nothing>
    );
  }
  const toggle = (id: string) =>
    change({
      favourites: favourites.includes(id) ? favourites.filter((each) => each !== id) : [...favourites, id],
    });
  return (
    <>
      <p role="status" className="visually-hidden">
        {shown.length} installers
      </p>
      <ul className="cards">
        {shown.map((installer) => (
          <InstallerCard
            key={installer.id}
            installer={installer}
            favourite={favourites.includes(installer.id)}
            toggleFavourite={() => toggle(installer.id)}
          />
        ))}
      </ul>
    </>
  );
}
