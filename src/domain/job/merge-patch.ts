import { CronmeshError } from '../errors.ts';
import { maxDepth } from './extent.ts';

/**
 * JSON merge patch (RFC 7396): objects are merged, null removes a field, everything else replaces. Neither argument
 * is changed.
 *
 * @example mergePatch({ a: 1, b: { c: 2 } }, { a: null, b: { d: 3 } }) // { b: { c: 2, d: 3 } }
 * @throws CronmeshError InvalidInput when the patch is nested more than 64 levels deep
 */
export function mergePatch(target: unknown, patch: unknown, depth = 0): unknown {
  if (depth > maxDepth)
    throw new CronmeshError('InvalidInput', `the patch is nested more than ${maxDepth} levels deep`);
  if (!isObject(patch)) return patch;
  const result = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key);
    else result.set(key, mergePatch(result.get(key), value, depth + 1));
  }
  // fromEntries defines own properties, so that a key named __proto__ stays an ordinary (and then refused) one.
  return Object.fromEntries(result);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
