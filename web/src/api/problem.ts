// What the API says when it refuses (RFC 9457), kept whole, and what happens when nothing answers.
import type { components } from './schema.gen';

export type Problem = components['schemas']['Problem'];
export type FieldError = components['schemas']['FieldError'];

/** The panel refused. `message` is its sentence for a person. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly problem: Problem,
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(problem.detail || problem.title);
  }
  get status() {
    return this.problem.status;
  }
  get code() {
    return this.problem.code;
  }
}

/** Nothing answered, or something that is no panel did. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
  constructor() {
    super('The panel does not answer. Check the connection, or whether the panel runs.');
  }
}

const isProblem = (body: unknown): body is Problem =>
  typeof body === 'object' && body !== null && 'code' in body && 'status' in body && 'detail' in body;

export function errorOf(response: Response, body: unknown): ApiError | Unreachable {
  if (!isProblem(body)) return new Unreachable();
  const retryAfter = Number(response.headers.get('Retry-After') ?? Number.NaN);
  return new ApiError(body, Number.isFinite(retryAfter) ? retryAfter : null);
}

/** The name of the field that an error is of: the end of its JSON pointer. */
export const nameOf = ({ field }: FieldError) => field.slice(field.lastIndexOf('/') + 1);

export const isStatus = (error: unknown, status: number) =>
  error instanceof ApiError && error.status === status;
