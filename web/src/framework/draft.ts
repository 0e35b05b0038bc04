// What is typed outlives a reload, an error and an ended session, for as long as the tab is open. Secrets are left out
// by whoever calls: they are never written down.
import { useEffect, useState } from 'react';

function read<T>(key: string): T | null {
  try {
    const kept = sessionStorage.getItem(key);
    return kept === null ? null : (JSON.parse(kept) as T);
  } catch {
    return null;
  }
}

function write(key: string, value: unknown) {
  try {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Storage is full or off: the page works without.
  }
}

/** State that begins with what was kept under that key; `kept` says what of it is kept, and null keeps nothing. */
export function useDraft<T>(key: string, initial: () => T, kept: (value: T) => Partial<T> | null) {
  const [value, setValue] = useState<T>(() => ({ ...initial(), ...read<Partial<T>>(key) }));
  const [restored] = useState(() => read(key) !== null);
  const keeping = JSON.stringify(kept(value));
  useEffect(() => write(key, JSON.parse(keeping)), [key, keeping]);
  return { value, setValue, restored, forget: () => write(key, null) };
}
