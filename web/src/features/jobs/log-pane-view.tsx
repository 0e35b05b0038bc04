// React owns the frame, LogPane the rows: thousands of lines a second never reach the reconciler.
import { type Ref, useEffect, useImperativeHandle, useRef } from 'react';
import { LogPane, type PaneEvents, type PaneState } from '@/core/log/log-pane';
import type { LogStore } from '@/core/log/log-store';

export interface LogHandle {
  show(line: number): void;
}

interface LogPaneViewProps extends PaneEvents {
  store: LogStore;
  state: PaneState;
  times: boolean;
  /** Said where there is no line. */
  empty: string | undefined;
  ref: Ref<LogHandle>;
}

export function LogPaneView({
  store,
  state,
  times,
  empty,
  followChanged,
  select,
  toggleGroup,
  ref,
}: LogPaneViewProps) {
  const host = useRef<HTMLDivElement>(null);
  const pane = useRef<LogPane>(null);
  const events = useRef<PaneEvents>({ followChanged, select, toggleGroup });
  events.current = { followChanged, select, toggleGroup };
  useEffect(() => {
    const made = new LogPane(host.current!, store, {
      followChanged: (follow) => events.current.followChanged(follow),
      select: (line, extend) => events.current.select(line, extend),
      toggleGroup: (first) => events.current.toggleGroup(first),
    });
    pane.current = made;
    return () => made.destroy();
  }, [store]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new store has a new pane, which has to be told
  useEffect(() => pane.current?.set(state), [state, store]);
  useImperativeHandle(ref, () => ({ show: (line) => pane.current?.show(line) }), []);
  return (
    <div
      ref={host}
      className={times ? 'log' : 'log without-times'}
      role="log"
      aria-live="off"
      aria-label="Log"
      data-empty={empty}
      tabIndex={0}
    />
  );
}
