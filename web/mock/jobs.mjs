// The jobs there are: the known ones, and a history of some days.
import { Job } from './job.mjs';
import { fail, knownFailure, run, start, stop, succeed, waitForRetry } from './job-script.mjs';
import { known } from './known.mjs';
import { failureTail, hostileLog, packageLine, runLog } from './log-text.mjs';
import { iso, pick, seeded } from './random.mjs';

const users = ['ann', 'ben', 'ci'];
const postgresInputs = {
  major_version: '16',
  database: 'orders',
  contact: 'dba@example.org',
  admin_password: { sealed: true },
  port: 5432,
  listen: 'private',
  allowed_network: '10.20.0.0/16',
  tls: true,
  max_connections: 300,
  shared_memory_share: 0.25,
  extensions: ['pgvector', 'pg_cron'],
  backup: false,
};

function finished(installer, more, log, ended = 'succeeded') {
  const job = new Job(installer, more);
  const created = Date.parse(job.public.created_at);
  const started = created + 900;
  const spread = (more.seconds ?? 40) / Math.max(1, log.length);
  job.change(
    { status: 'running', attempt: 1, dispatched_at: iso(created + 400), started_at: iso(started) },
    log,
    started,
    spread * 1000,
  );
  const done = iso(started + (more.seconds ?? 40) * 1000);
  job.public.finished_at = done;
  const outcome = {
    succeeded: {
      exit_code: 0,
      progress: 100,
      outputs: [
        { name: 'address', label: 'Address', value: `http://${job.public.server_id}/` },
        { name: 'replication_key', label: 'Replication key', sensitive: true },
      ],
    },
    failed: { exit_code: 2, failure_kind: 'installation', progress: 58 },
    timed_out: { exit_code: 124, progress: 70 },
    canceled: { cancel_requested_at: iso(Date.parse(done) - 4000) },
  }[ended];
  job.change({ status: ended, finished_at: done, ...outcome });
  job.audit = [
    {
      id: '1',
      at: iso(created),
      user: job.public.user_id,
      action: 'job.created',
      object: job.id,
      detail: JSON.stringify({
        app_id: installer.id,
        server_id: job.public.server_id,
        action: job.public.action,
      }),
      ip: '192.0.2.7',
    },
  ];
  return job;
}

function historic(installers, random, index) {
  const installer = pick(
    random,
    installers.filter(({ valid }) => valid),
  );
  const roll = random();
  const ended = roll < 0.86 ? 'succeeded' : roll < 0.94 ? 'failed' : roll < 0.97 ? 'canceled' : 'timed_out';
  const created = Date.now() - index * 31 * 60_000 - random() * 1_200_000 - 300_000;
  const action = installer.actions.includes('check') && random() < 0.1 ? 'check' : 'install';
  return finished(
    installer,
    {
      created,
      seconds: 6 + random() * 220,
      public: {
        server_id: pick(random, ['web-01', 'web-02', 'db-01', 'cache-01']),
        user_id: pick(random, users),
        action,
      },
    },
    runLog(6, ended === 'succeeded' ? 5 : 3),
    ended,
  );
}

function knownFinished(of, now) {
  const failedLog = [...runLog(90, 4).slice(0, -1), ...failureTail];
  const failed = finished(
    of('nginx'),
    {
      id: known.failed,
      created: now - 8 * 60_000,
      seconds: 74,
      public: {
        server_id: 'web-02',
        inputs: { server_name: 'www.example.test', http_port: 80, tls: 'none' },
      },
    },
    failedLog,
    'failed',
  );
  failed.change({
    exit_code: 3,
    failure_kind: 'configuration',
    needs_attention: true,
    known_failure: knownFailure(failedLog.length - 1),
    log: { ...failed.public.log },
  });
  const lost = finished(
    of('redis'),
    { id: known.lost, created: now - 26 * 3600_000, public: { server_id: 'cache-01' } },
    runLog(4, 2),
    'succeeded',
  );
  lost.change({
    status: 'lost',
    exit_code: null,
    progress: null,
    outputs: [],
    status_reason: 'the server came back from a backup and has no record of it',
  });
  return [
    failed,
    lost,
    finished(
      of('hello'),
      {
        id: known.hostile,
        created: now - 90 * 60_000,
        seconds: 2,
        public: {
          server_id: 'cache-01',
          user_id: '"><img src=x onerror=alert(1)>',
          claimed_user_id: '<i>root</i>',
          origin: 'external',
          inputs: { greeting: '<b>hello</b> & "bye"', greeting_file: `/etc/${'long-name-'.repeat(20)}` },
          message: '<i>done</i>',
        },
      },
      hostileLog,
    ),
    finished(
      of('postgresql'),
      {
        id: known.succeeded,
        created: now - 3 * 3600_000,
        seconds: 96,
        public: {
          server_id: 'db-01',
          inputs: postgresInputs,
          left_running: [{ pid: 4711, comm: 'postgres', unit: 'postgresql@17-main.service' }],
        },
      },
      runLog(40),
    ),
    finished(
      of('docker'),
      { id: known.canceled, created: now - 5 * 3600_000, seconds: 21 },
      runLog(9, 2),
      'canceled',
    ),
  ];
}

