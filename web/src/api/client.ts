// The typed client: every path and body is checked against docs/api/openapi.yaml by the compiler.
import createClient from 'openapi-fetch';
import { ApiError, errorOf, Unreachable } from './problem';
import type { components, paths } from './schema.gen';

export type Schema = components['schemas'];

let csrfToken = '';
const signedOut = new Set<() => void>();

/** The token of the session, which every unsafe request carries. */
export function setCsrfToken(token: string) {
  csrfToken = token;
}

/** Told whenever the panel no longer knows who asks. */
export function onSignedOut(listener: () => void): () => void {
  signedOut.add(listener);
  return () => signedOut.delete(listener);
}

// `fetch` is looked up at each request, so that a test may replace it.
export const client = createClient<paths>({
  baseUrl: typeof location === 'undefined' ? 'http://panel.test' : location.origin,
  fetch: (request) => fetch(request),
});

client.use({
  onRequest({ request }) {
    if (!['GET', 'HEAD'].includes(request.method)) request.headers.set('X-CSRF-Token', csrfToken);
    return request;
  },
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a good answer; throws ApiError or Unreachable otherwise. */
export async function answerOf<T>(asked: Promise<Answer<T>>): Promise<T> {
  const answer = await asked.catch((cause: unknown) => {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new Unreachable();
  });
  if (answer.response.ok) return answer.data as T;
  const error = errorOf(answer.response, answer.error);
  const isSignIn = new URL(answer.response.url || 'http://panel.test/').pathname === '/api/session';
  if (error instanceof ApiError && error.status === 401 && !isSignIn) for (const tell of signedOut) tell();
  throw error;
}
