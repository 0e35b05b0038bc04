// Keys, known to the page that has them and to the list that `?` shows.
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useSyncExternalStore,
} from 'react';

export interface Shortcut {
  /** As it is typed: `/`, `G`, `Ctrl+Enter`. */
  keys: string;
  label: string;
  run: () => void;
}

class Registry {
  private readonly groups = new Map<symbol, { title: string; shortcuts: Shortcut[] }>();
  private readonly listeners = new Set<() => void>();
  private list: { title: string; shortcuts: Shortcut[] }[] = [];

  set(id: symbol, title: string, shortcuts: Shortcut[]) {
    this.groups.set(id, { title, shortcuts });
    this.changed();
  }

  remove(id: symbol) {
    this.groups.delete(id);
    this.changed();
  }

  private changed() {
    this.list = [...this.groups.values()];
    for (const listener of this.listeners) listener();
  }

  snapshot = () => this.list;
  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  handle(event: KeyboardEvent) {
    const pressed = keysOf(event);
    const modified = event.ctrlKey || event.metaKey;
    const target = event.target as HTMLElement;
    if (!modified && target.closest?.('input, textarea, select, [contenteditable]')) return;
    for (const { shortcuts } of this.list.toReversed()) {
      const found = shortcuts.find(({ keys }) => keys === pressed);
      if (!found) continue;
      event.preventDefault();
      found.run();
      return;
    }
  }
}

function keysOf(event: KeyboardEvent): string {
  const key =
    event.key.length === 1 && (event.ctrlKey || event.metaKey) ? event.key.toUpperCase() : event.key;
  return `${event.ctrlKey || event.metaKey ? 'Ctrl+' : ''}${event.altKey ? 'Alt+' : ''}${key}`;
}

const ShortcutContext = createContext<Registry | null>(null);

export function ShortcutProvider({ children }: { children: ReactNode }) {
  const registry = useMemo(() => new Registry(), []);
  useEffect(() => {
    const handle = (event: KeyboardEvent) => registry.handle(event);
    addEventListener('keydown', handle);
    return () => removeEventListener('keydown', handle);
  }, [registry]);
  return <ShortcutContext value={registry}>{children}</ShortcutContext>;
}

/** The keys of this page or part of it, while it is shown. */
export function useShortcuts(title: string, shortcuts: Shortcut[]) {
  const registry = useContext(ShortcutContext);
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  const names = shortcuts.map(({ keys, label }) => `${keys} ${label}`).join('\n');
  // biome-ignore lint/correctness/useExhaustiveDependencies: what they do is looked up when they are pressed
  useEffect(() => {
    const id = Symbol(title);
    const bound = latest.current.map((each, index) => ({ ...each, run: () => latest.current[index]?.run() }));
    registry?.set(id, title, bound);
    return () => registry?.remove(id);
  }, [registry, title, names]);
}

export function useAllShortcuts() {
  const registry = useContext(ShortcutContext)!;
  return useSyncExternalStore(registry.subscribe, registry.snapshot);
}
