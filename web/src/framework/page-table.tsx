// A list of things: loading, empty, failed, or in rows; on a narrow screen each row is a card.
import { Button, Checkbox } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import type { ReactNode } from 'react';
import { ErrorState, LoadingRows } from './states';

export interface Column<T> {
  label: string;
  render: (row: T) => ReactNode;
  /** Buttons at the end of the row. */
  actions?: boolean;
  /** As narrow as its content. */
  narrow?: boolean;
}

interface Selection {
  selected: ReadonlySet<string>;
  toggle: (id: string, selected: boolean) => void;
  toggleAll: (selected: boolean) => void;
}

interface PageTableProps<T> {
  label: string;
  columns: Column<T>[];
  rows: T[] | undefined;
  rowId: (row: T) => string;
  rowName: (row: T) => string;
  error?: Error | null;
  retry?: () => void;
  empty: ReactNode;
  selection?: Selection;
  pages?: ReactNode;
}

export function PageTable<T>({
  label,
  columns,
  rows,
  rowId,
  rowName,
  error,
  retry,
  empty,
  selection,
  pages,
}: PageTableProps<T>) {
  if (error && rows === undefined) return <ErrorState error={error} retry={retry} />;
  if (rows === undefined) return <LoadingRows label={`${label}: loading`} rows={8} />;
  if (rows.length === 0) return empty;
  return (
    <>
      <Table aria-label={label} variant="compact" gridBreakPoint="grid-lg" className="page-table">
        <Thead>
          <Tr>
            {selection && <SelectAll selection={selection} count={rows.length} />}
            {columns.map(({ label: heading, actions, narrow }) => (
              <Th
                key={heading}
                modifier={narrow ? 'fitContent' : undefined}
                screenReaderText={actions ? heading : undefined}
              >
                {actions ? undefined : heading}
              </Th>
            ))}
          </Tr>
        </Thead>
        <Tbody>
          {rows.map((row) => (
            <Tr key={rowId(row)} isRowSelected={selection?.selected.has(rowId(row))}>
              {selection && (
                <Td className="pf-v6-c-table__check">
                  <Checkbox
                    id={`select-${rowId(row)}`}
                    aria-label={`Select ${rowName(row)}`}
                    isChecked={selection.selected.has(rowId(row))}
                    onChange={(_event, on) => selection.toggle(rowId(row), on)}
                  />
                </Td>
              )}
              {columns.map(({ label: heading, render, actions, narrow }) => (
                <Td
                  key={heading}
                  dataLabel={actions ? undefined : heading}
                  isActionCell={actions}
                  modifier={narrow ? 'fitContent' : undefined}
                >
                  {render(row)}
                </Td>
              ))}
            </Tr>
          ))}
        </Tbody>
      </Table>
      {pages}
    </>
  );
}

function SelectAll({ selection, count }: { selection: Selection; count: number }) {
  return (
    <Th className="pf-v6-c-table__check" aria-label="Selection">
      <Checkbox
        id="select-all"
        aria-label="Select all on this page"
        isChecked={selection.selected.size >= count}
        onChange={(_event, on) => selection.toggleAll(on)}
      />
    </Th>
  );
}

interface PagesProps {
  shown: string;
  back: (() => void) | null;
  forward: (() => void) | null;
}

/** The API's pages know what follows, not how many there are. */
export function Pages({ shown, back, forward }: PagesProps) {
  return (
    <nav className="pages" aria-label="Pages">
      <span className="subtle">{shown}</span>
      <Button variant="secondary" size="sm" isDisabled={back === null} onClick={() => back?.()}>
        Newest
      </Button>
      <Button variant="secondary" size="sm" isDisabled={forward === null} onClick={() => forward?.()}>
        Older
      </Button>
    </nav>
  );
}
