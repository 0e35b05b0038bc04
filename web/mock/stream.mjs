// GET /api/stream: several jobs and topics in one stream, resumed by an opaque position.

const encode = (seen) => Buffer.from(JSON.stringify(seen)).toString('base64url');

function decode(position) {
  try {
    return JSON.parse(Buffer.from(position, 'base64url').toString() || '{}');
  } catch {
    return {};
  }
}

export class Streams {
  constructor() {
    this.open = new Set();
  }

  /** Every connection breaks off, as when the panel restarts. */
  breakAll() {
    for (const response of this.open) response.destroy();
  }

  serve(request, response, query, jobs) {
    const wanted = (query.get('jobs') ?? '')
      .split(',')
      .filter(Boolean)
      .map((id) => jobs.find(id))
      .filter(Boolean);
    const topics = (query.get('topics') ?? '').split(',').filter(Boolean);
    const seen = decode(request.headers['last-event-id'] ?? query.get('after') ?? '');
    // The newest change tells the state; what was before it is not told.
    if (query.get('from') === 'now') {
      for (const job of wanted) seen[job.id] ??= Math.max(0, job.changes.length - 1);
    }
    if (
      topics.length === 0 &&
      wanted.every((job) => job.isOver && (seen[job.id] ?? 0) >= job.changes.length)
    ) {
      return response.writeHead(204).end();
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write('retry: 1000\n\n');
    this.open.add(response);
    const tell = (frame) => response.write(`id: ${encode(seen)}\ndata: ${JSON.stringify(frame)}\n\n`);
    if (topics.includes('jobs')) tell({ topic: 'jobs', reset: true });
    if (topics.includes('servers')) tell({ topic: 'servers' });
    const catchUp = (job) => {
      for (const change of job.changes.slice(seen[job.id] ?? 0)) {
        seen[job.id] = change.seq;
        tell(change);
      }
    };
    const stop = this.listen(wanted, topics, jobs, catchUp, tell);
    for (const job of wanted) {
      catchUp(job);
      job.onFollowed?.();
      job.onFollowed = undefined;
    }
    const comment = setInterval(() => response.write(': still here\n\n'), 15_000);
    response.on('close', () => {
      stop();
      clearInterval(comment);
      this.open.delete(response);
    });
  }

  listen(wanted, topics, jobs, catchUp, tell) {
    for (const job of wanted) job.listeners.add(catchUp);
    const shown = new Map();
    const timer = topics.includes('jobs') ? setInterval(() => tellJobs(jobs, shown, tell), 500) : null;
    return () => {
      clearInterval(timer);
      for (const job of wanted) job.listeners.delete(catchUp);
    };
  }
}

function tellJobs(jobs, shown, tell) {
  for (const { public: job } of jobs.all) {
    const { id, status, attempt, progress, message, cancel_requested_at: asked } = job;
    const state = `${status} ${attempt} ${progress} ${asked}`;
    if (shown.get(id) === state) continue;
    const first = !shown.has(id);
    shown.set(id, state);
    if (first && shown.size > 1 && job.finished_at) continue;
    tell({
      topic: 'jobs',
      job: id,
      status,
      attempt,
      progress,
      message,
      ...(asked ? { cancel_requested_at: asked } : {}),
    });
  }
}
