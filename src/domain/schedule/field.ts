import { ScheduleError } from './error.ts';
import type { FieldKind } from './fields.ts';
import { hashBelow } from './hash.ts';

/** A field that was understood: its numbers within the kind's `min` to `max`, and whether it begins with `*` or `?`. */
export interface FieldValues {
  readonly numbers: ReadonlySet<number>;
  readonly star: boolean;
}

/** Takes the items that only one field has (`L`, `15W`, `FRI#2`); false leaves the item to the common grammar. */
export type SpecialItem = (item: string) => boolean;

/** Refuses a field: `reason` says what is wrong, what is allowed follows. */
export function refuse(kind: FieldKind, text: string, reason: string): never {
  throw new ScheduleError(kind.field, text, `${reason} (allowed: ${kind.allowed})`);
}

/** A number or name, as it was written: 7 stays 7. */
export function parseNumber(kind: FieldKind, text: string): number {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number < kind.min || number > (kind.maxWritten ?? kind.max)) refuse(kind, text, `${text} is out of range`);
    return number;
  }
  const index = kind.names?.indexOf(text.toUpperCase()) ?? -1;
  if (index < 0) refuse(kind, text, `${JSON.stringify(text)} is no number${kind.names ? ' or name' : ''}`);
  return kind.min + index;
}

/** Reads one field. Items are separated by commas; each is a star, number, range, hash or special, most with a step. */
export function parseField(kind: FieldKind, text: string, hashKey: string, special?: SpecialItem): FieldValues {
  const numbers = new Set<number>();
  for (const item of text.split(',')) {
    if (item === '') refuse(kind, text, `${JSON.stringify(text)} has an empty list item`);
    if (special?.(item)) continue;
    for (const number of parseItem(kind, item, hashKey)) numbers.add(number > kind.max ? kind.min : number);
  }
  return { numbers, star: text.startsWith('*') || text.startsWith('?') };
}

function parseItem(kind: FieldKind, item: string, hashKey: string): number[] {
  const slash = item.indexOf('/');
  const base = slash < 0 ? item : item.slice(0, slash);
  const step = slash < 0 ? undefined : parseStep(kind, item, item.slice(slash + 1));
  if (base === '*' || base === '?') return sequence(kind.min, kind.max, step ?? 1);
  if (/^H(\(|$)/i.test(base)) return parseHash(kind, item, base, step, hashKey);

  const ends = base.split('-');
  if (ends.length > 2 || ends.includes('')) refuse(kind, item, `${JSON.stringify(item)} is no number, range or step`);
  const [first = '', last] = ends;
  const from = parseNumber(kind, first);
  if (last === undefined) {
    if (step === undefined) return [from];
    return sequence(from > kind.max ? kind.min : from, kind.max, step);
  }
  const to = parseNumber(kind, last);
  if (from <= to) return sequence(from, to, step ?? 1);
  // FRI-MON and NOV-FEB say what they mean; a reversed range of numbers is more likely a slip.
  if (/\d/.test(base)) refuse(kind, item, `the range ${base} is reversed: its first number must not be the larger`);
  const span = kind.max - kind.min + 1;
  return sequence(from, to + span, step ?? 1).map(number => (number > kind.max ? number - span : number));
}

function parseStep(kind: FieldKind, item: string, text: string): number {
  if (!/^\d+$/.test(text)) refuse(kind, item, `the step of ${JSON.stringify(item)} is no number: it must be 1 or more`);
  const step = Number(text);
  if (step === 0) refuse(kind, item, `the step of ${JSON.stringify(item)} is 0: it must be 1 or more`);
  return step;
}

/** `H`, `H/S`, `H(a-b)`, `H(a-b)/S`: one number of the range, or every S-th from a hashed one of its first S. */
function parseHash(kind: FieldKind, item: string, base: string, step: number | undefined, hashKey: string): number[] {
  if (kind.field === 'year') refuse(kind, item, 'H has no meaning in a year');
  let from = kind.min;
  let to = kind.maxHashed ?? kind.max;
  if (base.length > 1) {
    const range = /^H\(([^-()]+)-([^-()]+)\)$/i.exec(base);
    if (!range) refuse(kind, item, `${JSON.stringify(item)} is no hash: write H, H/S, H(a-b) or H(a-b)/S`);
    from = parseNumber(kind, range[1] ?? '');
    to = parseNumber(kind, range[2] ?? '');
    if (from > to) refuse(kind, item, `the range of ${item} is reversed: its first number must not be the larger`);
  }
  const span = Math.min(step ?? Number.POSITIVE_INFINITY, to - from + 1);
  const first = from + hashBelow(span, kind.field, hashKey);
  return step === undefined ? [first] : sequence(first, to, step);
}

function sequence(from: number, to: number, step: number): number[] {
  const numbers: number[] = [];
  for (let number = from; number <= to; number += step) numbers.push(number);
  return numbers;
}
