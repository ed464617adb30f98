/** What became of the tick that was asked about. */
export const WhyOutcome = {
  /** It has a run, whatever its state. */
  Run: 'Run',
  /** It has none, and the reason is known. */
  Skipped: 'Skipped',
  /** The job was suspended, and still is: the record is made when it is resumed. */
  Suspended: 'Suspended',
  /** It lies in a freeze that is not over: the record is made once it is. */
  Frozen: 'Frozen',
  /** Neither a run nor a skip is recorded yet. */
  NotYet: 'NotYet',
  /** It is still to come. */
  Future: 'Future',
  /** The schedule alone has that time; a calendar, `startAt` or `endAt` takes it out. */
  LeftOut: 'LeftOut',
  /** The schedule in force then had no tick at or before that time. */
  NoTick: 'NoTick',
  /** There was no such job then. */
  NoJob: 'NoJob',
  /** It is longer ago than history is kept. */
  NoRecord: 'NoRecord',
} as const;
export type WhyOutcome = (typeof WhyOutcome)[keyof typeof WhyOutcome];
