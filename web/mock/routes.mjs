// The API, route by route, as docs/api/openapi.yaml has it.
import { auditTrail, overview } from './figures.mjs';
import { notFound, pageOf, Refusal } from './http.mjs';
import { checkInputs, inputErrors, sealed } from './inputs.mjs';
import { summaryOf } from './installers.mjs';
import { Job } from './job.mjs';
import { cancel, start } from './job-script.mjs';
import { iso, uuid } from './random.mjs';
import { preflight } from './servers.mjs';

const ok = (body) => ({ status: 200, body });
const none = { status: 204 };
const noCookie = { 'Set-Cookie': 'session=; Max-Age=0; Path=/' };

function find(list, id, what) {
  const found = list.find((each) => each.id === id);
  if (!found) throw notFound(`${what} \`${id}\``);
  return found;
}

function jobOf(world, id) {
  const job = world.jobs.find(id);
  if (!job) throw notFound('such job');
  return job;
}

function createJob(
  world,
  session,
  { app_id: app, server_id: serverId, inputs, action = 'install' },
  retryOf = null,
) {
  const installer = world.installers.find(({ id }) => id === app);
  if (!installer) throw new Refusal(422, 'unknown_app', `There is no installer \`${app}\`.`);
  if (!installer.valid)
    throw new Refusal(422, 'invalid_installer', `The installer is broken: ${installer.errors[0].message}`);
  const server = world.servers.find(({ id }) => id === serverId);
  if (!server) throw new Refusal(422, 'unknown_server', `There is no server \`${serverId}\`.`);
  checkInputs(installer, inputs, action);
  const verdict = preflight(installer, server);
  if (!verdict.suitable) {
    const errors = verdict.reasons.map(({ code, message }) => ({ field: '/server_id', rule: code, message }));
    throw new Refusal(422, 'unsuitable_server', `${serverId} ${verdict.reasons[0].message}.`, { errors });
  }
  const job = new Job(installer, {
    public: {
      server_id: serverId,
      action,
      user_id: session.user.name,
      inputs: sealed(installer, inputs),
      retry_of: retryOf,
    },
  });
  job.note('job.created', { app_id: app, server_id: serverId, action }, session.user.name);
  job.change();
  world.submitted.push({ app_id: app, server_id: serverId, action, inputs });
  if (server.status === 'online') setTimeout(() => start(job, world.plan), 400);
  return { status: 202, body: world.jobs.add(job).public, headers: { Location: `/api/jobs/${job.id}` } };
}

function ifNotOver(job) {
  if (job.isOver) throw new Refusal(409, 'already_over', `the job is over: it is ${job.public.status}`);
}

function logOf(world, id, query, request) {
  const job = jobOf(world, id);
  const attempt = Number(query.get('attempt') ?? job.public.attempt);
  const from = Number(query.get('from') ?? 1);
  const lines = job.lines(attempt);
  if ((request.headers.accept ?? '').includes('text/plain')) {
    return {
      status: 200,
      text: lines
        .slice(from - 1)
        .map(({ text }) => `${text}\n`)
        .join(''),
    };
  }
  const limit = Number(query.get('limit') ?? 1000);
  const page = lines.slice(from - 1, from - 1 + limit);
  const next = from - 1 + page.length;
  return ok({
    ...(query.get('by') === 'run' ? { attempt, runs: runsOf(page) } : { lines: page }),
    next: next < lines.length ? next + 1 : null,
    complete: job.public.log.complete,
    dropped_bytes: 0,
  });
}

/** Lines as columns: those of one stream that follow one another. */
function runsOf(lines) {
  const runs = [];
  let last;
  for (const { n, t, s, text } of lines) {
    const at = Date.parse(t);
    if (last?.s === s) {
      last.run.t.push(at - last.at);
      last.texts.push(text);
      last.at = at;
    } else {
      last = { s, at, run: { n, s, t: [at] }, texts: [text] };
      runs.push(last);
    }
  }
  return runs.map(({ run, texts }) => ({ ...run, text: texts.join('\n') }));
}

