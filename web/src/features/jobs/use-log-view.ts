// What is chosen about the log on the screen: follow, wrap, search, selection.
import { useLocation, useNavigate } from '@tanstack/react-router';
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import type { PaneState } from '@/core/log/log-pane';
import type { LogStore } from '@/core/log/log-store';
import { hashOfRange, type LineRange, rangeOfHash, selectLine } from '@/core/log/permalink';
import { useTimeZone } from '@/framework/time';
import type { LogHandle } from './log-pane-view';

interface Choices {
  times: boolean;
  utc: boolean;
  wrap: boolean;
  errorsOnly: boolean;
}

/** `start` is the line that is shown first where the address names none. */
export function useLogView(store: LogStore, live: boolean, start: number | null) {
  const zone = useTimeZone();
  const hash = useLocation({ select: (location) => location.hash });
  const navigate = useNavigate();
  const pane = useRef<LogHandle>(null);
  const selection = useMemo(() => rangeOfHash(hash), [hash]);
  const [follow, setFollow] = useState(live && selection === null);
  const [choices, setChoices] = useState<Choices>(() => ({
    times: true,
    utc: false,
    wrap: matchMedia('(max-width: 48rem)').matches,
    errorsOnly: false,
  }));
  const [folded, setFolded] = useState<ReadonlySet<number>>(new Set());
  const [query, setQuery] = useState('');
  const [place, setPlace] = useState(0);
  const version = useSyncExternalStore(store.subscribeSlowly, store.snapshot);

  useEffect(() => {
    const timer = setTimeout(() => {
      store.search(query);
      setPlace(0);
    }, 120);
    return () => clearTimeout(timer);
  }, [store, query]);

  // The permalink's line, as soon as it is there.
  const shown = useRef('');
  useEffect(() => {
    if (selection === null || pane.current === null || shown.current === hash || store.length < selection[0])
      return;
    shown.current = hash;
    pane.current.show(selection[0]);
  });

  const started = useRef(false);
  useEffect(() => {
    if (started.current || live || selection !== null || start === null || pane.current === null) return;
    if (store.length < start) return;
    started.current = true;
    pane.current.show(start);
  });

  // The first match, once there is one.
  const found = useRef('');
  // biome-ignore lint/correctness/useExhaustiveDependencies: looked at whenever more is scanned
  useEffect(() => {
    if (query === '' || store.query !== query.toLowerCase()) found.current = '';
    else if (found.current !== query && store.matches.length > 0) {
      found.current = query;
      pane.current?.show(store.matches[0]! + 1);
    }
  }, [version, query]);

  const step = (by: number) => {
    const { matches } = store;
    if (matches.length === 0) return;
    const next = (place + by + matches.length) % matches.length;
    setPlace(next);
    pane.current?.show(matches[next]! + 1);
  };
  const select = (range: LineRange) => {
    if (pane.current) shown.current = hashOfRange(range);
    void navigate({
      to: '.',
      search: true,
      hash: hashOfRange(range),
      replace: true,
      hashScrollIntoView: false,
      resetScroll: false,
    });
  };
  const current = query === '' ? -1 : (store.matches[place] ?? -1);
  const state = useMemo<PaneState>(
    () => ({
      follow,
      wrap: choices.wrap,
      zone: choices.utc ? 'UTC' : zone,
      errorsOnly: choices.errorsOnly,
      folded,
      selection,
      current,
    }),
    [follow, choices, zone, folded, selection, current],
  );
  return {
    pane,
    state,
    choices,
    query,
    place,
    selection,
    setFollow,
    setQuery,
    step,
    toggle: (name: keyof Choices) => setChoices((before) => ({ ...before, [name]: !before[name] })),
    toggleGroup: (first: number) =>
      setFolded(
        (before) =>
          new Set(before.has(first) ? [...before].filter((each) => each !== first) : [...before, first]),
      ),
    foldAll: () =>
      setFolded((before) => new Set(before.size > 0 ? [] : store.groups.map(({ first }) => first))),
    select: (line: number, extend: boolean) => select(selectLine(selection, line, extend)),
    goTo: (line: number) => {
      select([line, line]);
      pane.current?.show(line);
    },
  };
}

export type LogView = ReturnType<typeof useLogView>;
