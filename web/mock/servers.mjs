// Servers in every state.
import { iso, uuid } from './random.mjs';

const debian = {
  id: 'debian',
  version: '12',
  pretty_name: 'Debian GNU/Linux 12 (bookworm)',
  architecture: 'amd64',
};
const ubuntu = { id: 'ubuntu', version: '24.04', pretty_name: 'Ubuntu 24.04.3 LTS', architecture: 'arm64' };
const rocky = {
  id: 'rocky',
  version: '9.6',
  pretty_name: 'Rocky Linux 9.6 (Blue Onyx)',
  architecture: 'amd64',
};

function server(id, more = {}) {
  return {
    id,
    status: 'online',
    last_seen_at: iso(Date.now() - 3000),
    agent_version: '0.1.0',
    os: debian,
    cpus: 4,
    memory_mb: 8192,
    memory_available_mb: 5210,
    disk_free_mb: 61_440,
    containment: 'cgroup2',
    queue_depth: 0,
    running_jobs: 0,
    warnings: [],
    facts: {
      os_like: 'debian',
      epoch: uuid(Date.now() - 14 * 86_400_000),
      epoch_since: iso(Date.now() - 14 * 86_400_000),
      epoch_reason: 'first start',
    },
    ...more,
  };
}

const unknown = {
  agent_version: null,
  os: null,
  cpus: null,
  memory_mb: null,
  memory_available_mb: null,
  disk_free_mb: null,
  containment: null,
  facts: {},
};

export function makeServers() {
  const now = Date.now();
  return [
    server('cache-01', { cpus: 2, memory_mb: 2048, memory_available_mb: 1630 }),
    server('db-01', {
      cpus: 8,
      memory_mb: 32_768,
      memory_available_mb: 21_004,
      running_jobs: 1,
      queue_depth: 2,
    }),
    server('db-02', { status: 'drained', cpus: 8, memory_mb: 32_768, memory_available_mb: 30_100 }),
    server('edge-01.ams', {
      status: 'unreachable',
      last_seen_at: iso(now - 47 * 60_000),
      os: ubuntu,
      queue_depth: 1,
    }),
    server('legacy-01', {
      os: rocky,
      agent_version: '0.0.9',
      containment: 'subreaper',
      warnings: [
        'The agent is older than the panel: update it.',
        'There is no cgroup v2 here: a job that forks away may outlive its cancel.',
      ],
    }),
    server('new-01', { ...unknown, status: 'never_seen', last_seen_at: null }),
    server('tiny-01', { cpus: 1, memory_mb: 512, memory_available_mb: 210, disk_free_mb: 900, os: ubuntu }),
    server('web-01', { running_jobs: 1 }),
    server('web-02', { os: ubuntu }),
  ];
}

const compare = (a, b) => {
  const [left, right] = [a, b].map((text) => text.split('.').map(Number));
  for (let k = 0; k < Math.max(left.length, right.length); k += 1) {
    if ((left[k] ?? 0) !== (right[k] ?? 0)) return (left[k] ?? 0) - (right[k] ?? 0);
  }
  return 0;
};

function requirementsNotMet(installer, { os, memory_mb: memory, disk_free_mb: disk, cpus }) {
  const { family, min_version: versions } = installer.os_requirements;
  const {
    min_ram_mb: ram = 0,
    min_disk_mb: space = 0,
    min_cpus: processors = 0,
  } = installer.resource_requirements;
  const reasons = [];
  if (!family.includes(os.id))
    reasons.push({ code: 'os', message: `runs ${os.pretty_name}; needed is one of: ${family.join(', ')}` });
  else if (versions[os.id] && compare(os.version, versions[os.id]) < 0)
    reasons.push({
      code: 'os_version',
      message: `runs ${os.id} ${os.version}; needed is ${versions[os.id]} or later`,
    });
  if (memory < ram)
    reasons.push({ code: 'memory', message: `${ram} MB of memory are needed, there are ${memory}` });
  if (disk < space)
    reasons.push({ code: 'disk', message: `${space} MB of free disk are needed, there are ${disk}` });
  if (cpus < processors)
    reasons.push({ code: 'cpus', message: `${processors} processors are needed, there are ${cpus}` });
  return reasons;
}

export function preflight(installer, server) {
  if (server.os === null) {
    const message = 'has never been seen; enrol it first';
    return { server_id: server.id, suitable: false, reasons: [{ code: 'server_not_registered', message }] };
  }
  const reasons = requirementsNotMet(installer, server);
  const suitable = reasons.length === 0;
  if (suitable && server.status === 'unreachable')
    reasons.push({ code: 'server_offline', message: 'is not reachable now; the job waits until it is' });
  if (suitable && server.status === 'drained')
    reasons.push({ code: 'drained', message: 'is drained; the job waits until it takes up jobs again' });
  return { server_id: server.id, suitable, reasons };
}
