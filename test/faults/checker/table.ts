import type { History, Percentiles, Verdict } from '../history/history.ts';

/** So many violations of one rule are shown; verdict.json has all. */
const shown = 12;

/** A verdict for people. */
export function table({ run }: History, { counts, lateness, violations }: Verdict): string {
  const { skips, ...numbers } = counts;
  const seconds = ((run.to - run.from) / 1_000).toFixed(0);
  const late = (name: string, { count, p50, p99, max }: Percentiles): string =>
    `${`  late, ${name}`.padEnd(16)}p50 ${p50} ms, p99 ${p99} ms, at most ${max} ms (${count} starts)`;
  const rows = Object.entries(numbers).map(([name, count]) => `  ${name.padEnd(14)}${count}`);
  const reasons = Object.entries(skips).map(([reason, count]) => `    ${reason.padEnd(24)}${count}`);
  const byRule = [...Map.groupBy(violations, ({ rule }) => rule)].flatMap(([rule, all]) => [
    `  ${rule}: ${all.length}`,
    ...all.slice(0, shown).map(({ what }) => `    ${what}`),
    ...(all.length > shown ? [`    … and ${all.length - shown} more`] : []),
  ]);
  const verdict = violations.length === 0 ? 'PASSED' : `${violations.length} VIOLATIONS`;
  return [
    `${verdict} (seed ${run.seed}, ${seconds} s, ${run.nemeses.join(', ') || 'no nemesis'})`,
    ...rows,
    ...(reasons.length > 0 ? ['  skips', ...reasons] : []),
    late('calm', lateness.calm),
    late('all', lateness.all),
    ...byRule,
  ].join('\n');
}
