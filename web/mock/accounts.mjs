// People, their sessions and tokens.
import { notFound, Refusal } from './http.mjs';
import { iso, uuid } from './random.mjs';

export class Accounts {
  constructor() {
    const now = Date.now();
    const user = (name, role, more = {}) => ({
      id: uuid(now),
      name,
      role,
      disabled: false,
      created_at: iso(now - 40 * 86_400_000),
      last_seen_at: iso(now - 3_600_000),
      ...more,
    });
    this.users = [
      user('ann', 'administrator', { last_seen_at: iso(now) }),
      user('ben', 'user'),
      user('carl', 'user', { disabled: true, last_seen_at: null }),
    ];
    this.passwords = new Map(this.users.map(({ name }) => [name, 'correct horse']));
    this.sessions = new Map();
    this.failures = 0;
    this.preferences = new Map();
    const token = (name, scopes, more = {}) => ({
      id: uuid(now),
      name,
      scopes,
      created_at: iso(now - 9 * 86_400_000),
      expires_at: null,
      last_used_at: null,
      ...more,
    });
    this.tokens = [
      token('ci', ['read', 'jobs'], { last_used_at: iso(now - 600_000) }),
      token('prometheus', ['metrics'], {
        expires_at: iso(now + 20 * 86_400_000),
        last_used_at: iso(now - 12_000),
      }),
    ];
  }

  signIn({ name, password }) {
    if (this.failures >= 10) {
      throw new Refusal(429, 'too_many_attempts', 'too many attempts: wait before the next one', {
        headers: { 'Retry-After': '30' },
      });
    }
    const user = this.users.find((candidate) => candidate.name === name && !candidate.disabled);
    if (!user || this.passwords.get(name) !== password) {
      this.failures += 1;
      throw new Refusal(401, 'invalid_credentials', 'Name or password are wrong.', {
        headers: { 'WWW-Authenticate': 'Bearer' },
      });
    }
    this.failures = 0;
    const now = Date.now();
    const session = {
      user: { id: user.id, name: user.name, role: user.role },
      csrf_token: uuid(now),
      idle_expires_at: iso(now + 1_800_000),
      expires_at: iso(now + 43_200_000),
    };
    const key = uuid(now);
    this.sessions.set(key, session);
    return { session, key };
  }

  sessionOf(request) {
    const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '');
    if (bearer) return { user: this.users[0], csrf_token: null };
    const key = /(?:^|; )session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
    return this.sessions.get(key) ?? null;
  }

  demand(request) {
    const session = this.sessionOf(request);
    if (!session)
      throw new Refusal(401, 'unauthenticated', 'Sign in first.', {
        headers: { 'WWW-Authenticate': 'Bearer' },
      });
    const safe = ['GET', 'HEAD'].includes(request.method);
    if (!safe && session.csrf_token !== null && request.headers['x-csrf-token'] !== session.csrf_token) {
      throw new Refusal(403, 'csrf_refused', 'the request does not carry the token of its session');
    }
    return session;
  }

  demandAdministrator(session) {
    if (session.user.role !== 'administrator')
      throw new Refusal(403, 'forbidden', 'Only administrators may do this.');
  }

  preferencesOf({ user }) {
    return (
      this.preferences.get(user.id) ?? {
        favourites: ['nginx'],
        views: [],
        time_zone: 'local',
        theme: 'system',
        notify: false,
      }
    );
  }

  find(list, id, what) {
    const found = this[list].find((each) => each.id === id);
    if (!found) throw notFound(`such ${what}`);
    return found;
  }

  endSessionsOf(id) {
    for (const [key, session] of this.sessions) if (session.user.id === id) this.sessions.delete(key);
  }

  /** `changed` is a user as it would be. */
  keepAnAdministrator(changed) {
    const left = this.users.map((user) => (user.id === changed.id ? changed : user));
    if (left.some(({ role, disabled }) => role === 'administrator' && !disabled)) return;
    throw new Refusal(409, 'last_administrator', 'is the last administrator: nobody could manage users');
  }

  checkPassword(field, password) {
    if (password.length >= 12) return;
    throw new Refusal(422, 'invalid_input', 'some fields are not right', {
      errors: [{ field, rule: 'min_length', message: 'must have at least 12 characters' }],
    });
  }
}
