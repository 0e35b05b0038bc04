// Answers in the panel's shapes.
export function send(response, status, body, headers = {}) {
  const type = status >= 400 ? 'application/problem+json' : 'application/json';
  const text = body === undefined ? '' : JSON.stringify(body);
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store', ...headers });
  response.end(text);
}

const titles = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** Thrown by a handler: the answer is this problem. */
export class Refusal extends Error {
  constructor(status, code, detail, { errors, headers } = {}) {
    super(detail);
    this.status = status;
    this.headers = headers;
    this.body = {
      type: 'about:blank',
      title: titles[status],
      status,
      detail,
      code,
      ...(errors ? { errors } : {}),
    };
  }
}

export const notFound = (what) => new Refusal(404, 'not_found', `There is no ${what}.`);

export async function readJson(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const text = Buffer.concat(pieces).toString('utf8');
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, 'bad_json', 'The body is not JSON.');
  }
}

/** Pages by position; a cursor is opaque to whoever holds it. */
export function pageOf(items, query) {
  const limit = Number(query.get('limit') ?? 50);
  if (!Number.isInteger(limit) || limit < 1 || limit > 200) {
    throw new Refusal(422, 'invalid_parameter', 'limit must be from 1 to 200.');
  }
  const cursor = query.get('cursor');
  const from = cursor ? Number(Buffer.from(cursor, 'base64url').toString()) : 0;
  if (!Number.isInteger(from)) throw new Refusal(422, 'invalid_parameter', 'cursor is not one of this list.');
  const next = from + limit < items.length ? Buffer.from(String(from + limit)).toString('base64url') : null;
  return { items: items.slice(from, from + limit), next_cursor: next };
}
