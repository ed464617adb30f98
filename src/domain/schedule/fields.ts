import type { ScheduleField } from './error.ts';

/** What may stand in one field of an expression. */
export interface FieldKind {
  readonly field: ScheduleField;
  readonly min: number;
  readonly max: number;
  /** The largest number that may be written; 7 for day-of-week, where it is Sunday again. Default `max`. */
  readonly maxWritten?: number;
  /** The largest number that a plain `H` or `H/S` gives. Default `max`. */
  readonly maxHashed?: number;
  /** Names for `min`, `min + 1`, …, in upper case. */
  readonly names?: readonly string[];
  /** For error messages. */
  readonly allowed: string;
}

export const second: FieldKind = { field: 'second', min: 0, max: 59, allowed: '0-59' };
export const minute: FieldKind = { field: 'minute', min: 0, max: 59, allowed: '0-59' };
export const hour: FieldKind = { field: 'hour', min: 0, max: 23, allowed: '0-23' };
export const dayOfMonth: FieldKind = {
  field: 'day-of-month',
  min: 1,
  max: 31,
  maxHashed: 28, // so that a hashed day comes in every month
  allowed: '1-31, L, LW, 1W-31W',
};
export const month: FieldKind = {
  field: 'month',
  min: 1,
  max: 12,
  names: ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'],
  allowed: '1-12, JAN-DEC',
};
export const dayOfWeek: FieldKind = {
  field: 'day-of-week',
  min: 0,
  max: 6,
  maxWritten: 7,
  names: ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'],
  allowed: '0-7, SUN-SAT, 0#1-7#5, 0L-7L',
};
export const year: FieldKind = { field: 'year', min: 1970, max: 2099, allowed: '1970-2099' };
