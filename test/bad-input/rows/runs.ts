import { job, type Row } from '../row.ts';

/** How its runs go: how many at once, and for how long. */

export const runsRows: readonly Row[] = [
  [
    'another concurrency policy',
    job({ concurrencyPolicy: 'forbid' }),
    ['spec.concurrencyPolicy = "forbid": must be one of "Allow", "Forbid"; did you mean "Forbid"?'],
  ],
  [
    'a concurrency policy as null',
    job({ concurrencyPolicy: null }),
    ['spec.concurrencyPolicy = null: must be one of "Allow", "Forbid"'],
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
];
