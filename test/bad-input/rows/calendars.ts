import { job, type Row } from '../row.ts';

/** Calendars, beginning and end, jitter. */

export const calendarsRows: readonly Row[] = [
  ['calendars as a list', job({ calendars: ['a'] }), ['spec.calendars = ["a"]: must be a mapping']],
  [
    'an unknown list of calendars',
    job({ calendars: { holidays: ['a'] } }),
    ['spec.calendars.holidays = ["a"]: is not a known field. Allowed here: exclude, require'],
  ],
  [
    'a misspelled list of calendars',
    job({ calendars: { excludes: ['a'] } }),
    ['spec.calendars.excludes = ["a"]: is not a known field; did you mean exclude? Allowed here: exclude, require'],
  ],
  [
    'excluded calendars in a word',
    job({ calendars: { exclude: 'a' } }),
    ['spec.calendars.exclude = "a": must be a list'],
  ],
  [
    'an excluded calendar as a mapping',
    job({ calendars: { exclude: [{ name: 'a' }] } }),
    ['spec.calendars.exclude[0] = {"name":"a"}: must be a string'],
  ],
  [
    'an excluded calendar whose name is none',
    job({ calendars: { exclude: ['Bank Holidays'] } }),
    [
      "spec.calendars.exclude[0] = \"Bank Holidays\": must be lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit",
    ],
  ],
  [
    'an excluded calendar with a long name',
    job({ calendars: { exclude: ['n'.repeat(129)] } }),
    [`spec.calendars.exclude[0] = "${'n'.repeat(129)}": must have at most 128 characters`],
  ],
  [
    'too many excluded calendars',
    job({ calendars: { exclude: Array.from({ length: 21 }, (_, i) => `c${i}`) } }),
    [
      'spec.calendars.exclude = ["c0","c1","c2","c3","c4","c5","c6","c7","c8","c9","c10","c11","c12","c13","c14","c15","c16","c17","c18","c19","c20"]: must have at most 20 items',
    ],
  ],
  [
    'required calendars in a word',
    job({ calendars: { require: 'a' } }),
    ['spec.calendars.require = "a": must be a list'],
  ],
  [
    'a required calendar as a number',
    job({ calendars: { require: [2026] } }),
    ['spec.calendars.require[0] = 2026: must be a string; put it in quotes: "2026"'],
  ],
  [
    'a required calendar whose name is none',
    job({ calendars: { require: ['Bank Holidays'] } }),
    [
      "spec.calendars.require[0] = \"Bank Holidays\": must be lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit",
    ],
  ],
  [
    'a required calendar with a long name',
    job({ calendars: { require: ['n'.repeat(129)] } }),
    [`spec.calendars.require[0] = "${'n'.repeat(129)}": must have at most 128 characters`],
  ],
  [
    'too many required calendars',
    job({ calendars: { require: Array.from({ length: 21 }, (_, i) => `c${i}`) } }),
    [
      'spec.calendars.require = ["c0","c1","c2","c3","c4","c5","c6","c7","c8","c9","c10","c11","c12","c13","c14","c15","c16","c17","c18","c19","c20"]: must have at most 20 items',
    ],
  ],
  [
    'a calendar both excluded and required',
    job({ calendars: { exclude: ['a', 'b'], require: ['b'] } }),
    ['spec.calendars = {"exclude":["a","b"],"require":["b"]}: must not name a calendar in both exclude and require'],
  ],
  [
    'a beginning without a zone',
    job({ startAt: '2026-12-01T00:00:00' }),
    ['spec.startAt = "2026-12-01T00:00:00": must be an instant as RFC 3339, such as 2026-12-01T00:00:00Z'],
  ],
  [
    'a beginning that is a date',
    job({ startAt: '2026-12-01' }),
    ['spec.startAt = "2026-12-01": must be an instant as RFC 3339, such as 2026-12-01T00:00:00Z'],
  ],
  [
    'a beginning in words',
    job({ startAt: 'tomorrow' }),
    ['spec.startAt = "tomorrow": must be an instant as RFC 3339, such as 2026-12-01T00:00:00Z'],
  ],
  [
    'a beginning on a day that there is not',
    job({ startAt: '2027-02-29T00:00:00Z' }),
    ['spec.startAt = "2027-02-29T00:00:00Z": must be a date and a time that there are'],
  ],
  [
    'a beginning as a number',
    job({ startAt: 1_795_370_400_000 }),
    ['spec.startAt = 1795370400000: must be a string; put it in quotes: "1795370400000"'],
  ],
  [
    'a beginning that is too long',
    job({ startAt: `2026-12-01T00:00:00.${'0'.repeat(40)}Z` }),
    [
      'spec.startAt = "2026-12-01T00:00:00.0000000000000000000000000000000000000000Z": must have at most 40 characters',
      'spec.startAt = "2026-12-01T00:00:00.0000000000000000000000000000000000000000Z": must be an instant as RFC 3339, such as 2026-12-01T00:00:00Z',
    ],
  ],
  [
    'an end on a day that there is not',
    job({ endAt: '2026-02-30T00:00:00Z' }),
    ['spec.endAt = "2026-02-30T00:00:00Z": must be a date and a time that there are'],
  ],
  [
    'an end at an hour that there is not',
    job({ endAt: '2026-12-01T25:00:00Z' }),
    ['spec.endAt = "2026-12-01T25:00:00Z": must be a date and a time that there are'],
  ],
  ['an end as a flag', job({ endAt: false }), ['spec.endAt = false: must be a string; put it in quotes: "false"']],
  [
    'an end without a zone',
    job({ endAt: '2026-12-01T00:00:00' }),
    ['spec.endAt = "2026-12-01T00:00:00": must be an instant as RFC 3339, such as 2026-12-01T00:00:00Z'],
  ],
  [
    'an end that is too long',
    job({ endAt: `2026-12-01T00:00:00.${'0'.repeat(40)}Z` }),
    [
      'spec.endAt = "2026-12-01T00:00:00.0000000000000000000000000000000000000000Z": must have at most 40 characters',
      'spec.endAt = "2026-12-01T00:00:00.0000000000000000000000000000000000000000Z": must be an instant as RFC 3339, such as 2026-12-01T00:00:00Z',
    ],
  ],
  [
    'an end before the beginning',
    job({ startAt: '2026-12-01T00:00:00Z', endAt: '2026-12-01T00:00:00+01:00' }),
    ['spec.endAt = "2026-12-01T00:00:00+01:00": must be after startAt'],
  ],
  [
    'an end at the beginning',
    job({ startAt: '2026-12-01T00:00:00Z', endAt: '2026-12-01T01:00:00+01:00' }),
    ['spec.endAt = "2026-12-01T01:00:00+01:00": must be after startAt'],
  ],
  ['a jitter before the tick', job({ jitterSeconds: -1 }), ['spec.jitterSeconds = -1: must be at least 0']],
  [
    'a jitter of more than a day',
    job({ jitterSeconds: 86_401 }),
    ['spec.jitterSeconds = 86401: must be at most 86400'],
  ],
  ['a jitter of half a second', job({ jitterSeconds: 0.5 }), ['spec.jitterSeconds = 0.5: must be a whole number']],
  ['a jitter with a unit', job({ jitterSeconds: '5m' }), ['spec.jitterSeconds = "5m": must be a number']],
];
