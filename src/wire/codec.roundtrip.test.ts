import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { JobUid } from '../domain/job/job.ts';
import type { Report } from '../domain/run/report.ts';
import { type RunId, SkipReason, TriggerKind } from '../domain/run/run.ts';
import { Report as Message } from '../gen/cronmesh/v1/report.ts';
import { decodeReport, encodeReport, InvalidReportError } from './codec.ts';

const uid = fc.stringMatching(/^[a-z0-9]{16}$/).map(text => text as JobUid);
const instant = fc.integer({ min: 0, max: 8_640_000_000_000_000 });
const text = fc.string({ unit: 'grapheme', maxLength: 200 });
const count = fc.integer({ min: 1, max: 2 ** 31 });
const name = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?$/);
const job = { jobUid: uid, namespace: name, name };

const reference = {
  ...job,
  run: fc.stringMatching(/^[a-z0-9]{16}-[a-z0-9]{1,10}$/).map(value => value as RunId),
  attempt: count,
  trigger: fc.constantFrom(...Object.values(TriggerKind)),
  at: instant,
};
const some = { requiredKeys: [] as never[] };
const withTick = <T extends object>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.tuple(fc.record(shape), fc.record({ tick: instant }, some)).map(([whole, tick]) => ({ ...whole, ...tick }));

const report: fc.Arbitrary<Report> = fc.oneof(
  withTick({
    ...reference,
    type: fc.constant('claimed' as const),
    fencingToken: fc.bigInt({ min: 0n, max: 2n ** 90n }).map(String),
    revision: count,
  }),
  fc
    .tuple(withTick({ ...reference, type: fc.constant('started' as const) }), fc.record({ pid: count }, some))
    .map(([whole, rest]) => ({ ...whole, ...rest })),
  withTick({
    ...reference,
    type: fc.constant('output' as const),
    sequence: count,
    stream: fc.constantFrom('stdout' as const, 'stderr' as const, 'system' as const),
    text,
  }),
  fc
    .tuple(
      withTick({
        ...reference,
        type: fc.constant('progress' as const),
        percent: fc.double({ min: 0, max: 100, noNaN: true }).map(value => value + 0),
      }),
      fc.record({ message: text }, some),
    )
    .map(([whole, rest]) => ({ ...whole, ...rest })),
  fc
    .tuple(
      withTick({
        ...reference,
        type: fc.constant('finished' as const),
        outcome: fc.constantFrom('Succeeded', 'Failed', 'TimedOut', 'Killed', 'Lost' as const),
      }),
      fc.record(
        {
          exitCode: fc.integer({ min: -1, max: 255 }),
          signal: text,
          httpStatus: fc.integer({ min: 100, max: 599 }),
          message: text,
        },
        some,
      ),
    )
    .map(([whole, rest]) => ({ ...whole, ...rest }) as Report),
  fc
    .record({
      ...job,
      type: fc.constant('skipped' as const),
      range: fc.tuple(instant, instant),
      count,
      reason: fc.constantFrom(...Object.values(SkipReason)),
      detail: text,
      at: instant,
    })
    .map(({ range, ...rest }) => ({ ...rest, from: Math.min(...range), to: Math.max(...range) })),
);

const valid = encodeReport({
  type: 'finished',
  run: 'abc-1' as RunId,
  attempt: 1,
  jobUid: 'abc' as JobUid,
  namespace: 'default',
  name: 'x',
  trigger: 'tick',
  at: 5,
  outcome: 'Succeeded',
});

describe('the codec of reports', () => {
  it('gives back every report as it was', () => {
    fc.assert(
      fc.property(report, one => {
        const bytes = Message.encode(encodeReport(one)).finish();
        assert.deepEqual(decodeReport(Message.decode(bytes)), one);
      }),
      { numRuns: 1_000 },
    );
  });

  const refused: [what: string, message: Message, field: string, because: RegExp][] = [
    ['no reference', { ...valid, reference: undefined }, 'reference', /missing/],
    ['no fact', { ...valid, fact: undefined }, 'fact', /does not know/],
    [
      'an unknown outcome',
      { ...valid, fact: { $case: 'finished', value: { outcome: 'Exploded' } } },
      'finished.outcome',
      /one of Succeeded, Failed, TimedOut, Killed, Lost, got "Exploded"/,
    ],
    [
      'an unknown stream',
      { ...valid, fact: { $case: 'output', value: { sequence: 0, stream: 'stdin', text: '' } } },
      'output.stream',
      /one of stdout, stderr, system/,
    ],
    ...[-1, 100.5, Number.NaN].map((percent): [string, Message, string, RegExp] => [
      `a progress of ${percent}`,
      { ...valid, fact: { $case: 'progress', value: { percent } } },
      'progress.percent',
      /from 0 to 100/,
    ]),
    [
      'a range that ends before it begins',
      { ...valid, fact: { $case: 'skipped', value: { fromMs: 9, toMs: 8, count: 1, reason: 'Misfire', detail: '' } } },
      'skipped.to_ms',
      /before from_ms 9/,
    ],
  ];
  for (const [what, message, field, because] of refused) {
    it(`refuses ${what} and names it`, () => {
      assert.throws(
        () => decodeReport(message),
        error => error instanceof InvalidReportError && error.field === field && because.test(error.message),
      );
    });
  }
});
