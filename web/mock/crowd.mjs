// As much of everything, as long and as hostile, as the API lets anybody write.
import { Job } from './job.mjs';
import { fail } from './job-script.mjs';
import { known } from './known.mjs';
import { iso } from './random.mjs';

const hostile = "<img src=x onerror=document.title='owned'>";
const unbroken = 'wordwithoutanyplacetobreak'.repeat(5);
const long = `${hostile} and on it goes, ${'as people write who are paid by the word, '.repeat(10)}to its end ${unbroken}`;
const longServer = `host-${'with-a-long-name.'.repeat(7)}net`;
const longUser = `${'somebody.with.a.long.name'.repeat(2)}@example.org`.slice(0, 64);
export const crowdedInstaller = `a-${'long-identifier-'.repeat(3)}app`;

function inputs() {
  const text = (name, more = {}) => ({
    name,
    type: 'string',
    label: `${hostile} ${name}`,
    description: long,
    required: false,
    placeholder: '',
    group: '',
    generate: false,
    sensitive: false,
    validation: {},
    ...more,
  });
  const allowed_values = Array.from({ length: 30 }, (_, k) => ({
    value: `choice-${k}`,
    label: `${k} ${hostile}`,
  }));
  return [
    text('first', { required: true, label: unbroken }),
    text('choice', { type: 'select', validation: { allowed_values } }),
    text('several', { type: 'multiselect', validation: { allowed_values } }),
    text('switch', { type: 'boolean', default: true }),
    text('secret', { type: 'password', sensitive: true, generate: true }),
    ...Array.from({ length: 20 }, (_, k) => text(`further_${k}`, { group: `${unbroken} ${k % 3}` })),
  ];
}

function crowdedJob(installer) {
  const job = new Job(installer, {
    id: known.crowded,
    public: {
      server_id: longServer,
      user_id: longUser,
      inputs: Object.fromEntries(installer.inputs.map(({ name }) => [name, long])),
      left_running: Array.from({ length: 20 }, (_, pid) => ({
        pid,
        comm: 'a-process-name',
        unit: `${unbroken}.service`,
      })),
    },
  });
  const steps = Array.from({ length: 40 }, (_, k) => [
    ['out', `::group ${k % 2 ? unbroken : long}`],
    ['err', `${hostile} ${unbroken.repeat(3)}`],
    ['out', '::endgroup'],
  ]);
  job.change({ status: 'running', attempt: 1, max_attempts: 100, started_at: iso(Date.now()) }, steps.flat());
  fail(job);
  job.change({
    status_reason: long,
    finished_at: iso(Date.now() + 500 * 3_600_000),
    known_failure: { ...job.public.known_failure, title: long, remedy: long, retryable: true },
    outputs: [
      { name: 'long', label: hostile, value: long },
      { name: 'unbroken', label: unbroken, value: unbroken.repeat(4) },
    ],
  });
  job.note('job.created', { inputs: long, unbroken });
  return job;
}

export function crowd(world) {
  const { installers, servers, jobs, accounts } = world;
  const [some] = servers;
  const facts = { ...some.facts, epoch_reason: long };
  const os = { ...some.os, pretty_name: `${hostile} ${unbroken}` };
  servers.push({
    ...some,
    id: longServer,
    warnings: [long, unbroken],
    facts,
    os,
    queue_depth: 123_456,
    running_jobs: 64,
  });
  for (let k = 0; k < 150; k += 1)
    servers.push({ ...some, id: `node-${String(k).padStart(4, '0')}.rack-${k % 9}.example.org` });
  const example = installers.find(({ valid }) => valid);
  const installer = {
    ...example,
    id: crowdedInstaller,
    name: `${hostile} ${unbroken}`,
    version: '1.0.0-a-very-long-prerelease.20261129120000+build.metadata',
    description: long,
    category: unbroken,
    readme: long,
    inputs: inputs(),
  };
  installers.unshift(installer);
  for (let k = 0; k < 60; k += 1)
    installers.push({
      ...example,
      id: `${example.id}-${k}`,
      name: `${example.name} ${k}`,
      category: `category ${k % 25}`,
    });
  jobs.add(crowdedJob(installer));
  const [ann] = accounts.users;
  for (let k = 0; k < 40; k += 1)
    accounts.users.push({
      ...ann,
      id: `${ann.id.slice(0, -2)}${k + 10}`,
      name: k === 0 ? longUser : `user-${k}`,
    });
  accounts.tokens.push({
    ...accounts.tokens[0],
    id: `${ann.id.slice(0, -2)}99`,
    name: unbroken.slice(0, 64),
    scopes: ['read', 'jobs', 'metrics', 'admin'],
  });
  const views = Array.from({ length: 12 }, (_, k) => ({
    name: `${k} ${unbroken}`.slice(0, 64),
    query: `?app=redis&user=u${k}`,
  }));
  accounts.preferences.set(ann.id, { ...accounts.preferencesOf({ user: ann }), views });
}
