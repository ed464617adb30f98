/**
 * How many bytes a value takes as JSON, about: characters beyond ASCII as UTF-8, without escapes. Infinity for what is
 * no JSON (NaN, a date, undefined in a list). Counts no further than `limit`, so that a huge or cyclic value (YAML
 * aliases can make one) costs no more than a small one.
 *
 * @example jsonBytes({ a: [1, 'x'] }, 1_000) // 13
 */
export function jsonBytes(value: unknown, limit: number): number {
  let bytes = 0;
  const count = (part: unknown): void => {
    if (bytes > limit) return;
    if (part === null || typeof part === 'boolean') bytes += 4;
    else if (typeof part === 'number') bytes += Number.isFinite(part) ? String(part).length : Number.POSITIVE_INFINITY;
    else if (typeof part === 'string') bytes += textBytes(part) + 2;
    else if (Array.isArray(part)) {
      bytes += 2;
      for (const item of part) {
        count(item);
        bytes += 1;
        if (bytes > limit) return;
      }
    } else if (isPlain(part)) {
      bytes += 2;
      for (const [name, item] of Object.entries(part)) {
        bytes += textBytes(name) + 4;
        count(item);
        if (bytes > limit) return;
      }
    } else bytes = Number.POSITIVE_INFINITY;
  };
  count(value);
  return bytes;
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

const textBytes = (text: string): number => new TextEncoder().encode(text).length;