const session = {
  'GET /api/session': ({ session }) => ok(session),
  'DELETE /api/session': ({ world, key }) => {
    world.accounts.sessions.delete(key);
    return { ...none, headers: noCookie };
  },
  'DELETE /api/sessions': ({ world, session }) => {
    world.accounts.endSessionsOf(session.user.id);
    return { ...none, headers: noCookie };
  },
  'POST /api/session/password': ({ world, session, body }) => {
    if (world.accounts.passwords.get(session.user.name) !== body.current_password) {
      throw new Refusal(422, 'invalid_input', 'some fields are not right', {
        errors: [{ field: '/current_password', rule: 'wrong', message: 'is not the password' }],
      });
    }
    world.accounts.checkPassword('/new_password', body.new_password);
    world.accounts.passwords.set(session.user.name, body.new_password);
    return none;
  },
  'GET /api/session/preferences': ({ world, session }) => ok(world.accounts.preferencesOf(session)),
  'PUT /api/session/preferences': ({ world, session, body }) => {
    world.accounts.preferences.set(session.user.id, body);
    return ok(body);
  },
};

const people = {
  'GET /api/users': ({ world }) => ok({ items: world.accounts.users }),
  'POST /api/users': ({ world, body }) => {
    world.accounts.checkPassword('/password', body.password);
    if (world.accounts.users.some(({ name }) => name === body.name)) {
      throw new Refusal(409, 'user_exists', `there is a user \`${body.name}\` already`);
    }
    const user = {
      id: uuid(),
      name: body.name,
      role: body.role,
      disabled: false,
      created_at: iso(Date.now()),
      last_seen_at: null,
    };
    world.accounts.users.push(user);
    world.accounts.passwords.set(user.name, body.password);
    return { status: 201, body: user };
  },
  'PATCH /api/users/:id': ({ world, id, body }) => {
    const user = world.accounts.find('users', id, 'user');
    world.accounts.keepAnAdministrator({ ...user, ...body });
    return ok(Object.assign(user, body));
  },
  'DELETE /api/users/:id': ({ world, id }) => {
    const user = world.accounts.find('users', id, 'user');
    world.accounts.keepAnAdministrator({ ...user, disabled: true });
    world.accounts.users.splice(world.accounts.users.indexOf(user), 1);
    return none;
  },
  'POST /api/users/:id/password': ({ world, id, body }) => {
    world.accounts.checkPassword('/new_password', body.new_password);
    world.accounts.passwords.set(world.accounts.find('users', id, 'user').name, body.new_password);
    return none;
  },
  'GET /api/tokens': ({ world }) => ok({ items: world.accounts.tokens }),
  'POST /api/tokens': ({ world, body }) => {
    const token = {
      id: uuid(),
      name: body.name,
      scopes: body.scopes,
      created_at: iso(Date.now()),
      expires_at: body.expires_at ?? null,
      last_used_at: null,
    };
    world.accounts.tokens.push(token);
    return { status: 201, body: { ...token, token: `prov_${token.id.replaceAll('-', '')}` } };
  },
  'DELETE /api/tokens/:id': ({ world, id }) => {
    const { accounts } = world;
    accounts.tokens.splice(accounts.tokens.indexOf(accounts.find('tokens', id, 'token')), 1);
    return none;
  },
};

const withRights = (installer, { user }) =>
  user.role === 'administrator' ? installer : { ...installer, errors: [] };

const catalogue = {
  'GET /api/installers': ({ world, session, query }) =>
    ok(
      pageOf(
        world.installers.map((each) => withRights(summaryOf(each), session)),
        query,
      ),
    ),
  'GET /api/installers/:id': ({ world, session, id }) =>
    ok(withRights(find(world.installers, id, 'installer'), session)),
  'POST /api/installers/:id/validate': ({ world, id, body }) => {
    const { errors, visible } = inputErrors(find(world.installers, id, 'installer'), body.inputs, 'install');
    return ok({ valid: errors.length === 0, errors, visible });
  },
  'POST /api/installers/:id/preflight': ({ world, id, body }) => {
    const installer = find(world.installers, id, 'installer');
    const errors = body.inputs ? inputErrors(installer, body.inputs, body.action ?? 'install').errors : [];
    return ok({
      items: body.servers.map((server) => ({
        ...preflight(installer, find(world.servers, server, 'server')),
        errors,
      })),
    });
  },
};

