import { dayOfMonth, dayOfWeek, type FieldKind, hour, minute, month } from '../../domain/schedule/fields.ts';

/** A schedule as cronie reads it, or why there is none. `timeZone` is that of a prefix. */
export type CrontabSchedule = { readonly timeZone?: string } & (
  | { readonly schedule: string }
  | { readonly problem: string }
);

const sameMacros: ReadonlySet<string> = new Set(
  '@yearly @annually @monthly @weekly @daily @midnight @hourly'.split(' '),
);
const kinds = [minute, hour, dayOfMonth, month, dayOfWeek];

/** Writes a valid schedule with what every cron understands: five fields of numbers, ranges, steps and lists. */
export function toCrontabSchedule(expression: string): CrontabSchedule {
  const [, timeZone, text = ''] = /^(?:(?:CRON_)?TZ=(\S*)\s+)?(.*)$/s.exec(expression.trim()) ?? [];
  return { ...(timeZone !== undefined && { timeZone }), ...convert(text) };
}

function convert(text: string): { schedule: string } | { problem: string } {
  if (text.startsWith('@')) {
    const macro = text.toLowerCase();
    if (macro === '@minutely') return { schedule: '* * * * *' };
    return sameMacros.has(macro) ? { schedule: macro } : { problem: `${text} has no equal in a crontab` };
  }
  const fields = text.split(/\s+/);
  if (fields.length === 7 && !/^[*?]$/.test(fields.pop() ?? '')) return { problem: `${text}: a crontab has no years` };
  if (fields.length === 6 && !/^0+$/.test(fields.shift() ?? ''))
    return { problem: `${text}: a crontab has no seconds` };
  const converted = fields.map((field, index) => convertField(field, kinds[index] ?? minute));
  const wrong = converted.indexOf(undefined);
  if (wrong >= 0) return { problem: `${fields[wrong]} (${kinds[wrong]?.field}) has no equal in a crontab` };
  return { schedule: converted.join(' ') };
}

function convertField(field: string, kind: FieldKind): string | undefined {
  const items = field.split(',').map(item => convertItem(item, kind));
  return items.includes(undefined) ? undefined : items.join(',');
}

function convertItem(item: string, kind: FieldKind): string | undefined {
  const numbers = item.replace(/[A-Z]{3}/gi, name => {
    const index = kind.names?.indexOf(name.toUpperCase()) ?? -1;
    return index < 0 ? name : String(kind.min + index);
  });
  const parts = /^(?:[*?]|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(numbers);
  if (!parts) return undefined;
  const [, from, to, step] = parts;
  const every = step === undefined ? '' : `/${step}`;
  if (from === undefined) return `*${every}`;
  if (to === undefined)
    return step === undefined ? from : `${Number(from) > kind.max ? kind.min : from}-${kind.max}${every}`;
  if (Number(from) <= Number(to)) return `${from}-${to}${every}`;
  // A range of names that goes round, as FRI-MON.
  return step === undefined ? `${from}-${kind.max},${kind.min}-${to}` : undefined;
}
