import { Cron } from 'croner';

const unit: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const shorthand: Readonly<Record<string, string>> = { '@minutely': '* * * * *' };

/** Milliseconds of a duration such as `90s` or `1m30s`. @throws Error for what is none */
export function durationOf(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map(([all]) => all).join('') !== text) throw new Error(`${text} is no duration`);
  return parts.reduce((sum, [, number, name]) => sum + Number(number) * (unit[name ?? ''] ?? Number.NaN), 0);
}

/**
 * The ticks in (after, until], by `croner` and by hand: never by the product's own engine.
 */
export function ticksOf(
  { schedule, timeZone }: { readonly schedule: string; readonly timeZone?: string | undefined },
  anchor: number | undefined,
  after: number,
  until: number,
): number[] {
  if (schedule === '@manually' || until <= after) return [];
  if (schedule.startsWith('@at ')) {
    const at = Date.parse(schedule.slice(4).trim());
    return at > after && at <= until ? [at] : [];
  }
  if (schedule.startsWith('@every ')) {
    // A job that was asked for without an answer, and that nobody ever saw.
    if (anchor === undefined) return [];
    const period = durationOf(schedule.slice(7).trim());
    const first = Math.floor((after - anchor) / period) + 1;
    const ticks: number[] = [];
    for (let k = Math.max(1, first); anchor + k * period <= until; k++) ticks.push(anchor + k * period);
    return ticks;
  }
  const cron = new Cron(shorthand[schedule] ?? schedule, { timezone: timeZone ?? 'UTC', paused: true });
  const ticks: number[] = [];
  // croner counts in whole seconds: a floor within a second must not hide the next one.
  let next = cron.nextRun(new Date(Math.floor(after / 1_000) * 1_000));
  for (; next !== null && next.getTime() <= until; next = cron.nextRun(next)) {
    if (next.getTime() > after) ticks.push(next.getTime());
  }
  return ticks;
}
