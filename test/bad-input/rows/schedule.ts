import { job, type Row } from '../row.ts';

/** When: schedule, zone, clock changes, deadline, misfires. */

export const scheduleRows: readonly Row[] = [
  ['no schedule', job({ schedule: undefined }), ['spec.schedule: is needed: a string']],
  ['a number for a schedule', job({ schedule: 5 }), ['spec.schedule = 5: must be a string; put it in quotes: "5"']],
  ['null for a schedule', job({ schedule: null }), ['spec.schedule = null: must be a string']],
  ['an empty schedule', job({ schedule: '' }), ['spec.schedule = "": must not be empty']],
  [
    'a schedule of spaces',
    job({ schedule: '   ' }),
    ['spec.schedule = "   ": "   " has no schedule in it (allowed: 5 to 7 fields, or a macro)'],
  ],
  [
    'a schedule of more than 1,024 characters',
    job({ schedule: `${'1,'.repeat(600)}1 * * * *` }),
    [`spec.schedule = "${'1,'.repeat(99)}…: must have at most 1024 characters`],
  ],
  [
    'a schedule of 4 fields',
    job({ schedule: '0 0 * *' }),
    [
      'spec.schedule = "0 0 * *": "0 0 * *" has 4 fields (allowed: 5, minute hour day-of-month month day-of-week; 6, with seconds before them; 7, with a year behind them too; or a macro such as @daily)',
    ],
  ],
  [
    'a schedule of 8 fields',
    job({ schedule: '0 0 0 1 1 * 2030 *' }),
    [
      'spec.schedule = "0 0 0 1 1 * 2030 *": "0 0 0 1 1 * 2030 *" has 8 fields (allowed: 5, minute hour day-of-month month day-of-week; 6, with seconds before them; 7, with a year behind them too; or a macro such as @daily)',
    ],
  ],
  [
    'a minute out of range',
    job({ schedule: '61 * * * *' }),
    ['spec.schedule = "61 * * * *": minute: 61 is out of range (allowed: 0-59)'],
  ],
  [
    'an hour out of range',
    job({ schedule: '0 24 * * *' }),
    ['spec.schedule = "0 24 * * *": hour: 24 is out of range (allowed: 0-23)'],
  ],
  [
    'a day out of range',
    job({ schedule: '0 0 32 * *' }),
    ['spec.schedule = "0 0 32 * *": day-of-month: 32 is out of range (allowed: 1-31, L, LW, 1W-31W)'],
  ],
  [
    'a month out of range',
    job({ schedule: '0 0 1 13 *' }),
    ['spec.schedule = "0 0 1 13 *": month: 13 is out of range (allowed: 1-12, JAN-DEC)'],
  ],
  [
    'a day of the week that is none',
    job({ schedule: '0 0 * * FRY' }),
    ['spec.schedule = "0 0 * * FRY": day-of-week: "FRY" is no number or name (allowed: 0-7, SUN-SAT, 0#1-7#5, 0L-7L)'],
  ],
  [
    'a reversed range',
    job({ schedule: '0 17-9 * * *' }),
    [
      'spec.schedule = "0 17-9 * * *": hour: the range 17-9 is reversed: its first number must not be the larger (allowed: 0-23)',
    ],
  ],
  [
    'a step of 0',
    job({ schedule: '*/0 * * * *' }),
    ['spec.schedule = "*/0 * * * *": minute: the step of "*/0" is 0: it must be 1 or more (allowed: 0-59)'],
  ],
  [
    'an unknown macro',
    job({ schedule: '@dayly' }),
    [
      'spec.schedule = "@dayly": "@dayly" is no macro (allowed: @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, @minutely, @every <duration>, @at <instant>, @manually)',
    ],
  ],
  [
    '@reboot',
    job({ schedule: '@reboot' }),
    [
      'spec.schedule = "@reboot": @reboot has no meaning in a cluster, which no single start begins; use @manually and trigger the job from what starts, or @at <instant> to run it once',
    ],
  ],
  [
    '@every without a duration',
    job({ schedule: '@every' }),
    [
      'spec.schedule = "@every": "" is no duration for @every (allowed: from 1ms, with units ms, s, m, h, d and w, such as 90s or 1h30m)',
    ],
  ],
  [
    '@every with a word',
    job({ schedule: '@every 5 minutes' }),
    [
      'spec.schedule = "@every 5 minutes": "5 minutes" is no duration for @every (allowed: from 1ms, with units ms, s, m, h, d and w, such as 90s or 1h30m)',
    ],
  ],
  [
    '@every of nothing',
    job({ schedule: '@every 0s' }),
    [
      'spec.schedule = "@every 0s": "0s" is no duration for @every (allowed: from 1ms, with units ms, s, m, h, d and w, such as 90s or 1h30m)',
    ],
  ],
  [
    '@at without an offset',
    job({ schedule: '@at 2030-01-01T00:00:00' }),
    [
      'spec.schedule = "@at 2030-01-01T00:00:00": "2030-01-01T00:00:00" is no instant for @at (allowed: RFC 3339 with an offset, such as 2026-03-29T01:00:00Z)',
    ],
  ],
  [
    '@at on 30 February',
    job({ schedule: '@at 2030-02-30T00:00:00Z' }),
    [
      'spec.schedule = "@at 2030-02-30T00:00:00Z": "2030-02-30T00:00:00Z" is no instant for @at (allowed: RFC 3339 with an offset, such as 2026-03-29T01:00:00Z)',
    ],
  ],
  [
    'a zone within the schedule that is none',
    job({ schedule: 'CRON_TZ=Mars/Base 0 3 * * *' }),
    [
      'spec.schedule = "CRON_TZ=Mars/Base 0 3 * * *": "Mars/Base" is no known time zone (allowed: IANA names such as Europe/Berlin or UTC, offsets such as +02:00)',
    ],
  ],
  ['a zone as a number', job({ timeZone: 1 }), ['spec.timeZone = 1: must be a string; put it in quotes: "1"']],
  ['an empty zone', job({ timeZone: '' }), ['spec.timeZone = "": must not be empty']],
  [
    'an unknown zone',
    job({ timeZone: 'Mars/Base' }),
    [
      'spec.timeZone = "Mars/Base": "Mars/Base" is no known time zone (allowed: IANA names such as Europe/Berlin or UTC, offsets such as +02:00)',
    ],
  ],
  [
    'a zone as an offset',
    job({ timeZone: '+25:00' }),
    [
      'spec.timeZone = "+25:00": "+25:00" is no known time zone (allowed: IANA names such as Europe/Berlin or UTC, offsets such as +02:00)',
    ],
  ],
  [
    'another DST policy',
    job({ dstPolicy: 'vixie' }),
    ['spec.dstPolicy = "vixie": must be one of "Vixie", "Literal"; did you mean "Vixie"?'],
  ],
  ['a DST policy as a flag', job({ dstPolicy: true }), ['spec.dstPolicy = true: must be one of "Vixie", "Literal"']],
  ['suspend in words', job({ suspend: 'yes' }), ['spec.suspend = "yes": must be true or false']],
  ['suspend as a number', job({ suspend: 1 }), ['spec.suspend = 1: must be true or false']],
  ['no time to start', job({ startingDeadlineSeconds: 0 }), ['spec.startingDeadlineSeconds = 0: must be at least 1']],
  [
    'more than a year to start',
    job({ startingDeadlineSeconds: 31_536_001 }),
    ['spec.startingDeadlineSeconds = 31536001: must be at most 31536000'],
  ],
  [
    'half a second to start',
    job({ startingDeadlineSeconds: 0.5 }),
    ['spec.startingDeadlineSeconds = 0.5: must be a whole number'],
  ],
  [
    'a time to start with a unit',
    job({ startingDeadlineSeconds: '5m' }),
    ['spec.startingDeadlineSeconds = "5m": must be a number'],
  ],
  [
    'a time to start that is no number',
    job({ startingDeadlineSeconds: Number.NaN }),
    ['spec.startingDeadlineSeconds = NaN: must be a finite number'],
  ],
  [
    'a time to start without end',
    job({ startingDeadlineSeconds: Number.POSITIVE_INFINITY }),
    ['spec.startingDeadlineSeconds = Infinity: must be a finite number'],
  ],
  [
    'another misfire policy',
    job({ misfirePolicy: 'RunLast' }),
    ['spec.misfirePolicy = "RunLast": must be one of "Skip", "RunLatest", "RunAll"; did you mean "RunLatest"?'],
  ],
  [
    'a misfire policy as a list',
    job({ misfirePolicy: ['Skip'] }),
    ['spec.misfirePolicy = ["Skip"]: must be one of "Skip", "RunLatest", "RunAll"'],
  ],
  ['a misfire limit as text', job({ misfireLimit: '5' }), ['spec.misfireLimit = "5": must be a number']],
  ['a misfire limit of a part', job({ misfireLimit: 1.5 }), ['spec.misfireLimit = 1.5: must be a whole number']],
  ['a misfire limit of 0', job({ misfireLimit: 0 }), ['spec.misfireLimit = 0: must be at least 1']],
  [
    'a misfire limit that is too large',
    job({ misfireLimit: 1_001 }),
    ['spec.misfireLimit = 1001: must be at most 1000'],
  ],
  [
    'a misfire limit far below whole numbers',
    job({ misfireLimit: -1e300 }),
    ['spec.misfireLimit = -1e+300: must be at least 1'],
  ],
  [
    'a misfire limit beyond whole numbers',
    job({ misfireLimit: 1e300 }),
    ['spec.misfireLimit = 1e+300: must be at most 1000'],
  ],
];
