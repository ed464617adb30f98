import { CronmeshError, ErrorCode } from '../../domain/errors.ts';

/** Between the database's values and the domain's. */

/** A bigint column as a number: instants and indexes stay far below 2^53. */
export const number = (value: bigint): number => Number(value);

/** A page's end as an opaque string. */
export function encodeCursor(values: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(values)).toString('base64url');
}

/** No database can compare with a NUL or half a character, nor a whole number with another one. */
const isComparable = (value: unknown): boolean =>
  typeof value === 'string' ? value.isWellFormed() && !value.includes('\0') : Number.isSafeInteger(value);

/**
 * Reads a cursor back: as many values as `shape`, of the same types.
 *
 * @throws CronmeshError InvalidInput when it was not made by encodeCursor for this list
 */
export function decodeCursor<T extends readonly (string | number)[]>(cursor: string, shape: T): T {
  try {
    const values: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    const fits =
      Array.isArray(values) &&
      values.length === shape.length &&
      values.every((value, i) => typeof value === typeof shape[i] && isComparable(value));
    if (fits) return values as unknown as T;
  } catch {
    // Falls through: it is said once, below.
  }
  const message = 'must be the `next` of the page before, as it was given';
  throw new CronmeshError(ErrorCode.InvalidInput, `cursor ${message}`, {
    problems: [{ field: 'cursor', value: JSON.stringify(cursor).slice(0, 200), message }],
  });
}
