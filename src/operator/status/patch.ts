import { isDeepStrictEqual } from 'node:util';
import { type CronJobStatus, statusFields } from './types.ts';

/**
 * The merge patch that makes one status of another: only the fields that differ, null for those that go. Undefined
 * where nothing differs.
 */
export function statusPatch(
  before: Partial<CronJobStatus> | undefined,
  wanted: CronJobStatus,
): Readonly<Record<string, unknown>> | undefined {
  const patch: Record<string, unknown> = {};
  for (const field of statusFields) {
    if (isDeepStrictEqual(before?.[field], wanted[field])) continue;
    patch[field] = wanted[field] === undefined ? null : mergeable(before?.[field], wanted[field]);
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** A merge patch goes into mappings: what is not named would stay. */
function mergeable(before: unknown, wanted: unknown): unknown {
  if (!isMapping(before) || !isMapping(wanted)) return wanted;
  const gone = Object.keys(before).filter(name => wanted[name] === undefined);
  return { ...wanted, ...Object.fromEntries(gone.map(name => [name, null])) };
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
