import { CronmeshError, ErrorCode } from '../errors.ts';

/** The part of a schedule, or of the options of a computation, that an error is about. */
export type ScheduleField =
  | 'expression'
  | 'second'
  | 'minute'
  | 'hour'
  | 'day-of-month'
  | 'month'
  | 'day-of-week'
  | 'year'
  | 'timeZone'
  | 'dstPolicy'
  | 'anchor'
  | 'from'
  | 'count';

/** A schedule, or an option of a computation, that means nothing. The same input never succeeds later. */
export class ScheduleError extends CronmeshError {
  override readonly name = 'ScheduleError';
  /** What is wrong: `minute`, `timeZone`, … */
  readonly field: ScheduleField;
  /** What was given there, as it was written. */
  readonly value: string;

  /** `reason` says what is wrong with the value and what is allowed; the message is `<field>: <reason>`. */
  constructor(field: ScheduleField, value: unknown, reason: string, cause?: unknown) {
    const given = String(value);
    const message = `${field}: ${reason}`;
    super(ErrorCode.InvalidInput, message, {
      problems: [{ field, value: given.slice(0, 200), message: reason }],
      cause,
    });
    this.field = field;
    this.value = given;
  }
}
