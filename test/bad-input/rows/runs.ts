import { job, type Row } from '../row.ts';

/** How its runs go: how many at once, and for how long. */

export const runsRows: readonly Row[] = [
  [
    'another concurrency policy',
    job({ concurrencyPolicy: 'forbid' }),
    ['spec.concurrencyPolicy = "forbid": must be one of "Allow", "Forbid", "Replace", "Queue"; did you mean "Forbid"?'],
  ],
  [
    'a concurrency policy as null',
    job({ concurrencyPolicy: null }),
    ['spec.concurrencyPolicy = null: must be one of "Allow", "Forbid", "Replace", "Queue"'],
  ],
  [
    'a maximum with Forbid',
    job({ concurrencyPolicy: 'Forbid', maxConcurrentRuns: 2 }),
    ['spec.maxConcurrentRuns = 2: is allowed with concurrencyPolicy Allow only'],
  ],
  ['no runs at once', job({ maxConcurrentRuns: 0 }), ['spec.maxConcurrentRuns = 0: must be at least 1']],
  ['too many runs at once', job({ maxConcurrentRuns: 1_001 }), ['spec.maxConcurrentRuns = 1001: must be at most 1000']],
  ['half a run at once', job({ maxConcurrentRuns: 0.5 }), ['spec.maxConcurrentRuns = 0.5: must be a whole number']],
  ['runs at once as text', job({ maxConcurrentRuns: 'many' }), ['spec.maxConcurrentRuns = "many": must be a number']],
  ['no time at all', job({ timeoutSeconds: 0 }), ['spec.timeoutSeconds = 0: must be at least 0.001']],
  ['a time-out below 0', job({ timeoutSeconds: -60 }), ['spec.timeoutSeconds = -60: must be at least 0.001']],
  [
    'a time-out of more than a year',
    job({ timeoutSeconds: 31_536_001 }),
    ['spec.timeoutSeconds = 31536001: must be at most 31536000'],
  ],
  ['a time-out with a unit', job({ timeoutSeconds: '1h' }), ['spec.timeoutSeconds = "1h": must be a number']],
  [
    'a time-out that is no number',
    job({ timeoutSeconds: Number.NaN }),
    ['spec.timeoutSeconds = NaN: must be a finite number'],
  ],
  [
    'a time-out without end',
    job({ timeoutSeconds: Number.POSITIVE_INFINITY }),
    ['spec.timeoutSeconds = Infinity: must be a finite number'],
  ],
  ['a grace below 0', job({ terminationGraceSeconds: -1 }), ['spec.terminationGraceSeconds = -1: must be at least 0']],
  [
    'a grace of more than an hour',
    job({ terminationGraceSeconds: 3_601 }),
    ['spec.terminationGraceSeconds = 3601: must be at most 3600'],
  ],
  [
    'a grace as a flag',
    job({ terminationGraceSeconds: false }),
    ['spec.terminationGraceSeconds = false: must be a number'],
  ],
  [
    'a grace below everything',
    job({ terminationGraceSeconds: Number.NEGATIVE_INFINITY }),
    ['spec.terminationGraceSeconds = -Infinity: must be a finite number'],
  ],
  [
    'a maximum with Queue',
    job({ concurrencyPolicy: 'Queue', maxConcurrentRuns: 2 }),
    ['spec.maxConcurrentRuns = 2: is allowed with concurrencyPolicy Allow only'],
  ],
  [
    'a queue with Allow',
    job({ maxQueuedRuns: 3 }),
    ['spec.maxQueuedRuns = 3: is allowed with concurrencyPolicy Queue only'],
  ],
  [
    'a queue with Replace',
    job({ concurrencyPolicy: 'Replace', maxQueuedRuns: 2 }),
    ['spec.maxQueuedRuns = 2: is allowed with concurrencyPolicy Queue only'],
  ],
  [
    'a queue without a place',
    job({ concurrencyPolicy: 'Queue', maxQueuedRuns: 0 }),
    ['spec.maxQueuedRuns = 0: must be at least 1'],
  ],
  [
    'a queue that is too long',
    job({ concurrencyPolicy: 'Queue', maxQueuedRuns: 1_001 }),
    ['spec.maxQueuedRuns = 1001: must be at most 1000'],
  ],
  [
    'a queue of part of a run',
    job({ concurrencyPolicy: 'Queue', maxQueuedRuns: 1.5 }),
    ['spec.maxQueuedRuns = 1.5: must be a whole number'],
  ],
  [
    'a queue in words',
    job({ concurrencyPolicy: 'Queue', maxQueuedRuns: 'all' }),
    ['spec.maxQueuedRuns = "all": must be a number'],
  ],
  [
    'a group with Allow',
    job({ concurrencyGroup: 'db' }),
    ['spec.concurrencyGroup = "db": is allowed with concurrencyPolicy Forbid, Replace or Queue only'],
  ],
  [
    'a group that is no label',
    job({ concurrencyPolicy: 'Forbid', concurrencyGroup: 'a.b' }),
    [
      'spec.concurrencyGroup = "a.b": must be lower-case letters, digits and \'-\', beginning and ending with a letter or digit',
    ],
  ],
  [
    'a group with a long name',
    job({ concurrencyPolicy: 'Forbid', concurrencyGroup: 'g'.repeat(64) }),
    [`spec.concurrencyGroup = "${'g'.repeat(64)}": must have at most 63 characters`],
  ],
  [
    'a group as a list',
    job({ concurrencyPolicy: 'Forbid', concurrencyGroup: ['db'] }),
    ['spec.concurrencyGroup = ["db"]: must be a string'],
  ],
];
