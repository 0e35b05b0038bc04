// Times in the zone that the person chose, with the exact one on hover; durations that tick.
import { createContext, useContext, useEffect, useState } from 'react';
import {
  formatDuration,
  formatExact,
  formatRelative,
  formatTime,
  secondsBetween,
  type TimeZone,
} from '@/core/format';

export const TimeZoneContext = createContext<TimeZone>('local');
export const useTimeZone = () => useContext(TimeZoneContext);

/** The time, again and again. */
export function useNow(everyMs = 1000, ticking = true): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!ticking) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, ticking]);
  return now;
}

export function Time({ at, relative = false }: { at: string | null; relative?: boolean }) {
  const zone = useTimeZone();
  const now = useNow(15_000, relative && at !== null);
  if (at === null) return <span className="subtle">never</span>;
  const ms = Date.parse(at);
  return (
    <time dateTime={at} title={formatExact(ms, zone)}>
      {relative ? formatRelative(ms, Math.max(now, ms), zone) : formatTime(ms, zone)}
    </time>
  );
}

/** From one time to another, or until now. */
export function Duration({ from, to }: { from: string | null; to: string | null }) {
  const now = useNow(1000, from !== null && to === null);
  if (from === null) return <span className="subtle">–</span>;
  return <span className="number">{formatDuration(secondsBetween(from, to ?? now))}</span>;
}
