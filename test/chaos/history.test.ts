import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type History, type ObservedStart, type RecordedJob, type RecordedRun, violations } from './history.ts';

const start = (more: Partial<ObservedStart> = {}): ObservedStart => ({
  job: 'a',
  run: 'a-1',
  attempt: 1,
  tick: 1_000,
  worker: 'w1',
  token: '10',
  most: 1,
  at: 1_000,
  endedAt: 1_500,
  ...more,
});
const run = (id: string, more: Partial<RecordedRun> = {}): [string, RecordedRun] => [
  id,
  { id, state: 'Succeeded', reason: undefined, message: undefined, ...more },
];
const job = (more: Partial<RecordedJob> = {}): RecordedJob => ({
  uid: 'a',
  name: 'a',
  elapsed: [1_000, 2_000],
  ran: new Set([1_000]),
  skips: [{ from: 2_000, to: 2_000, reason: 'Misfire' }],
  ...more,
});
const history = (more: Partial<History> = {}): History => ({
  starts: [start()],
  runs: new Map([run('a-1')]),
  jobs: [job()],
  asked: [],
  ...more,
});
const second = start({ run: 'a-2', tick: 3_000, token: '11', at: 1_600, endedAt: 1_700 });
const again = (more: Partial<ObservedStart> = {}) =>
  start({ attempt: 2, attempts: 2, most: undefined, token: '11', at: 1_600, endedAt: 1_700, ...more });
const twice = new Map([run('a-1', { attempt: 2 })]);
const both = new Map([run('a-1'), run('a-2')]);

describe('the checker of histories', () => {
  it('finds nothing where all was well', () => {
    assert.deepEqual(violations(history({ starts: [start(), second], runs: both })), []);
    assert.deepEqual(violations(history({ starts: [start({ attempts: 2 }), again()], runs: twice })), []);
  });

  const broken: readonly [string, RegExp, History][] = [
    [
      'two starts of one attempt',
      /^started 2 times: a-1/,
      history({ starts: [start(), start({ at: 9_000, token: '12' })] }),
    ],
    ['an overlap', /^overlap in a: a-2/, history({ starts: [start(), { ...second, at: 1_400 }], runs: both })],
    [
      'an overlap with a run that never ended',
      /^overlap/,
      history({ starts: [start({ endedAt: undefined }), second], runs: both }),
    ],
    [
      'one too many of a limited job',
      /^overlap/,
      history({
        starts: [start({ most: 2 }), start({ most: 2, run: 'a-3' }), { ...second, most: 2, at: 1_200 }],
        runs: new Map([...both, run('a-3')]),
      }),
    ],
    [
      'members of two wholes at once',
      /^wholes meet in a: a-2/,
      history({
        starts: [
          start({ most: undefined, whole: 'a', endedAt: 3_000 }),
          { ...second, most: undefined, whole: 'b', at: 2_000 },
        ],
        runs: both,
      }),
    ],
    [
      'a token that went back',
      /^token of a went back/,
      history({ starts: [start(), { ...second, token: '9' }], runs: both }),
    ],
    [
      'an attempt beside the one before',
      /^attempts overlap: a-1 attempt 2/,
      history({ starts: [start({ most: undefined, attempts: 2 }), again({ at: 1_400 })], runs: twice }),
    ],
    [
      'an attempt beyond the limit',
      /^beyond the limit: attempt 2 of a-1/,
      history({ starts: [start({ most: undefined }), again({ attempts: 1 })], runs: twice }),
    ],
    [
      'an attempt that nobody recorded',
      /^not recorded: attempt 2 of a-1/,
      history({
        starts: [start({ most: undefined, attempts: 2 }), again()],
        runs: new Map([run('a-1', { attempt: 1 })]),
      }),
    ],
    ['a start that nobody recorded', /^not recorded: a-2/, history({ starts: [start(), second] })],
    [
      'a start recorded as skipped',
      /^recorded as Skipped/,
      history({ runs: new Map([run('a-1', { state: 'Skipped' })]) }),
    ],
    ['a run left running', /^left Running: a-1/, history({ runs: new Map([run('a-1', { state: 'Running' })]) })],
    ['a missed tick', /^missed: tick 2000 of a/, history({ jobs: [job({ skips: [] })] })],
    [
      'a tick that started and was skipped',
      /^started and skipped \(Misfire\): a-1/,
      history({ jobs: [job({ skips: [{ from: 1_000, to: 2_000, reason: 'Misfire' }] })] }),
    ],
    ['a forgotten request', /^asked for and forgotten: a-m-1/, history({ asked: ['a-m-1'] })],
    [
      'a request that ended without a word',
      /^asked for, not started, without a word/,
      history({ asked: ['a-m-1'], runs: new Map([run('a-1'), run('a-m-1', { state: 'Lost' })]) }),
    ],
  ];
  for (const [what, expected, made] of broken) {
    it(`finds ${what}`, () => {
      const found = violations(made);
      assert.equal(found.length, 1, found.join('\n'));
      assert.match(found[0] ?? '', expected);
    });
  }

  it('takes a request that was refused with a reason for answered', () => {
    const runs = new Map([run('a-1'), run('a-m-1', { state: 'Skipped', reason: 'NoCapacity' })]);
    assert.deepEqual(violations(history({ asked: ['a-m-1'], runs })), []);
  });
});
