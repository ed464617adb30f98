import type { Row } from '../row.ts';

/** Manifests of calendars, sent to the namespace default. */

/** A right one, with the given fields of its spec and metadata put in. */
const calendar = (spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}) => ({
  metadata: { name: 'a', ...metadata },
  spec: { dates: ['2026-12-25'], ...spec },
});

export const calendarManifestRows: readonly Row[] = [
  ['no mapping', 'x', ['(document) = "x": must be a mapping']],
  ['nothing in it', {}, ['metadata.name: is needed: a string', 'spec: is needed: a mapping']],
  [
    'an unknown part',
    { ...calendar(), specs: {} },
    ['specs = {}: is not a known field; did you mean spec? Allowed here: apiVersion, kind, metadata, spec'],
  ],
  ['another version', { ...calendar(), apiVersion: 'v1' }, ['apiVersion = "v1": must be "cronmesh.io/v1alpha1"']],
  ['another kind', { ...calendar(), kind: 'Calender' }, ['kind = "Calender": must be "Calendar"']],
  ['metadata as text', { ...calendar(), metadata: 'a' }, ['metadata = "a": must be a mapping']],
  ['no name', { ...calendar(), metadata: {} }, ['metadata.name: is needed: a string']],
  [
    'a name as a number',
    calendar({}, { name: 2026 }),
    ['metadata.name = 2026: must be a string; put it in quotes: "2026"'],
  ],
  [
    'a name in capitals',
    calendar({}, { name: 'Holidays' }),
    [
      "metadata.name = \"Holidays\": must be lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit",
    ],
  ],
  [
    'a long name',
    calendar({}, { name: 'n'.repeat(129) }),
    [`metadata.name = "${'n'.repeat(129)}": must have at most 128 characters`],
  ],
  [
    'a namespace as a number',
    calendar({}, { namespace: 1 }),
    [
      'metadata.namespace = 1: must be a string; put it in quotes: "1"',
      'metadata.namespace = 1: must be "default", as in the address, or be left out',
    ],
  ],
  [
    'a namespace with a dot',
    calendar({}, { namespace: 'a.b' }),
    [
      'metadata.namespace = "a.b": must be lower-case letters, digits and \'-\', beginning and ending with a letter or digit',
      'metadata.namespace = "a.b": must be "default", as in the address, or be left out',
    ],
  ],
  [
    'a long namespace',
    calendar({}, { namespace: 'n'.repeat(64) }),
    [
      `metadata.namespace = "${'n'.repeat(64)}": must have at most 63 characters`,
      `metadata.namespace = "${'n'.repeat(64)}": must be "default", as in the address, or be left out`,
    ],
  ],
  [
    'an unknown field of metadata',
    calendar({}, { label: {} }),
    [
      'metadata.label = {}: is not a known field; did you mean labels? Allowed here: name, namespace, labels, annotations',
    ],
  ],
  ['labels as a list', calendar({}, { labels: [] }), ['metadata.labels = []: must be a mapping']],
  [
    'a label as a number',
    calendar({}, { labels: { year: 2026 } }),
    ['metadata.labels.year = 2026: must be a string; put it in quotes: "2026"'],
  ],
  [
    'a wrong label',
    calendar({}, { labels: { a: 'b c' } }),
    ['metadata.labels.a = "b c": must be a Kubernetes label value: up to 63 letters, digits, "-", "_" and "."'],
  ],
  [
    'a wrong name of a label',
    calendar({}, { labels: { 'a b': 'c' } }),
    [
      'metadata.labels["a b"] = "a b": the name must be a Kubernetes label key: an optional DNS prefix and "/", then up to 63 characters',
    ],
  ],
  ['annotations as text', calendar({}, { annotations: 'a' }), ['metadata.annotations = "a": must be a mapping']],
  [
    'an annotation as a flag',
    calendar({}, { annotations: { a: true } }),
    ['metadata.annotations.a = true: must be a string; put it in quotes: "true"'],
  ],
  [
    'a NUL',
    calendar({}, { annotations: { a: 'b\0' } }),
    ['metadata.annotations.a = "b\\u0000": must be text without NUL or broken characters'],
  ],
  ['a spec as a list', { ...calendar(), spec: [] }, ['spec = []: must be a mapping']],
  [
    'nothing that it holds',
    { ...calendar(), spec: {} },
    ['spec = {}: must have at least one of dates, ranges and weekly'],
  ],
  [
    'a misspelled field',
    calendar({ date: [] }),
    ['spec.date = []: is not a known field; did you mean dates? Allowed here: timeZone, dates, ranges, weekly'],
  ],
  ['a zone as a number', calendar({ timeZone: 1 }), ['spec.timeZone = 1: must be a string; put it in quotes: "1"']],
  ['an empty zone', calendar({ timeZone: '' }), ['spec.timeZone = "": must not be empty']],
  [
    'an unknown zone',
    calendar({ timeZone: 'Mars/Phobos' }),
    [
      'spec.timeZone = "Mars/Phobos": "Mars/Phobos" is no known time zone (allowed: IANA names such as Europe/Berlin or UTC, offsets such as +02:00)',
    ],
  ],
  ['dates as one', calendar({ dates: '2026-12-25' }), ['spec.dates = "2026-12-25": must be a list']],
  [
    'a date as a number',
    calendar({ dates: [20261225] }),
    ['spec.dates[0] = 20261225: must be a string; put it in quotes: "20261225"'],
  ],
  [
    'a date that there is not',
    calendar({ dates: ['2026-02-30'] }),
    ['spec.dates[0] = "2026-02-30": must be a date of the years 1970 to 2499, such as 2026-12-25'],
  ],
  [
    'a date before 1970',
    calendar({ dates: ['1969-12-31'] }),
    ['spec.dates[0] = "1969-12-31": must be a date of the years 1970 to 2499, such as 2026-12-25'],
  ],
  [
    'a date after 2499',
    calendar({ dates: ['2500-01-01'] }),
    ['spec.dates[0] = "2500-01-01": must be a date of the years 1970 to 2499, such as 2026-12-25'],
  ],
  [
    'a date with a time',
    calendar({ dates: ['2026-12-25T00:00:00Z'] }),
    ['spec.dates[0] = "2026-12-25T00:00:00Z": must be a date of the years 1970 to 2499, such as 2026-12-25'],
  ],
  [
    'too many dates',
    calendar({ dates: Array(5_001).fill('2026-12-25') }),
    [`spec.dates = [${'"2026-12-25",'.repeat(15)}"20…: must have at most 5000 items`],
  ],
  [
    'ranges as one',
    calendar({ ranges: { from: '2026-12-25', to: '2026-12-26' } }),
    ['spec.ranges = {"from":"2026-12-25","to":"2026-12-26"}: must be a list'],
  ],
  [
    'too many ranges',
    calendar({ ranges: Array(2_001).fill({ from: '2026-12-25', to: '2026-12-26' }) }),
    [
      'spec.ranges = [{"from":"2026-12-25","to":"2026-12-26"},{"from":"2026-12-25","to":"2026-12-26"},{"from":"2026-12-25","to":"2026-12-26"},{"from":"2026-12-25","to":"2026-12-26"},{"from":"2026-12-25","to":"2026-12-26"…: must have at most 2000 items',
    ],
  ],
  ['a range in a word', calendar({ ranges: ['2026'] }), ['spec.ranges[0] = "2026": must be a mapping']],
  [
    'a misspelled field of a range',
    calendar({ ranges: [{ from: '2026-12-25', to: '2026-12-26', form: 1 }] }),
    ['spec.ranges[0].form = 1: is not a known field; did you mean from? Allowed here: from, to'],
  ],
  [
    'a range without edges',
    calendar({ ranges: [{}] }),
    ['spec.ranges[0].from: is needed: a string', 'spec.ranges[0].to: is needed: a string'],
  ],
  [
    'a range of numbers',
    calendar({ ranges: [{ from: 2025, to: 2026 }] }),
    [
      'spec.ranges[0].from = 2025: must be a string; put it in quotes: "2025"',
      'spec.ranges[0].to = 2026: must be a string; put it in quotes: "2026"',
    ],
  ],
  [
    'a range of no dates',
    calendar({ ranges: [{ from: '25.12.2026', to: 'Christmas' }] }),
    [
      'spec.ranges[0].from = "25.12.2026": must be a date (2026-12-25) or an instant as RFC 3339 (2026-12-25T08:00:00+01:00) of the years 1970 to 2499',
      'spec.ranges[0].to = "Christmas": must be a date (2026-12-25) or an instant as RFC 3339 (2026-12-25T08:00:00+01:00) of the years 1970 to 2499',
    ],
  ],
  [
    'a range backwards',
    calendar({ ranges: [{ from: '2026-12-25', to: '2026-12-24' }] }),
    ['spec.ranges[0].to = "2026-12-24": must be after from (the same date is one day)'],
  ],
  [
    'a range of no time',
    calendar({ ranges: [{ from: '2026-12-25T00:00:00Z', to: '2026-12-25T01:00:00+01:00' }] }),
    ['spec.ranges[0].to = "2026-12-25T01:00:00+01:00": must be after from (the same date is one day)'],
  ],
  [
    'a range of a date and an instant',
    calendar({ ranges: [{ from: '2026-12-25', to: '2026-12-25T01:00:00Z' }] }),
    [
      'spec.ranges[0] = {"from":"2026-12-25","to":"2026-12-25T01:00:00Z"}: must have two dates or two instants, not one of each',
    ],
  ],
  [
    'weekly windows as one',
    calendar({ weekly: { days: ['Mon'] } }),
    ['spec.weekly = {"days":["Mon"]}: must be a list'],
  ],
  [
    'too many weekly windows',
    calendar({ weekly: Array(101).fill({ days: ['Mon'] }) }),
    [`spec.weekly = [${'{"days":["Mon"]},'.repeat(11)}{"days":["M…: must have at most 100 items`],
  ],
  ['a weekly window in a word', calendar({ weekly: ['Mon'] }), ['spec.weekly[0] = "Mon": must be a mapping']],
  [
    'a misspelled field of a weekly window',
    calendar({ weekly: [{ days: ['Mon'], day: 'Tue' }] }),
    ['spec.weekly[0].day = "Tue": is not a known field; did you mean days? Allowed here: days, from, to'],
  ],
  ['a weekly window without days', calendar({ weekly: [{}] }), ['spec.weekly[0].days: is needed: a list']],
  ['days in a word', calendar({ weekly: [{ days: 'Mon' }] }), ['spec.weekly[0].days = "Mon": must be a list']],
  ['no days', calendar({ weekly: [{ days: [] }] }), ['spec.weekly[0].days = []: must not be empty']],
  [
    'too many days',
    calendar({ weekly: [{ days: Array(8).fill('Mon') }] }),
    ['spec.weekly[0].days = ["Mon","Mon","Mon","Mon","Mon","Mon","Mon","Mon"]: must have at most 7 items'],
  ],
  [
    'a day that is none',
    calendar({ weekly: [{ days: ['Mo'] }] }),
    [
      'spec.weekly[0].days[0] = "Mo": must be one of "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"; did you mean "Mon"?',
    ],
  ],
  [
    'times as numbers',
    calendar({ weekly: [{ days: ['Mon'], from: 8, to: 17 }] }),
    [
      'spec.weekly[0].from = 8: must be a string; put it in quotes: "8"',
      'spec.weekly[0].to = 17: must be a string; put it in quotes: "17"',
    ],
  ],
  [
    'times that there are not',
    calendar({ weekly: [{ days: ['Mon'], from: '24:00', to: '6:00' }] }),
    [
      'spec.weekly[0].from = "24:00": must be a time of day from 00:00 to 23:59',
      'spec.weekly[0].to = "6:00": must be a time of day from 00:00 to 23:59',
    ],
  ],
  [
    'a beginning without an end',
    calendar({ weekly: [{ days: ['Mon'], from: '22:00' }] }),
    ['spec.weekly[0] = {"days":["Mon"],"from":"22:00"}: must have both from and to, or neither'],
  ],
];
