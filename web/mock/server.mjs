// A panel to work on the pages with: web/dist with the real policy, and an API of invented data.
// node mock/server.mjs [port]. POST /__mock/reset and its siblings make bad luck on demand.
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { Accounts } from './accounts.mjs';
import { crowd } from './crowd.mjs';
import { Refusal, readJson, send } from './http.mjs';
import { loadInstallers } from './installers.mjs';
import { succeed } from './job-script.mjs';
import { Jobs } from './jobs.mjs';
import { forAdministrators, routes } from './routes.mjs';
import { makeServers } from './servers.mjs';
import { Streams } from './stream.mjs';

const port = Number(process.argv[2] ?? process.env.PORT ?? 8190);
const dist = process.env.PROV_WEB_DIST || fileURLToPath(new URL('../dist', import.meta.url));
// As src/panel/web/pages.hpp has it; tests/e2e/assets.spec.ts holds both to one.
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'self'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');
const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
};

function makeWorld(before) {
  before?.jobs.stop();
  const installers = loadInstallers();
  return {
    installers,
    servers: makeServers(),
    jobs: new Jobs(installers),
    accounts: new Accounts(),
    submitted: [],
    downUntil: 0,
    failNext: null,
    plan: undefined,
  };
}

let world = makeWorld();
const streams = new Streams();

// Agents send a heartbeat every few seconds.
setInterval(() => {
  for (const server of world.servers) {
    if (server.status === 'online' || server.status === 'drained')
      server.last_seen_at = new Date().toISOString();
  }
}, 3000);

const control = {
  reset: () => {
    streams.breakAll();
    world = makeWorld(world);
  },
  crowd: () => crowd(world),
  // The panel restarts: every connection breaks, and for a while there is nothing.
  restart: ({ ms = 1500 }) => {
    world.downUntil = Date.now() + ms;
    streams.breakAll();
  },
  // New jobs run until they are told to end.
  'hold-jobs': () => {
    world.plan = { linesPerSecond: 30, lines: Number.POSITIVE_INFINITY, end: succeed };
  },
  'end-job': ({ id }) => {
    const job = world.jobs.find(id);
    clearInterval(job.timer);
    succeed(job);
  },
  'expire-sessions': () => {
    world.accounts.sessions.clear();
    streams.breakAll();
  },
  'fail-next': (failure) => {
    world.failNext = failure;
  },
  'break-installer': ({ id }) => {
    const installer = world.installers.find((each) => each.id === id);
    Object.assign(installer, {
      valid: false,
      errors: [
        {
          file: `installers/${id}/manifest.yml`,
          line: 3,
          column: 10,
          path: 'version',
          message: 'must be a text',
          source: 'version: [1, 2]',
        },
      ],
    });
  },
};

const answers = {
  submitted: () => world.submitted,
  streams: () => streams.open.size,
};

async function handleControl(request, response, name) {
  if (request.method === 'GET' && answers[name]) return send(response, 200, answers[name]());
  if (!control[name]) return send(response, 404, {});
  control[name](await readJson(request));
  send(response, 200, {});
}

function routeOf(method, path) {
  if (routes[`${method} ${path}`]) return { handler: routes[`${method} ${path}`] };
  const parts = path.split('/');
  const id = decodeURIComponent(parts[3] ?? '');
  const pattern = [...parts.slice(0, 3), ':id', ...parts.slice(4)].join('/');
  return { handler: routes[`${method} ${pattern}`], id };
}

async function signIn(request, response) {
  const { session, key } = world.accounts.signIn(await readJson(request));
  send(response, 200, session, {
    'Set-Cookie': `session=${key}; HttpOnly; SameSite=Strict; Path=/`,
  });
}

async function handleApi(request, response, { pathname: path, searchParams: query }) {
  const { method } = request;
  if (path === '/api/health')
    return send(response, 200, { status: 'ok', version: '0.1.0', uptime_seconds: 86_400 });
  if (method === 'POST' && path === '/api/session') return signIn(request, response);
  const session = world.accounts.demand(request);
  if (world.failNext && world.failNext.path === path && (world.failNext.method ?? 'GET') === method) {
    const {
      status,
      code = 'failure',
      detail = 'The panel failed to do this; its log says why.',
    } = world.failNext;
    world.failNext = null;
    throw new Refusal(status, code, detail, { headers: status === 503 ? { 'Retry-After': '2' } : {} });
  }
  if (forAdministrators.test(path)) world.accounts.demandAdministrator(session);
  if (path === '/api/stream') return streams.serve(request, response, query, world.jobs);
  const { handler, id } = routeOf(method, path);
  if (!handler) throw new Refusal(404, 'not_found', 'There is no such route.');
  const key = /(?:^|; )session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
  const body = method === 'GET' ? {} : await readJson(request);
  const answer = handler({ world, session, key, id, query, body, request, host: request.headers.host });
  if (answer.text === undefined) return send(response, answer.status, answer.body, answer.headers);
  response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Encoding': 'gzip' });
  response.end(gzipSync(answer.text));
}

const compressed = new Map();

function handleFile(request, response, path) {
  const asked = join(dist, normalize(path));
  const isFile = asked.startsWith(`${dist}/`) && path !== '/' && existsSync(asked);
  const isPage = path === '/' || (!path.startsWith('/assets/') && /text\/html/.test(request.headers.accept));
  if (!isFile && !isPage) {
    return send(response, 404, new Refusal(404, 'not_found', 'Nothing is at this path.').body);
  }
  const file = isFile ? asked : join(dist, 'index.html');
  if (!compressed.has(file) || file.endsWith('.html')) compressed.set(file, gzipSync(readFileSync(file)));
  response.writeHead(200, {
    'Content-Type': types[extname(file)] ?? 'application/octet-stream',
    'Content-Encoding': 'gzip',
    Vary: 'Accept-Encoding',
    'Cache-Control': path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
  });
  response.end(compressed.get(file));
}

async function handle(request, response) {
  const url = new URL(request.url, 'http://panel');
  if (url.pathname.startsWith('/__mock/')) return handleControl(request, response, url.pathname.slice(8));
  if (Date.now() < world.downUntil) return request.socket.destroy();
  response.setHeader('Content-Security-Policy', policy);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Referrer-Policy', 'no-referrer');
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  if (!url.pathname.startsWith('/api/')) return handleFile(request, response, url.pathname);
  try {
    await handleApi(request, response, url);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    send(response, error.status, error.body, error.headers);
  }
}

const server = http.createServer((request, response) => {
  handle(request, response).catch((error) => {
    console.error(error);
    response.destroy();
  });
});
// Longer than a test stands still: what it kept open is closed by itself, never while it asks again.
server.keepAliveTimeout = 120_000;
server.listen(port, '127.0.0.1', () =>
  console.log(`mock panel: http://127.0.0.1:${port}, sign in as ann, "correct horse"`),
);
