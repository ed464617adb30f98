import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { CronmeshError, type ErrorCode } from '../../domain/errors.ts';
import type { AppEnv } from './environment.ts';

const statuses = {
  InvalidInput: [400, 'The input is not valid'],
  MalformedBody: [400, 'The body cannot be read'],
  Unauthorized: [401, 'Who are you?'],
  Forbidden: [403, 'This is not allowed'],
  NotFound: [404, 'There is no such thing'],
  MethodNotAllowed: [405, 'It does not take that method'],
  RequestTimeout: [408, 'The request took too long'],
  AlreadyExists: [409, 'It exists already'],
  Conflict: [409, 'It cannot be done in this state'],
  QueueFull: [409, 'The queue is full'],
  Gone: [410, 'It is over'],
  StaleRevision: [412, 'It has changed since'],
  BodyTooLarge: [413, 'The body is too large'],
  UnsupportedMediaType: [415, 'The body has the wrong type'],
  Unprocessable: [422, 'No worker can do it'],
  NotApplicable: [422, 'It does not fit what it is for'],
  PreconditionRequired: [428, 'A precondition is needed'],
  HeadersTooLarge: [431, 'The headers are too large'],
  TooManyRequests: [429, 'There are too many requests'],
  TooManyPending: [429, 'Too many runs wait'],
  Internal: [500, 'Something went wrong here'],
  Overloaded: [503, 'There is too much to do'],
  Unavailable: [503, 'Not available now'],
} as const satisfies Record<ErrorCode, readonly [number, string]>;

/** Answers an error as problem+json (RFC 9457). What was not raised on purpose is logged, and not told. */
export function problemResponse(error: unknown, context: Context<AppEnv>): Response {
  const known = asCronmeshError(error);
  if (known.code === 'Internal') context.get('logger').error({ err: error }, 'request failed');
  else if (known.code === 'Unavailable') context.get('logger').warn({ err: error }, 'request refused');
  const { status, headers, body } = problemOf(known, context.get('requestId'));
  return context.body(body, status, headers);
}

/** An error as an answer, for whatever sends it. */
export function problemOf(error: CronmeshError, requestId: string) {
  const [status, title] = statuses[error.code];
  const body = {
    type: `urn:cronmesh:problem:${error.code}`,
    title,
    status,
    // An unexpected error's text may hold what is nobody's business.
    detail:
      error.code === 'Internal' ? `an unexpected error; the log has it under request ${requestId}` : error.message,
    instance: `urn:cronmesh:request:${requestId}`,
    code: error.code,
    ...(error.problems.length > 0 && { errors: error.problems }),
  };
  const headers: Record<string, string> = {
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
    ...(status === 401 && { 'WWW-Authenticate': 'Bearer realm="cronmesh"' }),
    ...((status === 503 || status === 429) && { 'Retry-After': '1' }),
  };
  return { status, headers, body: JSON.stringify(body) };
}

function asCronmeshError(error: unknown): CronmeshError {
  if (error instanceof CronmeshError) return error;
  // Hono's own: a malformed percent escape in the path, for one.
  if (error instanceof HTTPException && error.status < 500) {
    return new CronmeshError('InvalidInput', error.message === '' ? 'the request is malformed' : error.message);
  }
  return new CronmeshError('Internal', 'unexpected', { cause: error });
}
