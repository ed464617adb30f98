import type { Place } from './cursor.ts';

/** How far one container's output was passed on. */
export interface Position extends Place {
  /** Bytes, of those that the job's limit allows. */
  readonly passed: number;
}

/** By `<pod>/<container>`. */
export type Positions = ReadonlyMap<string, Position>;

/** As an annotation's value. */
export const writePositions = (positions: Positions): string => JSON.stringify(Object.fromEntries(positions));

/** Undefined when there are none, or none that can be read: then nothing is known. */
export function readPositions(value: string | undefined): Positions | undefined {
  if (value === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(value);
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    const entries = Object.entries(parsed);
    return entries.every((entry): entry is [string, Position] => isPosition(entry[1])) ? new Map(entries) : undefined;
  } catch {
    return undefined;
  }
}

function isPosition(value: unknown): value is Position {
  if (typeof value !== 'object' || value === null) return false;
  const { until, lines, begun, passed } = value as Partial<Record<keyof Position, unknown>>;
  return typeof until === 'string' && [lines, begun, passed].every(one => Number.isSafeInteger(one));
}
