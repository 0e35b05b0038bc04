// What can be installed: the real installers of this repository, and invented ones.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { digestOf, iso, seeded } from './random.mjs';
import { parseYaml } from './yaml.mjs';

const folder = (path) => fileURLToPath(new URL(path, import.meta.url));
const real = ['hello', 'nginx', 'redis'].map((id) => `${folder(`../../installers/${id}`)}/manifest.yml`);
const invented = readdirSync(folder('./manifests')).map((name) => `${folder('./manifests')}/${name}`);

function choice(value) {
  return typeof value === 'object' ? { label: '', ...value } : { value, label: '' };
}

function inputOf(input) {
  const { validation = {}, ...rest } = input;
  const allowed = validation.allowed_values?.map(choice);
  return {
    description: '',
    required: false,
    placeholder: '',
    group: '',
    generate: false,
    ...rest,
    sensitive: rest.type === 'password' || rest.sensitive === true,
    validation: { ...validation, ...(allowed ? { allowed_values: allowed } : {}) },
  };
}

function statistics(random, usual) {
  const jobs = Math.floor(random() ** 2 * 480) + 3;
  const succeeded = Math.round(jobs * (0.9 + random() * 0.1));
  return {
    jobs,
    succeeded,
    success_rate: succeeded / jobs,
    usual_seconds: usual,
    last_used_at: iso(Date.now() - random() * 3 * 86_400_000),
  };
}

function load(path, random) {
  const manifest = parseYaml(readFileSync(path, 'utf8'));
  const { id, name, version, description, category } = manifest;
  const versions = manifest.os_requirements.min_version ?? {};
  return {
    id,
    name,
    version: String(version),
    description,
    category,
    tags: manifest.tags ?? [],
    icon: null,
    digest: digestOf(id),
    valid: true,
    errors: [],
    inputs: (manifest.inputs ?? []).map(inputOf),
    os_requirements: { family: manifest.os_requirements.family, min_version: versions, architectures: [] },
    resource_requirements: manifest.resource_requirements ?? {},
    timeout_seconds: manifest.timeout_seconds,
    idempotent: manifest.idempotent,
    actions: path.includes('/manifests/') ? ['install', 'upgrade'] : ['install', 'uninstall', 'check'],
    outputs: manifest.outputs ?? [],
    readme: null,
    statistics: statistics(random, 8 + Math.floor(random() * 120)),
  };
}

const neverUsed = { jobs: 0, succeeded: 0, success_rate: null, usual_seconds: null, last_used_at: null };

const invalid = {
  id: 'haproxy',
  name: 'haproxy',
  version: '',
  description: '',
  category: '',
  tags: [],
  icon: null,
  digest: null,
  valid: false,
  errors: [
    {
      file: 'manifest.yml',
      line: 14,
      column: 1,
      path: 'timout_seconds',
      message: 'unknown key `timout_seconds`, did you mean `timeout_seconds`?',
      source: 'timout_seconds: 600',
    },
    {
      file: 'manifest.yml',
      line: 22,
      column: 16,
      path: 'inputs[1].validation.pattern',
      message: "is not a regular expression in RE2's syntax: missing ]: [a-z; close the bracket",
      source: "      pattern: '[a-z'",
    },
  ],
  inputs: [],
  os_requirements: { family: [], min_version: {}, architectures: [] },
  resource_requirements: {},
  timeout_seconds: 1,
  idempotent: false,
  actions: [],
  outputs: [],
  readme: null,
  statistics: neverUsed,
};

export function loadInstallers() {
  const random = seeded(11);
  const loaded = [...real, ...invented].map((path) => load(path, random));
  const hello = loaded.find(({ id }) => id === 'hello');
  hello.statistics = neverUsed;
  hello.readme =
    'Writes one line to one file.\n\nRun it first on a new server: it shows that jobs get there and back.';
  return [...loaded, invalid].sort((a, b) => a.id.localeCompare(b.id));
}

const summaryKeys = [
  'id',
  'name',
  'version',
  'description',
  'category',
  'tags',
  'icon',
  'digest',
  'valid',
  'errors',
  'statistics',
];
export const summaryOf = (installer) => Object.fromEntries(summaryKeys.map((key) => [key, installer[key]]));
