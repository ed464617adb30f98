import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { jobSpec, type RetrySpec } from '../job/spec.ts';
import { RunState } from '../run/run.ts';
import { retriesLost, retryDelay, retryOf, shouldRetry, waitBeforeRetry } from './retry.ts';

const of = (retry?: unknown, executor: unknown = { shell: { command: 'true' } }) =>
  jobSpec.parse({ schedule: '@daily', executor, ...(retry !== undefined && { retry }) });
const http = { http: { url: 'https://example.com' } };

describe('whether to retry', () => {
  it('is written in the job alone: without the field nothing is, and nothing is added', () => {
    assert.ok(!('retry' in of()));
    for (const state of Object.values(RunState)) assert.equal(shouldRetry(of(), { state, attempt: 1 }), false);
  });

  it('has the documented defaults', () => {
    assert.deepEqual(of({ limit: 3 }).retry, {
      limit: 3,
      backoff: { initialSeconds: 10, factor: 2, maximumSeconds: 300, jitter: 0.1 },
      on: { outcomes: ['Failed', 'TimedOut', 'Lost'] },
    });
    assert.equal(of({ limit: 1, backoff: { factor: 3 } }).retry?.backoff.initialSeconds, 10);
    assert.deepEqual(of({ limit: 1, on: { exitCodes: [75] } }).retry?.on.outcomes, ['Failed', 'TimedOut', 'Lost']);
  });

  const cases: readonly [what: string, retry: unknown, executor: unknown, yes: object[], no: object[]][] = [
    [
      'after what was not a success',
      { limit: 2 },
      undefined,
      [{ state: 'Failed' }, { state: 'TimedOut' }, { state: 'Lost' }],
      [{ state: 'Succeeded' }, { state: 'Killed' }, { state: 'Skipped' }, { state: 'Running' }, { state: 'Pending' }],
    ],
    [
      'after the outcomes named',
      { limit: 2, on: { outcomes: ['Lost'] } },
      undefined,
      [{ state: 'Lost' }],
      [{ state: 'Failed' }, { state: 'TimedOut' }],
    ],
    [
      'after the exit codes named',
      { limit: 2, on: { exitCodes: [75, 0] } },
      undefined,
      [{ state: 'Failed', exitCode: 75 }, { state: 'TimedOut' }, { state: 'Lost' }],
      [{ state: 'Failed', exitCode: 1 }, { state: 'Failed' }],
    ],
    [
      'after the statuses named',
      { limit: 2, on: { outcomes: ['Failed'], httpStatuses: [429, '5xx'] } },
      http,
      [
        { state: 'Failed', httpStatus: 429 },
        { state: 'Failed', httpStatus: 503 },
      ],
      [{ state: 'Failed', httpStatus: 404 }, { state: 'Failed' }, { state: 'TimedOut' }],
    ],
  ];
  for (const [what, retry, executor, yes, no] of cases) {
    it(`does ${what}`, () => {
      const spec = of(retry, executor);
      for (const ended of yes)
        assert.ok(shouldRetry(spec, { state: 'Failed', attempt: 1, ...ended }), JSON.stringify(ended));
      for (const ended of no)
        assert.ok(!shouldRetry(spec, { state: 'Failed', attempt: 1, ...ended }), JSON.stringify(ended));
    });
  }

  it('ends with the limit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 1, max: 200 }), (limit, attempt) => {
        assert.equal(shouldRetry(of({ limit }), { state: 'Failed', attempt }), attempt <= limit);
      }),
    );
  });

  it('is Lost, three times, for shards that say nothing of it', () => {
    const sharded = (retry?: unknown) => jobSpec.parse({ ...of(retry), placement: { mode: 'Shards', shards: 2 } });
    assert.ok(shouldRetry(sharded(), { state: 'Lost', attempt: 3 }));
    assert.ok(!shouldRetry(sharded(), { state: 'Lost', attempt: 4 }));
    assert.ok(!shouldRetry(sharded(), { state: 'Failed', attempt: 1 }));
    assert.ok(retriesLost(sharded()));
    assert.ok(!retriesLost(sharded({ limit: 0 })), 'what the job says goes before');
    assert.equal(retryOf(sharded())?.backoff.initialSeconds, 10);
    assert.equal(retryOf(jobSpec.parse({ ...of(), placement: { mode: 'All' } })), undefined);
  });

  it('tells whether a lost attempt may be followed by another', () => {
    assert.ok(retriesLost(of({ limit: 1 })));
    for (const retry of [undefined, { limit: 0 }, { limit: 1, on: { outcomes: ['Failed'] } }]) {
      assert.ok(!retriesLost(of(retry)));
    }
  });
});

describe('the wait before a retry', () => {
  const backoff: RetrySpec['backoff'] = { initialSeconds: 10, factor: 2, maximumSeconds: 300, jitter: 0.1 };
  it('grows by the factor up to the maximum', () => {
    const seconds = [1, 2, 3, 4, 5, 6, 7, 100].map(attempt => retryDelay(backoff, attempt, 0.5) / 1_000);
    assert.deepEqual(seconds, [10, 20, 40, 80, 160, 300, 300, 300]);
  });

  it('is made shorter or longer by the jitter', () => {
    assert.equal(retryDelay(backoff, 1, 0), 9_000);
    assert.equal(retryDelay(backoff, 1, 0.75), 10_500);
    assert.equal(retryDelay({ ...backoff, jitter: 0 }, 1, 0.9), 10_000);
  });

  it('outlives the fence of a lost attempt', () => {
    const short = { ...backoff, initialSeconds: 1 };
    assert.equal(waitBeforeRetry(short, { state: 'Failed', attempt: 1 }, 0.5), 1_000);
    assert.equal(waitBeforeRetry(short, { state: 'Lost', attempt: 1 }, 0.5), 15_000);
    assert.equal(waitBeforeRetry(backoff, { state: 'Lost', attempt: 3 }, 0.5), 40_000);
  });

  it('stays within its bounds whatever the policy', () => {
    const policies = fc.record({
      initialSeconds: fc.double({ min: 0, max: 86_400, noNaN: true }),
      factor: fc.double({ min: 1, max: 100, noNaN: true }),
      maximumSeconds: fc.double({ min: 0, max: 604_800, noNaN: true }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(policies, fc.integer({ min: 1, max: 101 }), random, (policy, attempt, chance) => {
        const wait = retryDelay(policy, attempt, chance);
        assert.ok(Number.isSafeInteger(wait) && wait >= 0, `${wait}`);
        assert.ok(wait <= policy.maximumSeconds * 2_000 + 1);
        // Without chance a later wait is never shorter.
        assert.ok(retryDelay(policy, attempt, 0.5) <= retryDelay(policy, attempt + 1, 0.5));
      }),
    );
  });
});
