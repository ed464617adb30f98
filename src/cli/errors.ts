import { CronmeshError, type FieldProblem } from '../domain/errors.ts';

/** 0 done, 1 failed, 2 bad usage or input. */
export type ExitStatus = 0 | 1 | 2;

/** What a command could not do, as one line for people, and the exit status that it means. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly status: 1 | 2;
  readonly problems: readonly FieldProblem[];
  /** Lines below the message, which is then their heading. */
  readonly details: readonly string[];
  constructor(
    message: string,
    options: {
      status?: 1 | 2;
      problems?: readonly FieldProblem[];
      details?: readonly string[];
      cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.status = options.status ?? 1;
    this.problems = options.problems ?? [];
    this.details = options.details ?? [];
  }
}

/** What the server refused, from its problem+json. */
export class ApiError extends CliError {
  readonly httpStatus: number;
  readonly code: string;
  constructor(httpStatus: number, code: string, detail: string, problems: readonly FieldProblem[]) {
    super(detail, { status: inputCodes.has(code) ? 2 : 1, problems });
    this.httpStatus = httpStatus;
    this.code = code;
  }
}

const inputCodes = new Set([
  'InvalidInput',
  'Unprocessable',
  'NotApplicable',
  'MalformedBody',
  'BodyTooLarge',
  'HeadersTooLarge',
  'UnsupportedMediaType',
]);

/** The exit status of an error, and its lines: one, and one more for each field when several are wrong. */
export function explain(error: unknown): { readonly status: 1 | 2; readonly lines: readonly string[] } {
  if (error instanceof CliError) {
    const { status, message, problems, details } = error;
    if (details.length > 0) return { status, lines: [message, ...details.map(detail => oneLine(`  ${detail}`))] };
    return { status, lines: linesOf(message, problems) };
  }
  if (error instanceof CronmeshError) {
    return { status: inputCodes.has(error.code) ? 2 : 1, lines: linesOf(error.message, error.problems) };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { status: 1, lines: [oneLine(message)] };
}

function linesOf(message: string, problems: readonly FieldProblem[]): string[] {
  const [only] = problems;
  if (problems.length <= 1) {
    const value = only?.value === undefined || message.includes(only.value) ? '' : ` (got ${only.value})`;
    return [oneLine(message) + value];
  }
  const fields = problems.map(
    ({ field, value, message: what }) => `  ${field}: ${what}${value === undefined ? '' : ` (got ${value})`}`,
  );
  return [`${problems.length} fields are wrong:`, ...fields.map(oneLine)];
}

const oneLine = (text: string): string => text.replace(/(?<=\S)\s*[\r\n]+\s*/g, ' ');