function knownActive(of, now) {
  const running = (id, app, more = {}) => new Job(of(app), { id, created: now - 64_000, ...more });
  const live = running(known.live, 'postgresql', { public: { server_id: 'db-01', inputs: postgresInputs } });
  live.change(
    {
      status: 'running',
      attempt: 1,
      started_at: iso(now - 61_000),
      progress: 52,
      message: 'Install packages',
    },
    runLog(140, 3).slice(0, -1),
    now - 61_000,
    140,
  );
  run(live, { linesPerSecond: 8, lines: Number.POSITIVE_INFINITY, end: succeed });
  const retry = running(known.retry, 'redis', {
    created: now - 150_000,
    public: {
      server_id: 'cache-01',
      inputs: { port: 6379, bind: '127.0.0.1', maxmemory: '256mb', password: { sealed: true } },
    },
  });
  retry.change(
    { status: 'running', attempt: 1, started_at: iso(now - 140_000) },
    [...runLog(8, 2), ['err', 'apt-get update failed']],
    now - 140_000,
    900,
  );
  waitForRetry(retry, 600, { linesPerSecond: 30, lines: 60, end: succeed });
  const offline = running(known.offline, 'node-exporter', {
    created: now - 31 * 60_000,
    public: {
      server_id: 'edge-01.ams',
      waiting_for: {
        kind: 'server_offline',
        message: 'edge-01.ams was last seen 47 minutes ago. The job starts when it is back.',
      },
    },
  });
  offline.change();
  const queued = running(known.queued, 'grafana', {
    created: now - 40_000,
    public: {
      server_id: 'db-01',
      queue_position: 2,
      waiting_for: { kind: 'queue', message: 'db-01 runs another job. 1 more is ahead.' },
    },
  });
  queued.change();
  const drained = running(known.drained, 'prometheus', {
    created: now - 9 * 60_000,
    public: {
      server_id: 'db-02',
      waiting_for: {
        kind: 'drained',
        message: 'db-02 is drained. The job starts when it takes up jobs again.',
      },
    },
  });
  drained.change();
  return [live, retry, offline, queued, drained];
}

/** 200,000 lines, made when somebody asks; new ones follow slowly. */
export function makeBig(of) {
  const now = Date.now();
  const job = new Job(of('k3s'), { id: known.big, created: now - 600_000, public: { server_id: 'web-01' } });
  const texts = Array.from({ length: 200_000 }, (_, k) => packageLine(k));
  job.change(
    { status: 'running', attempt: 1, started_at: iso(now - 590_000), progress: 91 },
    texts,
    now - 590_000,
    2.9,
  );
  run(job, { linesPerSecond: 10, lines: Number.POSITIVE_INFINITY, end: succeed });
  return job;
}

/** 5,000 lines a second, from when somebody follows it. */
export function makeBurst(of) {
  const job = new Job(of('docker'), { id: known.burst, public: { server_id: 'web-01' } });
  job.onFollowed = () => start(job, { linesPerSecond: 5000, lines: 50_000, end: succeed });
  job.change();
  return job;
}

export class Jobs {
  constructor(installers) {
    this.of = (id) => installers.find((installer) => installer.id === id);
    const now = Date.now();
    const random = seeded(5);
    const past = Array.from({ length: 140 }, (_, index) => historic(installers, random, index));
    this.all = [...knownActive(this.of, now), ...knownFinished(this.of, now), ...past];
    this.sort();
  }

  sort() {
    this.all.sort((a, b) => b.public.created_at.localeCompare(a.public.created_at));
  }

  find(id) {
    const found = this.all.find((job) => job.id === id);
    if (found || (id !== known.big && id !== known.burst)) return found;
    return this.add(id === known.big ? makeBig(this.of) : makeBurst(this.of));
  }

  add(job) {
    this.all.push(job);
    this.sort();
    return job;
  }

  filtered(query, { ignoreStatus = false } = {}) {
    const statuses = query.getAll('status');
    const equal = {
      app_id: query.get('app_id'),
      server_id: query.get('server_id'),
      user_id: query.get('user'),
      action: query.get('action'),
    };
    return this.all.filter(({ public: job }) => {
      if (!ignoreStatus && statuses.length > 0 && !statuses.includes(job.status)) return false;
      if (query.get('since') && job.created_at < query.get('since')) return false;
      if (query.get('until') && job.created_at >= query.get('until')) return false;
      return Object.entries(equal).every(([key, wanted]) => !wanted || job[key] === wanted);
    });
  }

  stop() {
    this.all.forEach(stop);
  }
}

export { fail, start };
