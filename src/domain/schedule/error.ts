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
    const told = shortened(reason);
    super(ErrorCode.InvalidInput, `${field}: ${told}`, {
      problems: [{ field, value: given.slice(0, 200), message: told }],
      cause,
    });
    this.field = field;
    this.value = given;
  }
}

/** What was given can be a megabyte, and stands in the middle: what is wrong and what is allowed are at the ends. */
function shortened(reason: string): string {
  return reason.length <= 1_500 ? reason : `${reason.slice(0, 200)} … ${reason.slice(-800)}`;
}
