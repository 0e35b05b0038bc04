// One job of the mock: its public shape, its log by attempt, and every change of it in order.
import { digestOf, iso, uuid } from './random.mjs';

const over = new Set([
  'succeeded',
  'failed',
  'timed_out',
  'canceled',
  'rejected',
  'expired',
  'interrupted',
  'lost',
]);

export class Job {
  constructor(installer, more = {}) {
    const created = more.created ?? Date.now();
    const id = more.id ?? uuid(created);
    this.public = {
      id,
      app_id: installer.id,
      app_version: installer.version,
      installer_digest: installer.digest ?? digestOf(installer.id),
      server_id: 'web-01',
      action: 'install',
      status: 'queued',
      status_reason: null,
      attempt: 0,
      max_attempts: 3,
      next_attempt_at: null,
      exit_code: null,
      signal: null,
      failure_kind: null,
      needs_attention: false,
      progress: null,
      message: null,
      created_at: iso(created),
      dispatched_at: null,
      started_at: null,
      finished_at: null,
      cancel_requested_at: null,
      inputs: {},
      outputs: [],
      left_running: [],
      user_id: 'ann',
      claimed_user_id: null,
      origin: 'api',
      retry_of: null,
      log: { lines: 0, bytes: 0, complete: false, dropped_bytes: 0, sha256: null, removed_at: null },
      queue_position: null,
      waiting_for: null,
      known_failure: null,
      steps: [],
      ...more.public,
    };
    this.logs = new Map();
    this.changes = [];
    this.listeners = new Set();
    this.audit = [];
  }

  get id() {
    return this.public.id;
  }
  get isOver() {
    return over.has(this.public.status);
  }

  lines(attempt = this.public.attempt) {
    return this.logs.get(attempt) ?? [];
  }

  /** Appends to the log of the attempt under way, and tells it together with what changes beside it. */
  change(public_ = {}, texts = [], startedAt = null, spread = 0) {
    Object.assign(this.public, public_);
    const { attempt } = this.public;
    const log = this.logs.get(attempt) ?? [];
    this.logs.set(attempt, log);
    const first = log.length;
    const now = Date.now();
    texts.forEach(([s, text], k) => {
      const at = startedAt === null ? now : startedAt + k * spread;
      const line = { n: log.length + 1, attempt, t: iso(at), s, text: text.replaceAll('\u0000', '\ufffd') };
      log.push(line);
      this.takeStep(line);
    });
    if (this.isOver) this.closeSteps();
    this.public.log = {
      ...this.public.log,
      lines: log.length,
      bytes: this.public.log.bytes + texts.reduce((sum, [, text]) => sum + text.length + 1, 0),
      complete: this.isOver && this.public.status !== 'lost',
    };
    for (let from = first; from === first || from < log.length; from += 1000)
      this.record(log.slice(from, from + 1000));
  }

  record(lines) {
    const { status, attempt, progress, message, cancel_requested_at: asked } = this.public;
    this.changes.push({
      job: this.id,
      seq: this.changes.length + 1,
      status,
      attempt,
      progress,
      message,
      ...(asked ? { cancel_requested_at: asked } : {}),
      output: lines.map(({ text }) => `${text}\n`).join(''),
      lines: lines.map(({ n, t, s }) => ({ n, t, s })),
    });
    for (const listener of this.listeners) listener(this);
  }

  takeStep({ n, t, text }) {
    const { steps } = this.public;
    const current = steps.at(-1);
    if (text.startsWith('::group '))
      steps.push({ name: text.slice(8), line: n, started_at: t, finished_at: null, status: 'running' });
    if (text === '::endgroup' && current?.status === 'running')
      Object.assign(current, { finished_at: t, status: 'succeeded' });
  }

  closeSteps() {
    const current = this.public.steps.at(-1);
    if (current?.status !== 'running') return;
    const { status, finished_at: at } = this.public;
    const became = status === 'succeeded' ? 'succeeded' : status === 'canceled' ? 'canceled' : 'failed';
    Object.assign(current, { status: became, finished_at: at });
  }

  note(action, detail = {}, user = this.public.user_id) {
    const entry = {
      id: String(1000 + this.audit.length),
      at: iso(Date.now()),
      user,
      action,
      object: this.id,
      detail: JSON.stringify(detail),
      ip: '192.0.2.7',
    };
    this.audit.push(entry);
    return entry;
  }
}
