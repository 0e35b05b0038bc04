import { afterEach, describe, expect, it, vi } from 'vitest';
import { answerOf, client, onSignedOut, setCsrfToken } from '@/api/client';
import { EventParser } from '@/api/event-stream';
import { JobLogReader, type LoggedLine, type LogProgress, linesOfFrame, nothingYet } from '@/api/job-log';
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
    append(lines: LoggedLine[]) {
      for (const { n, text } of lines) {
        if (n > this.length + 1) return false;
        if (n === this.length + 1) this.texts.push(text);
      }
      return true;
    }
  }

  it('splits the text of a frame into its lines', () => {
    expect(linesOfFrame(frame(4, ['a', '', 'c'])).map(({ n, text }) => [n, text])).toEqual([
      [4, 'a'],
      [5, ''],
      [6, 'c'],
    ]);
  });

  it('asks again for what a broken stream left out', async () => {
    const all = Array.from({ length: 9 }, (_, k) => `line ${k + 1}`);
    answering((request) => {
      const from = Number(new URL(request.url).searchParams.get('from'));
      const lines = all
        .slice(from - 1, from + 1)
        .map((text, k) => ({ n: from + k, attempt: 1, t, s: 'out', text }));
      return json({
        lines,
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
