import { blank, celPattern, ink } from './cel.ts';
import type { Validation } from './schema.ts';

/**
 * What CEL judges of a schedule: its shape. Ranges, names, dates and zones are the engine's; the operator gives its
 * words in the condition Ready. Nothing that the engine accepts may be refused here.
 */

const start = `^${blank}*(?:(?:CRON_)?TZ=${ink}*${blank}+)?`;
const end = `${blank}*$`;
const wordEnd = `(?:${blank}|$)`;
const plain = 'yearly|annually|monthly|weekly|daily|midnight|hourly|minutely|manually';
const duration = String.raw`(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+`;
const instant = String.raw`\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)`;

const matches = (pattern: string): string => `self.matches(${celPattern(start + pattern)})`;

export const scheduleRules: readonly Validation[] = [
  {
    // A field of minutes or seconds begins with a digit, a star or an H; so no zone's prefix is counted as a field.
    rule: `${matches('@')} || ${matches(`[0-9*?Hh]${ink}*(?:${blank}+${ink}+){4,6}${end}`)}`,
    message:
      'must have 5 fields (minute hour day-of-month month day-of-week), 6 with seconds before them, 7 with a year behind them too, or be a macro such as @daily',
  },
  {
    rule: `!${matches(`(?i:@reboot)${wordEnd}`)}`,
    message:
      '@reboot has no meaning in a cluster, which no single start begins; use @manually and trigger the job from what starts, or @at <instant> to run it once',
  },
  {
    rule: `!${matches('@')} || ${matches(`@(?i:${plain}|every|at|reboot)${wordEnd}`)}`,
    message:
      'is no macro; allowed are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, @minutely, @every <duration>, @at <instant> and @manually',
  },
  {
    rule: `!${matches(`@(?i:${plain})${wordEnd}`)} || ${matches(`@(?i:${plain})${end}`)}`,
    message: 'this macro takes nothing behind it',
  },
  {
    rule: `!${matches(`(?i:@every)${wordEnd}`)} || ${matches(`(?i:@every)${blank}+${duration}${end}`)}`,
    message: '@every needs a duration from 1ms, with units ms, s, m, h, d and w, such as 90s or 1h30m',
  },
  {
    rule: `!${matches(`(?i:@at)${wordEnd}`)} || ${matches(`(?i:@at)${blank}+${instant}${end}`)}`,
    message: '@at needs an instant of RFC 3339 with an offset, such as 2026-03-29T01:00:00Z',
  },
];
