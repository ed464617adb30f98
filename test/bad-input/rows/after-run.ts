import { job, type Row } from '../row.ts';

/** Whom to tell, and what is kept. */

const notify = (...rules: unknown[]) => job({ notify: rules });

export const afterRunRows: readonly Row[] = [
  [
    'one rule in place of a list',
    job({ notify: { channel: 'ops' } }),
    ['spec.notify = {"channel":"ops"}: must be a list'],
  ],
  [
    'too many rules',
    notify(...Array(21).fill({ channel: 'ops' })),
    [`spec.notify = [${'{"channel":"ops"},'.repeat(11)}…: must have at most 20 items`],
  ],
  ['a rule in a word', notify('ops'), ['spec.notify[0] = "ops": must be a mapping']],
  ['a rule without a channel', notify({}), ['spec.notify[0].channel: is needed: a string']],
  [
    'a channel as a number',
    notify({ channel: 5 }),
    ['spec.notify[0].channel = 5: must be a string; put it in quotes: "5"'],
  ],
  [
    'a channel in capitals',
    notify({ channel: 'Ops' }),
    [
      'spec.notify[0].channel = "Ops": must be lower-case letters, digits and \'-\', beginning and ending with a letter or digit',
    ],
  ],
  [
    'a channel with a long name',
    notify({ channel: 'o'.repeat(64) }),
    [`spec.notify[0].channel = "${'o'.repeat(64)}": must have at most 63 characters`],
  ],
  [
    'an unknown field of a rule',
    notify({ channel: 'ops', on: ['Failure'] }),
    [
      'spec.notify[0].on = ["Failure"]: is not a known field. Allowed here: channel, events, every, latenessSeconds, template',
    ],
  ],
  [
    'a misspelled field of a rule',
    notify({ channel: 'ops', event: ['Failure'] }),
    [
      'spec.notify[0].event = ["Failure"]: is not a known field; did you mean events? Allowed here: channel, events, every, latenessSeconds, template',
    ],
  ],
  [
    'events in a word',
    notify({ channel: 'ops', events: 'Failure' }),
    ['spec.notify[0].events = "Failure": must be a list'],
  ],
  ['no events', notify({ channel: 'ops', events: [] }), ['spec.notify[0].events = []: must not be empty']],
  [
    'too many events',
    notify({ channel: 'ops', events: Array(5).fill('Late') }),
    ['spec.notify[0].events = ["Late","Late","Late","Late","Late"]: must have at most 4 items'],
  ],
  [
    'an event that is none',
    notify({ channel: 'ops', events: ['Failed'] }),
    ['spec.notify[0].events[0] = "Failed": must be one of "Failure", "Recovery", "Late", "Missed"'],
  ],
  ['each 0th failure', notify({ channel: 'ops', every: 0 }), ['spec.notify[0].every = 0: must be at least 1']],
  [
    'each failure after too many',
    notify({ channel: 'ops', every: 1_001 }),
    ['spec.notify[0].every = 1001: must be at most 1000'],
  ],
  [
    'each failure and a half',
    notify({ channel: 'ops', every: 1.5 }),
    ['spec.notify[0].every = 1.5: must be a whole number'],
  ],
  [
    'each failure in words',
    notify({ channel: 'ops', every: 'third' }),
    ['spec.notify[0].every = "third": must be a number'],
  ],
  [
    'late at once',
    notify({ channel: 'ops', latenessSeconds: 0 }),
    ['spec.notify[0].latenessSeconds = 0: must be at least 1'],
  ],
  [
    'late after more than a day',
    notify({ channel: 'ops', latenessSeconds: 86_401 }),
    ['spec.notify[0].latenessSeconds = 86401: must be at most 86400'],
  ],
  [
    'late after part of a second',
    notify({ channel: 'ops', latenessSeconds: 1.5 }),
    ['spec.notify[0].latenessSeconds = 1.5: must be a whole number'],
  ],
  [
    'late with a unit',
    notify({ channel: 'ops', latenessSeconds: '1m' }),
    ['spec.notify[0].latenessSeconds = "1m": must be a number'],
  ],
  [
    'a text as a list',
    notify({ channel: 'ops', template: ['a'] }),
    ['spec.notify[0].template = ["a"]: must be a string'],
  ],
  ['an empty text', notify({ channel: 'ops', template: '' }), ['spec.notify[0].template = "": must not be empty']],
  [
    'a text that is too long',
    notify({ channel: 'ops', template: 't'.repeat(4_097) }),
    [`spec.notify[0].template = "${'t'.repeat(198)}…: must have at most 4096 characters`],
  ],
  ['a history as a number', job({ history: 10 }), ['spec.history = 10: must be a mapping']],
  [
    'an unknown field of a history',
    job({ history: { day: 1 } }),
    ['spec.history.day = 1: is not a known field; did you mean days? Allowed here: runs, days, outputBytes'],
  ],
  [
    'a history of nothing',
    job({ history: { runs: 0, days: 0, outputBytes: -1 } }),
    [
      'spec.history.runs = 0: must be at least 1',
      'spec.history.days = 0: must be at least 0.01',
      'spec.history.outputBytes = -1: must be at least 0',
    ],
  ],
  [
    'a history that is too long',
    job({ history: { runs: 1_000_001, days: 36_501, outputBytes: 1_099_511_627_777 } }),
    [
      'spec.history.runs = 1000001: must be at most 1000000',
      'spec.history.days = 36501: must be at most 36500',
      'spec.history.outputBytes = 1099511627777: must be at most 1099511627776',
    ],
  ],
  [
    'a history of parts',
    job({ history: { runs: 1.5, outputBytes: 0.5 } }),
    ['spec.history.runs = 1.5: must be a whole number', 'spec.history.outputBytes = 0.5: must be a whole number'],
  ],
  [
    'a history in words',
    job({ history: { runs: 'all', days: '1w', outputBytes: '1Gi' } }),
    [
      'spec.history.runs = "all": must be a number',
      'spec.history.days = "1w": must be a number',
      'spec.history.outputBytes = "1Gi": must be a number',
    ],
  ],
  [
    'a history without end',
    job({ history: { days: Number.POSITIVE_INFINITY } }),
    ['spec.history.days = Infinity: must be a finite number'],
  ],
];
