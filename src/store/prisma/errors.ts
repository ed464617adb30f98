import { CronmeshError, ErrorCode } from '../../domain/errors.ts';
import { StaleTermError } from '../store.ts';

/** Prisma's codes for: not reachable, timed out, refused for its state, closed, no free connection, write conflict. */
const unavailableCodes = new Set(['P1001', 'P1002', 'P1008', 'P1011', 'P1017', 'P2024', 'P2028', 'P2034', 'P2037']);
/** What the driver adapters call the same. */
const unavailableKinds = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TooManyConnections',
  'TransactionWriteConflict',
]);
/** SQLSTATE classes: connection, resources, operator intervention; and lock and serialization failures. */
const unavailableStates = /^(08...|53...|57P0[1-5]|57014|25P03|40001|40P01|55P03)$/;
const unavailableSystem = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
/** What pg and its pool throw without any code. */
const unavailableMessages =
  /timeout exceeded when trying to connect|^timeout expired$|connection terminated|query read timeout|connection error|not queryable|PGlite is clos/i;

/**
 * Turns what Prisma and the drivers throw into the errors of this program: an unreachable or overloaded database is
 * Unavailable (a retry may help), a missing table says that migrations are missing, the rest is Internal.
 */
export function translate(error: unknown, doing: string): Error {
  if (error instanceof CronmeshError || error instanceof StaleTermError) return error;
  const causes = chain(error);
  if (causes.some(unavailable)) {
    return new CronmeshError(ErrorCode.Unavailable, `the database did not answer (${doing}): ${lastLine(error)}`, {
      retryable: true,
      cause: error,
    });
  }
  if (causes.some(one => codeOf(one) === 'P2021' || codeOf(one) === '42P01' || kindOf(one) === 'TableDoesNotExist')) {
    return new CronmeshError(ErrorCode.Unavailable, `the database lacks tables (${doing}): run \`cronmesh migrate\``, {
      cause: error,
    });
  }
  return new CronmeshError(ErrorCode.Internal, `the database refused (${doing}): ${lastLine(error)}`, { cause: error });
}

/** Whether a unique index refused the row. */
export function isDuplicate(error: unknown): boolean {
  return chain(error).some(
    one => codeOf(one) === 'P2002' || codeOf(one) === '23505' || kindOf(one) === 'UniqueConstraintViolation',
  );
}

function unavailable(one: object): boolean {
  const code = codeOf(one);
  return (
    unavailableCodes.has(code) ||
    unavailableKinds.has(kindOf(one)) ||
    unavailableSystem.has(code) ||
    unavailableStates.test(code) ||
    unavailableMessages.test(String((one as { message?: unknown }).message ?? ''))
  );
}

/** The error, its causes, and what Prisma keeps of the driver's error. */
function chain(error: unknown): readonly object[] {
  const found: object[] = [];
  let next: unknown[] = [error];
  while (next.length > 0 && found.length < 16) {
    const objects = next.filter(one => typeof one === 'object' && one !== null);
    found.push(...objects);
    next = objects.flatMap(one => {
      const { cause, meta, driverAdapterError, errors } = one as Record<string, unknown>;
      return [cause, meta, driverAdapterError, ...(Array.isArray(errors) ? errors : [])];
    });
  }
  return found;
}

function codeOf(one: object): string {
  const { code, originalCode, errorCode } = one as Record<string, unknown>;
  return String(code ?? originalCode ?? errorCode ?? '');
}

function kindOf(one: object): string {
  return String((one as { kind?: unknown }).kind ?? '');
}

/** Prisma's messages begin with the call site; what happened stands in the last line, in raw queries between backticks. */
function lastLine(error: unknown): string {
  const lines = String(error instanceof Error ? error.message : error)
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '');
  const last = lines.at(-1) ?? 'no message';
  return /Message: `(.*)`$/.exec(last)?.[1] ?? last;
}
