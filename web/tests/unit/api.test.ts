import { afterEach, describe, expect, it, vi } from 'vitest';
import { answerOf, client, onSignedOut, setCsrfToken } from '@/api/client';
import { EventParser } from '@/api/event-stream';
import {
  JobLogReader,
  type LoggedRun,
  type LogProgress,
  nothingYet,
  runsOfFrame,
  runsOfPage,
} from '@/api/job-log';
import { ApiError, nameOf, Unreachable } from '@/api/problem';
import type { StreamFrame } from '@/api/stream';
import { streamUrl } from '@/api/stream-source';

const problem = (status: number, more = {}) =>
  new Response(
    JSON.stringify({
      type: 'about:blank',
      title: 'T',
      status,
      detail: 'A sentence.',
      code: 'a_code',
      ...more,
    }),
    { status, headers: { 'Content-Type': 'application/problem+json', 'Retry-After': '7' } },
  );
const json = (body: unknown) =>
  new Response(JSON.stringify(body), { headers: { 'Content-Type': 'application/json' } });
const answering = (answer: (request: Request) => Response) => {
  const asked: Request[] = [];
  vi.stubGlobal('fetch', async (request: Request) => {
    asked.push(request);
    return answer(request);
  });
  return asked;
};

afterEach(() => vi.unstubAllGlobals());

describe('the client', () => {
  it('keeps a refusal whole', async () => {
    const errors = [{ field: '/inputs/port', rule: 'type', message: 'must be a port' }];
    answering(() => problem(422, { errors }));
    const error = await answerOf(client.GET('/api/servers')).catch((cause) => cause);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      status: 422,
      code: 'a_code',
      message: 'A sentence.',
      retryAfterSeconds: 7,
    });
    expect(error.problem.errors).toEqual(errors);
    expect(error.problem.errors.map(nameOf)).toEqual(['port']);
  });

  it('says that nothing answers, also where some proxy does', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('no network')));
    await expect(answerOf(client.GET('/api/servers'))).rejects.toBeInstanceOf(Unreachable);
    answering(() => new Response('<h1>Bad gateway</h1>', { status: 502 }));
    await expect(answerOf(client.GET('/api/servers'))).rejects.toBeInstanceOf(Unreachable);
  });

  it('tells that the session is over, but not at a sign-in', async () => {
    const told = vi.fn();
    const stop = onSignedOut(told);
    answering(() => problem(401));
    await answerOf(client.GET('/api/servers')).catch(() => undefined);
    expect(told).toHaveBeenCalledOnce();
    stop();
  });

  it('sends the token of the session with whatever changes something', async () => {
    const asked = answering(() => json({}));
    setCsrfToken('a token');
    await answerOf(client.GET('/api/servers'));
    await answerOf(client.POST('/api/servers/{id}/drain', { params: { path: { id: 'a' } } }));
    expect(asked.map((request) => request.headers.get('X-CSRF-Token'))).toEqual([null, 'a token']);
  });
});

describe('server-sent events', () => {
  const text = 'retry: 1000\n\n: a comment\n\nid: one\ndata: {"a":1}\n\nid: two\r\ndata: x\ndata: y\r\n\r\n';

  it('are the same in any pieces', () => {
    const whole = new EventParser().feed(text);
    expect(whole).toEqual([
      { id: 'one', data: '{"a":1}' },
      { id: 'two', data: 'x\ny' },
    ]);
    for (let size = 1; size < text.length; size += 1) {
      const parser = new EventParser();
      const events = [];
      for (let at = 0; at < text.length; at += size) events.push(...parser.feed(text.slice(at, at + size)));
      expect(events).toEqual(whole);
    }
  });

  it('are asked for with jobs, topics and position', () => {
    expect(streamUrl({ jobs: ['a', 'b'], topics: ['jobs'] }, 'p-1')).toBe(
      '/api/stream?jobs=a%2Cb&topics=jobs&after=p-1&from=now',
    );
  });
});

describe('a job’s log', () => {
  const t = '2026-11-29T01:00:00.000Z';
  const frame = (first: number, texts: string[]): StreamFrame => ({
    job: 'j',
    seq: first,
    status: 'running',
    attempt: 1,
    progress: null,
    message: null,
    output: texts.map((text) => `${text}\n`).join(''),
    lines: texts.map((_, k) => ({ n: first + k, t, s: 'out' })),
  });

  class Target {
    texts: string[] = [];
    get length() {
      return this.texts.length;
    }
    append(runs: LoggedRun[]) {
      for (const { n, texts } of runs) {
        if (n > this.length + 1) return false;
        this.texts.push(...texts.slice(this.length + 1 - n));
      }
      return true;
    }
  }

  it('splits the text of a frame into its lines, by stream and number', () => {
    const at = Date.parse(t);
    const whole = frame(4, ['a', '', 'c', 'd', 'f']);
    whole.lines[2]!.s = 'err';
    whole.lines[3]!.t = '2026-11-29T01:00:00.025Z';
    whole.lines[3]!.s = 'err';
    whole.lines[4]!.s = 'err';
    whole.lines[4]!.n = 9;
    expect(runsOfFrame(whole)).toEqual([
      { n: 4, s: 'out', times: [at, at], texts: ['a', ''] },
      { n: 6, s: 'err', times: [at, at + 25], texts: ['c', 'd'] },
      { n: 9, s: 'err', times: [at], texts: ['f'] },
    ]);
  });

  it('adds up the times of a page', () => {
    const runs = [
      { n: 1, s: 'out' as const, t: [1_000, 0, 25, -5], text: 'a\n\nc\nd' },
      { n: 5, s: 'err' as const, t: [900], text: '' },
    ];
    expect(runsOfPage({ attempt: 1, runs, next: null, complete: true, dropped_bytes: 0 })).toEqual([
      { n: 1, s: 'out', times: [1_000, 1_000, 1_025, 1_020], texts: ['a', '', 'c', 'd'] },
      { n: 5, s: 'err', times: [900], texts: [''] },
    ]);
  });

  it('asks again for what a broken stream left out', async () => {
    const all = Array.from({ length: 9 }, (_, k) => `line ${k + 1}`);
    const asked = answering((request) => {
      const from = Number(new URL(request.url).searchParams.get('from'));
      const text = all.slice(from - 1, from + 1).join('\n');
      return json({
        attempt: 1,
        runs: [{ n: from, s: 'out', t: text.split('\n').map(() => 0), text }],
        next: from + 2 <= all.length ? from + 2 : null,
        complete: true,
        dropped_bytes: 0,
      });
    });
    const target = new Target();
    const reader = new JobLogReader('j', 1, target, () => undefined);
    reader.frame(frame(1, all.slice(0, 2)));
    reader.frame(frame(8, all.slice(7)));
    await reader.read();
    await expect.poll(() => target.texts).toEqual(all);
    reader.frame(frame(1, all));
    expect(target.texts).toEqual(all);
    // It is whole: nothing is asked for any more.
    const before = asked.length;
    await reader.read();
    expect(asked.length).toBe(before);
  });

  it('that the panel removed is said to be removed, and is no failure', async () => {
    const told: LogProgress[] = [];
    const reader = new JobLogReader('j', 1, new Target(), (progress) => told.push(progress));
    answering(() => problem(410, { code: 'log_removed' }));
    await reader.read();
    expect(told.at(-1)).toEqual({ ...nothingYet, loading: false, removed: true });
    answering(() => problem(500));
    await reader.read();
    expect(told.at(-1)).toEqual({ ...nothingYet, loading: false, failed: true });
  });
});
