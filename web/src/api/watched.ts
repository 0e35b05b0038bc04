// Jobs that somebody here waits for: their end is told, wherever in the panel one is by then.
const watched = new Map<string, string>();
const listeners = new Set<() => void>();

const changed = () => {
  for (const listener of listeners) listener();
};

export function watchJob(id: string, name: string) {
  watched.set(id, name);
  changed();
}

export function unwatchJob(id: string) {
  if (watched.delete(id)) changed();
}

export const watchedJobs = () => [...watched.keys()];
export const watchedName = (id: string) => watched.get(id) ?? 'A job';

export function onWatchedChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
