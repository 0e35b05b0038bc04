// How durations, numbers and times are written.

/** `local`, `UTC` or an IANA name. */
export type TimeZone = string;

const two = (n: number) => String(n).padStart(2, '0');

/** 48 s · 1 min 34 s · 2 h 05 min · 3 d 4 h */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor(whole / 3600) % 24;
  const minutes = Math.floor(whole / 60) % 60;
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${two(minutes)} min`;
  if (minutes > 0) return `${minutes} min ${two(whole % 60)} s`;
  return `${whole} s`;
}

export function secondsBetween(from: string, to: string | number): number {
  return ((typeof to === 'number' ? to : Date.parse(to)) - Date.parse(from)) / 1000;
}

export const formatNumber = (n: number) => n.toLocaleString('en-US');

/** 98.6 %; whole where that is exact. */
export function formatShare(share: number): string {
  const percent = Math.floor(share * 1000) / 10;
  return `${Number.isInteger(percent) ? percent : percent.toFixed(1)} %`;
}

export function formatBytes(megabytes: number): string {
  return megabytes < 1024 ? `${megabytes} MB` : `${Number((megabytes / 1024).toFixed(1))} GB`;
}

const zoneOf = (zone: TimeZone) => (zone === 'local' ? undefined : zone);
const formats = new Map<string, Intl.DateTimeFormat>();

function format(kind: 'date' | 'clock' | 'exact', zone: TimeZone): Intl.DateTimeFormat {
  const key = `${kind} ${zone}`;
  const known = formats.get(key);
  if (known !== undefined) return known;
  const date = { year: 'numeric', month: '2-digit', day: '2-digit' } as const;
  const clock = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;
  const parts = {
    date,
    clock,
    exact: { ...date, ...clock, fractionalSecondDigits: 3, timeZoneName: 'short' } as const,
  }[kind];
  const made = new Intl.DateTimeFormat('sv-SE', { ...parts, timeZone: zoneOf(zone) });
  formats.set(key, made);
  return made;
}

export const formatClock = (ms: number, zone: TimeZone) => format('clock', zone).format(ms);

/** 2026-11-29 01:20:54 */
export function formatTime(ms: number, zone: TimeZone): string {
  return `${format('date', zone).format(ms)} ${formatClock(ms, zone)}`;
}

/** With milliseconds and the zone, for the tooltip. */
export const formatExact = (ms: number, zone: TimeZone) => format('exact', zone).format(ms);

export function isTimeZone(zone: string): boolean {
  if (zone === 'local') return true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** just now · 5 min ago · in 3 min; days up to a week, then the date. */
export function formatRelative(ms: number, now: number, zone: TimeZone): string {
  const seconds = Math.round((now - ms) / 1000);
  const distance = Math.abs(seconds);
  if (distance < 5) return 'just now';
  if (distance >= 7 * 86_400) return format('date', zone).format(ms);
  const text =
    distance < 60
      ? `${distance} s`
      : distance < 3600
        ? `${Math.floor(distance / 60)} min`
        : distance < 86_400
          ? `${Math.floor(distance / 3600)} h`
          : `${Math.floor(distance / 86_400)} d`;
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

export const countOf = (n: number, noun: string, plural = `${noun}s`) =>
  `${formatNumber(n)} ${n === 1 ? noun : plural}`;

/** What an entry of the audit says beside who did what: JSON, as names and values. */
export function formatDetail(json: string): string {
  const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  return Object.entries(JSON.parse(json) as Record<string, unknown>)
    .map(([name, value]) => `${name}: ${shown(value)}`)
    .join(', ');
}
