import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatClock,
  formatDetail,
  formatDuration,
  formatExact,
  formatRelative,
  formatShare,
  formatTime,
  isTimeZone,
} from '@/core/format';
import { allStatuses, statusLook } from '@/core/job-status';

describe('formats', () => {
  it.each([
    [0, '0 s'],
    [-3, '0 s'],
    [48.9, '48 s'],
    [94, '1 min 34 s'],
    [7500, '2 h 05 min'],
    [273_600, '3 d 4 h'],
  ])('a duration of %d s is %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  const time = Date.parse('2026-11-28T23:05:09.120Z');
  it('times stand in the zone that was chosen', () => {
    expect(formatTime(time, 'UTC')).toBe('2026-11-28 23:05:09');
    expect(formatTime(time, 'Asia/Tokyo')).toBe('2026-11-29 08:05:09');
    expect(formatClock(time, 'America/New_York')).toBe('18:05:09');
    expect(formatExact(time, 'UTC')).toMatch(/23:05:09[.,]120 UTC/);
  });

  it('times are relative for a week', () => {
    const ago = (seconds: number) => formatRelative(time, time + seconds * 1000, 'UTC');
    expect([ago(2), ago(40), ago(300), ago(7200), ago(86_400 * 3), ago(86_400 * 8), ago(-90)]).toEqual([
      'just now',
      '40 s ago',
      '5 min ago',
      '2 h ago',
      '3 d ago',
      '2026-11-28',
      'in 1 min',
    ]);
  });

  it('knows time zones', () => {
    expect(['local', 'UTC', 'Europe/Berlin', 'Nowhere/Town'].map(isTimeZone)).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  it('shares never round up to all', () => {
    expect([formatShare(1), formatShare(0.9996), formatShare(0.986), formatShare(0)]).toEqual([
      '100 %',
      '99.9 %',
      '98.6 %',
      '0 %',
    ]);
    expect([formatBytes(512), formatBytes(1536)]).toEqual(['512 MB', '1.5 GB']);
  });
  it('says the detail of an audit entry by name', () => {
    expect(formatDetail('{"app_id":"nginx","attempt":2,"scopes":["read"]}')).toBe(
      'app_id: nginx, attempt: 2, scopes: ["read"]',
    );
    expect(formatDetail('{}')).toBe('');
  });
});

describe('a cancel that was asked for', () => {
  it('is "Canceling" until the job is over', () => {
    for (const status of allStatuses) {
      const look = statusLook(status, '2026-11-29T01:00:00.000Z');
      expect(look.label === 'Canceling').toBe(!statusLook(status, null).over);
    }
  });
});
