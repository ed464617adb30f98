/** One thing that is wrong with an input: which field, what was given, what is allowed. */
export interface FieldProblem {
  /** Path of the field as the user wrote it: `spec.executor.http.url`. */
  readonly field: string;
  /** What was given, as JSON, cut to 200 characters; absent where the field was missing. */
  readonly value?: string;
  /** What is wrong and what is allowed, in one sentence. */
  readonly message: string;
}

/** Stable error codes: they appear in problem+json and in the CLI, and never change their meaning. */
export const ErrorCode = {
  InvalidInput: 'InvalidInput',
  MalformedBody: 'MalformedBody',
  BodyTooLarge: 'BodyTooLarge',
  HeadersTooLarge: 'HeadersTooLarge',
  RequestTimeout: 'RequestTimeout',
  UnsupportedMediaType: 'UnsupportedMediaType',
  NotFound: 'NotFound',
  MethodNotAllowed: 'MethodNotAllowed',
  AlreadyExists: 'AlreadyExists',
  StaleRevision: 'StaleRevision',
  /** Right in itself, and nothing in the cluster can do it: a module that no worker has. */
  Unprocessable: 'Unprocessable',
  PreconditionRequired: 'PreconditionRequired',
  Conflict: 'Conflict',
  QueueFull: 'QueueFull',
  /** It was there, and is over for good. */
  Gone: 'Gone',
  TooManyRequests: 'TooManyRequests',
  /** As many runs wait as may: see `pending` in the settings. */
  TooManyPending: 'TooManyPending',
  /** There is too much to do: nothing was done for this request. */
  Overloaded: 'Overloaded',
  Unavailable: 'Unavailable',
  /** The input is valid by itself, and this object can't take it. */
  NotApplicable: 'NotApplicable',
  Unauthorized: 'Unauthorized',
  Forbidden: 'Forbidden',
  Internal: 'Internal',
} as const;
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/**
 * The base of every error that Cronmesh raises on purpose. The REST API turns it into one problem+json,
 * the command line into one line and an exit status.
 */
export class CronmeshError extends Error {
  override readonly name: string = 'CronmeshError';
  readonly code: ErrorCode;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
  readonly problems: readonly FieldProblem[];

  constructor(
    code: ErrorCode,
    message: string,
    options: { retryable?: boolean; problems?: readonly FieldProblem[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.problems = options.problems ?? [];
  }
}

/** Whether an error is one that a retry may help with. Errors of unknown origin are not. */
export function isRetryable(error: unknown): boolean {
  return error instanceof CronmeshError && error.retryable;
}
