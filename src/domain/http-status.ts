/** A status (204), a class (`2xx`) or a range (`200-299`). */
export type StatusPattern = number | string;

/**
 * Whether a status is one of those named.
 *
 * @example matchesStatus(503, [429, '5xx']) // true
 */
export function matchesStatus(status: number, patterns: readonly StatusPattern[]): boolean {
  return patterns.some(pattern => {
    if (typeof pattern === 'number') return pattern === status;
    if (pattern.endsWith('xx')) return pattern.startsWith(String(Math.trunc(status / 100)));
    const [low = Number.NaN, high = low] = pattern.split('-').map(Number);
    return status >= low && status <= high;
  });
}
