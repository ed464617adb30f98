import type { Milliseconds } from '../time.ts';

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

/**
 * Reads a duration as Go writes it, `1h30m`, `90s`, `1.5h`, `500ms`, with `d` (24 h) and `w` besides; undefined when it
 * is none, or not a whole number of milliseconds from 1.
 */
export function parseDuration(text: string): Milliseconds | undefined {
  if (!/^(\d+(\.\d+)?(ms|[smhdw]))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, number, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)) {
    sum += Number(number) * (units[unit] ?? 0);
  }
  // 0.1 and the like are not exact in binary.
  const whole = Math.round(sum);
  return Math.abs(sum - whole) < 1e-6 && whole >= 1 && Number.isSafeInteger(whole) ? whole : undefined;
}
