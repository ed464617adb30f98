import { job, type Row } from '../row.ts';

/** What it comes after, and when it pauses itself. */

export const chainsRows: readonly Row[] = [
  ['after as a name', job({ after: 'a' }), ['spec.after = "a": must be a list']],
  ['after nothing', job({ after: [] }), ['spec.after = []: must not be empty']],
  ['after a name in a list', job({ after: ['a'] }), ['spec.after[0] = "a": must be a mapping']],
  [
    'after too many jobs',
    job({ after: Array.from({ length: 51 }, (_, i) => ({ job: `j${i}` })) }),
    [
      'spec.after = [{"job":"j0"},{"job":"j1"},{"job":"j2"},{"job":"j3"},{"job":"j4"},{"job":"j5"},{"job":"j6"},{"job":"j7"},{"job":"j8"},{"job":"j9"},{"job":"j10"},{"job":"j11"},{"job":"j12"},{"job":"j13"},{"job":"j14"…: must have at most 50 items',
    ],
  ],
  [
    'after one job twice',
    job({ after: [{ job: 'b' }, { job: 'b', outcome: 'Always' }] }),
    ['spec.after = [{"job":"b"},{"job":"b","outcome":"Always"}]: must name each job once'],
  ],
  ['after a job without a name', job({ after: [{}] }), ['spec.after[0].job: is needed: a string']],
  [
    'after a job whose name is a number',
    job({ after: [{ job: 5 }] }),
    ['spec.after[0].job = 5: must be a string; put it in quotes: "5"'],
  ],
  [
    'after a job of another namespace',
    job({ after: [{ job: 'shop/a' }] }),
    [
      "spec.after[0].job = \"shop/a\": must be lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit",
    ],
  ],
  [
    'after a job with a long name',
    job({ after: [{ job: 'n'.repeat(129) }] }),
    [`spec.after[0].job = "${'n'.repeat(129)}": must have at most 128 characters`],
  ],
  [
    'after an unknown end',
    job({ after: [{ job: 'b', outcome: 'Killed' }] }),
    ['spec.after[0].outcome = "Killed": must be one of "Success", "Failure", "Always"'],
  ],
  [
    'after an end as a list',
    job({ after: [{ job: 'b', outcome: ['Success'] }] }),
    ['spec.after[0].outcome = ["Success"]: must be one of "Success", "Failure", "Always"'],
  ],
  [
    'after a job, with a field of retries',
    job({ after: [{ job: 'b', on: 'Success' }] }),
    ['spec.after[0].on = "Success": is not a known field. Allowed here: job, outcome'],
  ],
  [
    'a misspelled field of after',
    job({ after: [{ job: 'b', outcom: 'Success' }] }),
    ['spec.after[0].outcom = "Success": is not a known field; did you mean outcome? Allowed here: job, outcome'],
  ],
  ['a pause after no failure', job({ pauseAfterFailures: 0 }), ['spec.pauseAfterFailures = 0: must be at least 1']],
  [
    'a pause after too many failures',
    job({ pauseAfterFailures: 1_001 }),
    ['spec.pauseAfterFailures = 1001: must be at most 1000'],
  ],
  [
    'a pause after part of a failure',
    job({ pauseAfterFailures: 1.5 }),
    ['spec.pauseAfterFailures = 1.5: must be a whole number'],
  ],
  ['a pause as a flag', job({ pauseAfterFailures: true }), ['spec.pauseAfterFailures = true: must be a number']],
  ['no runs at all', job({ maxRuns: 0 }), ['spec.maxRuns = 0: must be at least 1']],
  ['too many runs', job({ maxRuns: 1_000_001 }), ['spec.maxRuns = 1000001: must be at most 1000000']],
  ['part of a run', job({ maxRuns: 0.5 }), ['spec.maxRuns = 0.5: must be a whole number']],
  ['runs in words', job({ maxRuns: 'once' }), ['spec.maxRuns = "once": must be a number']],
  [
    'runs without end',
    job({ maxRuns: Number.POSITIVE_INFINITY }),
    ['spec.maxRuns = Infinity: must be a finite number'],
  ],
];
