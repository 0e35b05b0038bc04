// Search, category and order of the catalogue: pure, so that the address says everything.
import type { InstallerSummary } from '@/api/queries';

export const orders = {
  used: 'Most used',
  recent: 'Used last',
  name: 'Name',
} as const;
export type Order = keyof typeof orders;
export const orderOf = (text: string | undefined): Order =>
  text !== undefined && text in orders ? (text as Order) : 'used';

/** Every word is somewhere in id, name, description or tags. */
export function matches({ id, name, description, tags }: InstallerSummary, q: string): boolean {
  const text = `${id} ${name} ${description} ${tags.join(' ')}`.toLowerCase();
  return q
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

const comparisons: Record<Order, (a: InstallerSummary, b: InstallerSummary) => number> = {
  used: (a, b) => b.statistics.jobs - a.statistics.jobs,
  recent: (a, b) => (b.statistics.last_used_at ?? '').localeCompare(a.statistics.last_used_at ?? ''),
  name: () => 0,
};

/** Favourites first, invalid ones last. */
export function ordered(
  installers: InstallerSummary[],
  order: Order,
  favourites: string[],
): InstallerSummary[] {
  const group = ({ id, valid }: InstallerSummary) => (!valid ? 2 : favourites.includes(id) ? 0 : 1);
  return installers.toSorted(
    (a, b) => group(a) - group(b) || comparisons[order](a, b) || a.name.localeCompare(b.name),
  );
}

export function countByCategory(installers: InstallerSummary[]): [category: string, count: number][] {
  const counts = new Map<string, number>();
  for (const { category, valid } of installers)
    if (valid) counts.set(category, (counts.get(category) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => a.localeCompare(b));
}
