import type { Milliseconds } from '../../../../domain/time.ts';

/** What the API server says when it refuses, as far as it is read here. */
export interface ApiStatus {
  readonly reason?: string;
  readonly message?: string;
}

/** How a call that failed left things. */
export interface ApiFailure {
  /** The HTTP status; absent where there was no answer. */
  readonly status?: number;
  readonly reason?: string;
  /** What the server asks to wait before the next try. */
  readonly retryAfter?: Milliseconds;
  /** False when it was not carried out for sure: refused, or never sent. */
  readonly unclear: boolean;
}

/** A call to the Kubernetes API that did not succeed. The message is one line, in the server's own words. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number | undefined;
  readonly reason: string | undefined;
  readonly retryAfter: Milliseconds | undefined;
  readonly unclear: boolean;

  constructor(message: string, failure: ApiFailure) {
    super(message);
    this.status = failure.status;
    this.reason = failure.reason;
    this.retryAfter = failure.retryAfter;
    this.unclear = failure.unclear;
  }

  /** Whether the same call may succeed later: no answer, an overloaded or failing server, a conflict, an expired token. */
  get passing(): boolean {
    const { status, reason } = this;
    if (status === undefined || status >= 500) return true;
    if (status === 409) return reason !== 'AlreadyExists';
    return status === 401 || status === 408 || status === 410 || status === 429;
  }
}

export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.status === 404;

/** Any error in one line: of the API, of the network, or of the configuration. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return message.replace(/\s+/g, ' ').trim();
}

/** Of what a server answered. */
export function answerError(status: number, body: string, retryAfter: string | undefined): ApiError {
  const { reason, message } = parseStatus(body);
  const seconds = Number(retryAfter);
  return new ApiError(oneLine(message ?? `the API server answered ${status}`), {
    status,
    unclear: status >= 500 || status === 408,
    ...(reason !== undefined && { reason }),
    ...(retryAfter !== undefined && Number.isFinite(seconds) && { retryAfter: seconds * 1_000 }),
  });
}

function parseStatus(body: string): ApiStatus {
  try {
    const { reason, message } = JSON.parse(body) as ApiStatus;
    return {
      ...(typeof reason === 'string' && reason !== '' && { reason }),
      ...(typeof message === 'string' && message !== '' && { message }),
    };
  } catch {
    return body.trim() === '' ? {} : { message: body.slice(0, 500) };
  }
}

/** Nothing of the call can have been sent. */
const neverSent: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Of a call that got no answer. */
export function networkError(error: unknown): ApiError {
  const first = error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
  const { code } = (first ?? {}) as NodeJS.ErrnoException;
  const timedOut = first instanceof Error && first.name === 'TimeoutError';
  const what = timedOut ? 'no answer in time' : oneLine(first);
  return new ApiError(`the Kubernetes API does not answer: ${what}`, { unclear: !neverSent.has(code ?? '') });
}
