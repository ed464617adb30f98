import { job, type Row } from '../row.ts';

/** Further attempts. */

const backoff = (more: Record<string, unknown>) => ({ retry: { limit: 1, backoff: more } });
const on = (more: Record<string, unknown>) => ({ retry: { limit: 1, on: more } });
const http = () => ({ executor: { http: { url: 'https://example.com' } } });

export const retryRows: readonly Row[] = [
  ['a retry as a number', job({ retry: 3 }), ['spec.retry = 3: must be a mapping']],
  ['a retry without a limit', job({ retry: {} }), ['spec.retry.limit: is needed: a number']],
  ['fewer attempts than none', job({ retry: { limit: -1 } }), ['spec.retry.limit = -1: must be at least 0']],
  ['too many attempts', job({ retry: { limit: 101 } }), ['spec.retry.limit = 101: must be at most 100']],
  ['part of an attempt', job({ retry: { limit: 1.5 } }), ['spec.retry.limit = 1.5: must be a whole number']],
  ['attempts as text', job({ retry: { limit: '3' } }), ['spec.retry.limit = "3": must be a number']],
  [
    'a misspelled field of a retry',
    job({ retry: { limit: 1, backof: {} } }),
    ['spec.retry.backof = {}: is not a known field; did you mean backoff? Allowed here: limit, backoff, on'],
  ],
  ['a backoff as a number', job({ retry: { limit: 1, backoff: 10 } }), ['spec.retry.backoff = 10: must be a mapping']],
  [
    'waits that are too short',
    job(backoff({ initialSeconds: -1, factor: 0.5, maximumSeconds: -1, jitter: -0.1 })),
    [
      'spec.retry.backoff.initialSeconds = -1: must be at least 0',
      'spec.retry.backoff.factor = 0.5: must be at least 1',
      'spec.retry.backoff.maximumSeconds = -1: must be at least 0',
      'spec.retry.backoff.jitter = -0.1: must be at least 0',
    ],
  ],
  [
    'waits that are too long',
    job(backoff({ initialSeconds: 86_401, factor: 101, maximumSeconds: 604_801, jitter: 1.1 })),
    [
      'spec.retry.backoff.initialSeconds = 86401: must be at most 86400',
      'spec.retry.backoff.factor = 101: must be at most 100',
      'spec.retry.backoff.maximumSeconds = 604801: must be at most 604800',
      'spec.retry.backoff.jitter = 1.1: must be at most 1',
    ],
  ],
  [
    'waits as text',
    job(backoff({ initialSeconds: '10s', factor: 'x2', maximumSeconds: '5m', jitter: '10%' })),
    [
      'spec.retry.backoff.initialSeconds = "10s": must be a number',
      'spec.retry.backoff.factor = "x2": must be a number',
      'spec.retry.backoff.maximumSeconds = "5m": must be a number',
      'spec.retry.backoff.jitter = "10%": must be a number',
    ],
  ],
  [
    'waits that are no numbers',
    job(backoff({ initialSeconds: Number.NaN, maximumSeconds: Number.POSITIVE_INFINITY })),
    [
      'spec.retry.backoff.initialSeconds = NaN: must be a finite number',
      'spec.retry.backoff.maximumSeconds = Infinity: must be a finite number',
    ],
  ],
  [
    'a misspelled field of a backoff',
    job(backoff({ initalSeconds: 1 })),
    [
      'spec.retry.backoff.initalSeconds = 1: is not a known field; did you mean initialSeconds? Allowed here: initialSeconds, factor, maximumSeconds, jitter',
    ],
  ],
  ['on as a list', job({ retry: { limit: 1, on: ['Failed'] } }), ['spec.retry.on = ["Failed"]: must be a mapping']],
  [
    'an unknown field of on',
    job(on({ outcome: ['Failed'] })),
    [
      'spec.retry.on.outcome = ["Failed"]: is not a known field; did you mean outcomes? Allowed here: outcomes, exitCodes, httpStatuses',
    ],
  ],
  ['outcomes as a word', job(on({ outcomes: 'Failed' })), ['spec.retry.on.outcomes = "Failed": must be a list']],
  [
    'a retry after what is final',
    job(on({ outcomes: ['Killed'] })),
    ['spec.retry.on.outcomes[0] = "Killed": must be one of "Failed", "TimedOut", "Lost"'],
  ],
  [
    'an outcome that is misspelled',
    job(on({ outcomes: ['Timedout'] })),
    ['spec.retry.on.outcomes[0] = "Timedout": must be one of "Failed", "TimedOut", "Lost"; did you mean "TimedOut"?'],
  ],
  ['a retry after nothing', job(on({ outcomes: [] })), ['spec.retry.on.outcomes = []: must not be empty']],
  [
    'more outcomes than there are',
    job(on({ outcomes: ['Failed', 'TimedOut', 'Lost', 'Failed'] })),
    ['spec.retry.on.outcomes = ["Failed","TimedOut","Lost","Failed"]: must have at most 3 items'],
  ],
  [
    'what narrows Failed without it',
    job(on({ outcomes: ['Lost'], exitCodes: [75] })),
    ['spec.retry.on.outcomes = ["Lost"]: must contain Failed, which exitCodes and httpStatuses narrow'],
  ],
  [
    'an exit code that no process has',
    job(on({ exitCodes: [75, 256] })),
    ['spec.retry.on.exitCodes[1] = 256: must be at most 255'],
  ],
  ['an exit code below 0', job(on({ exitCodes: [-1] })), ['spec.retry.on.exitCodes[0] = -1: must be at least 0']],
  [
    'an exit code of a part',
    job(on({ exitCodes: [1.5] })),
    ['spec.retry.on.exitCodes[0] = 1.5: must be a whole number'],
  ],
  ['an exit code as text', job(on({ exitCodes: ['75'] })), ['spec.retry.on.exitCodes[0] = "75": must be a number']],
  ['exit codes as one', job(on({ exitCodes: 75 })), ['spec.retry.on.exitCodes = 75: must be a list']],
  ['no exit codes', job(on({ exitCodes: [] })), ['spec.retry.on.exitCodes = []: must not be empty']],
  [
    'more exit codes than there are',
    job(on({ exitCodes: Array(257).fill(1) })),
    [`spec.retry.on.exitCodes = [${'1,'.repeat(99)}…: must have at most 256 items`],
  ],
  [
    'exit codes of a request',
    job({ ...http(), ...on({ exitCodes: [75] }) }),
    ['spec.retry.on.exitCodes = [75]: is not allowed with the http executor, whose runs have no exit code'],
  ],
  [
    'statuses of a command',
    job(on({ httpStatuses: [429] })),
    ['spec.retry.on.httpStatuses = [429]: is allowed with the http executor only'],
  ],
  [
    'statuses of a module',
    job({ executor: { module: { name: 'a' } }, ...on({ httpStatuses: [429] }) }),
    ['spec.retry.on.httpStatuses = [429]: is allowed with the http executor only'],
  ],
  [
    'a status that is none',
    job({ ...http(), ...on({ httpStatuses: ['6xx'] }) }),
    ['spec.retry.on.httpStatuses[0] = "6xx": must be a status (204), a class (2xx) or a range (200-299)'],
  ],
  [
    'statuses out of range',
    job({ ...http(), ...on({ httpStatuses: [99, 600, 429.5] }) }),
    [
      'spec.retry.on.httpStatuses[0] = 99: must be at least 100',
      'spec.retry.on.httpStatuses[1] = 600: must be at most 599',
      'spec.retry.on.httpStatuses[2] = 429.5: must be a whole number or a string',
    ],
  ],
  [
    'a status as a flag',
    job({ ...http(), ...on({ httpStatuses: [true] }) }),
    ['spec.retry.on.httpStatuses[0] = true: must be a number or a string'],
  ],
  [
    'statuses as one',
    job({ ...http(), ...on({ httpStatuses: 503 }) }),
    ['spec.retry.on.httpStatuses = 503: must be a list'],
  ],
  [
    'no statuses',
    job({ ...http(), ...on({ httpStatuses: [] }) }),
    ['spec.retry.on.httpStatuses = []: must not be empty'],
  ],
  [
    'too many statuses',
    job({ ...http(), ...on({ httpStatuses: Array(101).fill(503) }) }),
    [`spec.retry.on.httpStatuses = [${'503,'.repeat(49)}50…: must have at most 100 items`],
  ],
];