const installed = (world, server) => {
  const latest = new Map();
  for (const { public: job } of world.jobs.all) {
    if (
      job.server_id === server &&
      job.status === 'succeeded' &&
      job.action === 'install' &&
      !latest.has(job.app_id)
    )
      latest.set(job.app_id, job);
  }
  return [...latest.values()].map((job) => ({
    app_id: job.app_id,
    app_version: job.app_version,
    installer_digest: job.installer_digest,
    inputs: job.inputs,
    job_id: job.id,
    installed_at: job.finished_at,
  }));
};

function setServer(world, id, status) {
  const server = find(world.servers, id, 'server');
  setTimeout(() => Object.assign(server, { status }), 600);
  return { status: 202, body: server };
}

const servers = {
  'GET /api/servers': ({ world, query }) => ok(pageOf(world.servers, query)),
  'GET /api/servers/:id': ({ world, id }) => ok(find(world.servers, id, 'server')),
  'GET /api/servers/:id/applications': ({ world, id }) =>
    ok({ items: installed(world, find(world.servers, id, 'server').id) }),
  'POST /api/servers/:id/drain': ({ world, id }) => setServer(world, id, 'drained'),
  'POST /api/servers/:id/resume': ({ world, id }) => setServer(world, id, 'online'),
  'POST /api/enrolment-tokens': ({ world, body, host }) => {
    const known = world.servers.find(({ id }) => id === body.server_id);
    if (known && known.status !== 'never_seen')
      throw new Refusal(409, 'already_registered', `${body.server_id} is enrolled already.`);
    const token = `enrol_${uuid().replaceAll('-', '')}`;
    const command = `printf %s '${token}' | provisioning-agent enroll --panel 'http://${host}' --id ${body.server_id}`;
    return { status: 201, body: { token, expires_at: iso(Date.now() + 3_600_000), command } };
  },
};

const jobs = {
  'GET /api/jobs': ({ world, query }) => {
    const page = pageOf(world.jobs.filtered(query), query);
    return ok({ ...page, items: page.items.map((job) => job.public) });
  },
  'GET /api/jobs/counts': ({ world, query }) => {
    const counts = {};
    for (const { public: job } of world.jobs.filtered(query, { ignoreStatus: true }))
      counts[job.status] = (counts[job.status] ?? 0) + 1;
    return ok({ by_status: counts });
  },
  'POST /api/jobs': ({ world, session, body }) => createJob(world, session, body),
  'GET /api/jobs/:id': ({ world, id }) => ok(jobOf(world, id).public),
  'GET /api/jobs/:id/log': ({ world, id, query, request }) => logOf(world, id, query, request),
  'GET /api/jobs/:id/audit': ({ world, id }) => ok({ items: jobOf(world, id).audit }),
  'POST /api/jobs/:id/cancel': ({ world, id, session }) => {
    const job = jobOf(world, id);
    ifNotOver(job);
    job.note('job.cancel_requested', { status: job.public.status }, session.user.name);
    if (!job.public.cancel_requested_at) cancel(job);
    return { status: 202, body: job.public };
  },
  'POST /api/jobs/:id/retry-now': ({ world, id, session }) => {
    const job = jobOf(world, id);
    if (job.public.status !== 'retry_wait')
      throw new Refusal(409, 'not_waiting', 'The job does not wait for a retry.');
    job.note('job.retry_now_requested', { attempt: job.public.attempt }, session.user.name);
    job.wake();
    return { status: 202, body: job.public };
  },
  'POST /api/jobs/:id/retry': ({ world, id, session, body }) => {
    const { app_id, server_id, inputs, action } = jobOf(world, id).public;
    const plain = Object.fromEntries(Object.entries(inputs).filter(([, value]) => !value?.sealed));
    return createJob(world, session, { app_id, server_id, action, inputs: { ...plain, ...body.inputs } }, id);
  },
};

const figures = {
  'GET /api/overview': ({ world, query }) => ok(overview(world.jobs, world.servers, query.get('since'))),
  'GET /api/audit': ({ world, query }) => {
    const wanted = (entry) =>
      ['user', 'action'].every((key) => !query.get(key) || entry[key] === query.get(key));
    return ok(pageOf(auditTrail(world.jobs).filter(wanted), query));
  },
  'POST /api/audit/verify': ({ world }) =>
    ok({ ok: true, entries: auditTrail(world.jobs).length, first_bad: null }),
};

export const routes = { ...session, ...people, ...catalogue, ...servers, ...jobs, ...figures };
export const forAdministrators = /^\/api\/(users|audit|enrolment-tokens)/;
