import { CronSchedule } from './cron.ts';
import { parseDuration } from './duration.ts';
import { ScheduleError } from './error.ts';
import { parseExpression } from './expression.ts';
import { parseInstant, toInstant } from './instants.ts';
import { DstPolicy, type Schedule, type ScheduleOptions } from './schedule.ts';
import { PeriodicSchedule, SingleSchedule } from './special.ts';
import { Zone } from './zone.ts';

/** Macros that are short for fields. */
const macros: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
  ['@minutely', '* * * * *'],
]);
const macroNames = `${[...macros.keys()].join(', ')}, @every <duration>, @at <instant>, @manually`;

/**
 * Reads a schedule. The result is small and can be kept: field sets and zone tables are shared between schedules.
 *
 * @example parseSchedule('0 9 * * MON-FRI', { timeZone: 'Europe/Berlin' }).next(Date.now())
 * @throws ScheduleError that names the field, the value and what is allowed
 */
export function parseSchedule(expression: string, options: ScheduleOptions = {}): Schedule {
  if (typeof expression !== 'string') {
    throw new ScheduleError('expression', expression, `${JSON.stringify(expression)} is not a string`);
  }
  const policy = options.dstPolicy ?? DstPolicy.Vixie;
  if (policy !== DstPolicy.Vixie && policy !== DstPolicy.Literal) {
    throw new ScheduleError('dstPolicy', policy, `${JSON.stringify(policy)} is no policy (allowed: Vixie, Literal)`);
  }
  const { zoneName, text } = splitZone(expression);
  const zone = Zone.named(zoneName ?? options.timeZone ?? 'UTC');
  if (text === '') {
    const reason = `${JSON.stringify(expression)} has no schedule in it (allowed: 5 to 7 fields, or a macro)`;
    throw new ScheduleError('expression', expression, reason);
  }
  const fields = text.startsWith('@') ? macros.get(text.toLowerCase()) : text;
  if (fields === undefined) return parseSpecial(expression, text, zone.name, options);
  const { pattern, followsRealTime } = parseExpression(fields, options.hashKey ?? '');
  return new CronSchedule(expression, pattern, zone, followsRealTime || policy === DstPolicy.Literal);
}

/** Takes off a `CRON_TZ=` or `TZ=` prefix. */
function splitZone(expression: string): { zoneName?: string; text: string } {
  const text = expression.trim();
  const prefix = /^(?:CRON_)?TZ=(\S*)\s*/.exec(text);
  return prefix ? { zoneName: prefix[1] ?? '', text: text.slice(prefix[0].length) } : { text };
}

/** `@every`, `@at`, `@manually`, and what is none of the macros. */
function parseSpecial(expression: string, text: string, timeZone: string, options: ScheduleOptions): Schedule {
  const [macro = '', ...words] = text.split(/\s+/);
  const argument = words.join(' ');
  const name = macro.toLowerCase();
  switch (name) {
    case '@every': {
      const period = parseDuration(argument);
      if (period === undefined) {
        const reason = `${JSON.stringify(argument)} is no duration for @every (allowed: from 1ms, with units ms, s, m, h, d and w, such as 90s or 1h30m)`;
        throw new ScheduleError('expression', text, reason);
      }
      const anchor = options.anchor === undefined ? undefined : toInstant('anchor', options.anchor);
      return new PeriodicSchedule(expression, timeZone, period, anchor);
    }
    case '@at': {
      const at = parseInstant(argument);
      if (at === undefined) {
        const reason = `${JSON.stringify(argument)} is no instant for @at (allowed: RFC 3339 with an offset, such as 2026-03-29T01:00:00Z)`;
        throw new ScheduleError('expression', text, reason);
      }
      return new SingleSchedule(expression, timeZone, at);
    }
    case '@manually':
      if (argument === '') return new SingleSchedule(expression, timeZone, undefined);
      throw new ScheduleError('expression', text, `@manually takes nothing behind it, not ${JSON.stringify(argument)}`);
    case '@reboot':
      throw new ScheduleError(
        'expression',
        text,
        '@reboot has no meaning in a cluster, which no single start begins; use @manually and trigger the job from what starts, or @at <instant> to run it once',
      );
    default:
      throw new ScheduleError('expression', text, `${JSON.stringify(text)} is no macro (allowed: ${macroNames})`);
  }
}
