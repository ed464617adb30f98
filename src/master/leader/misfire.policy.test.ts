import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseSchedule } from '../../domain/schedule/index.ts';
import { DueHeap } from './due-heap.ts';
import { fenced } from './fence.ts';
import { decideMisfires, type MisfireCase } from './misfire.ts';
import { countOf, splitAfter, stretches, without } from './tick-ranges.ts';

const schedule = parseSchedule('* * * * * *');
const seconds = (range: { from: number; to: number }): number[] =>
  Array.from({ length: (range.to - range.from) / 1_000 + 1 }, (_, i) => range.from + i * 1_000);

const ticks = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1 }).map(list => list.sort((a, b) => a - b));

describe('decideMisfires', () => {
  it('counts what has begun of the same row of missed ticks', () => {
    const decide = (misfirePolicy: 'RunLatest' | 'RunAll', begun: number) =>
      decideMisfires({
        schedule,
        ranges: [{ from: 51_000, to: 60_000 }],
        policy: { misfirePolicy, misfireLimit: 4, startingDeadlineSeconds: 300 },
        runnable: true,
        certainAfter: 0,
        ranUpTo: 0,
        now: 62_000,
        begun,
        explain: range => [{ ...range, reason: 'Misfire', detail: '' }],
      });
    assert.deepEqual(decide('RunAll', 3).catchups, [60_000]);
    assert.deepEqual(decide('RunAll', 9).catchups, []);
    assert.deepEqual(decide('RunLatest', 0).catchups, [60_000]);
    const { catchups, skips } = decide('RunLatest', 1);
    assert.deepEqual([catchups, skips.map(({ reason }) => reason)], [[], ['Superseded']]);
  });

  it('gives every tick exactly one fate, and runs no more than the policy allows', () => {
    const policies = fc.constantFrom('Skip', 'RunLatest', 'RunAll');
    const limits = {
      misfireLimit: fc.integer({ min: 1, max: 5 }),
      startingDeadlineSeconds: fc.integer({ min: 1, max: 70 }),
    };
    fc.assert(
      fc.property(
        ticks,
        fc.record({ misfirePolicy: policies, ...limits }),
        fc.boolean(),
        fc.nat(60),
        fc.nat(60),
        (list, policy, runnable, certain, ran) => {
          const wanted = new Set(list.map(second => second * 1_000));
          const all = Array.from({ length: 60 }, (_, i) => (i + 1) * 1_000);
          const misfire: MisfireCase = {
            schedule,
            ranges: stretches(all, tick => wanted.has(tick)),
            policy,
            runnable,
            certainAfter: certain * 1_000,
            ranUpTo: ran * 1_000,
            now: 62_000,
            explain: range => [{ ...range, reason: 'Misfire', detail: '' }],
          };
          const { catchups, skips } = decideMisfires(misfire);
          const fates = [...catchups, ...skips.flatMap(seconds)].sort((a, b) => a - b);
          assert.deepEqual(fates, [...wanted]);
          const most = { Skip: 0, RunLatest: 1, RunAll: policy.misfireLimit }[policy.misfirePolicy];
          assert.ok(catchups.length <= (runnable ? most : 0));
          for (const tick of catchups) {
            assert.ok(tick > certain * 1_000 && 62_000 - tick <= policy.startingDeadlineSeconds * 1_000);
            if (policy.misfirePolicy === 'RunLatest') assert.ok(tick > ran * 1_000);
          }
          assert.deepEqual(
            catchups,
            catchups.toSorted((a, b) => a - b),
          );
        },
      ),
    );
  });
});

describe('ranges of ticks', () => {
  it('are cut and counted without loss', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.nat(30),
        fc.integer({ min: -2_000, max: 70_000 }),
        ticks,
        (from, more, at, out) => {
          const range = { from: from * 1_000, to: (from + more) * 1_000 };
          const { before, after } = splitAfter(schedule, range, at);
          const parts = [before, after].filter(part => part !== undefined);
          assert.deepEqual(parts.flatMap(seconds), seconds(range));
          assert.ok((before?.to ?? 0) <= Math.max(at, 0) && (after?.from ?? at + 1) > at);
          const gone = new Set(out.map(second => second * 1_000));
          assert.deepEqual(
            without(schedule, range, [...gone]).flatMap(seconds),
            seconds(range).filter(tick => !gone.has(tick)),
          );
          assert.deepEqual(countOf(schedule, range), { count: more + 1, exact: true });
        },
      ),
    );
  });

  it('estimates a count that is too long to make', () => {
    const day = { from: 0, to: 86_400_000 };
    assert.deepEqual(countOf(schedule, day), { count: 86_401, exact: false });
  });
});

describe('fence', () => {
  it('never goes back, keeps what is not accounted, and drops what is', () => {
    const spell = { uid: 'u', floor: 0, spec: {} } as Parameters<typeof fenced>[0]['spell'];
    const cursor = {
      v: 1,
      uid: spell.uid,
      tick: 10_000,
      decision: 'run',
      gaps: [
        { from: 1_000, to: 2_000 },
        { from: 5_000, to: 6_000 },
      ],
    } as const;
    const base = { spell, cursor, cursorIndex: 7, accountedUntil: 3_000 };
    const moved = fenced({ ...base, free: [{ from: 11_000, to: 12_000 }] });
    assert.equal(moved.tick, 12_000);
    assert.deepEqual(moved.gaps, [
      { from: 5_000, to: 6_000 },
      { from: 11_000, to: 12_000 },
    ]);
    const kept = fenced({ ...base, free: [] });
    assert.deepEqual(kept, { v: 1, uid: 'u', tick: 10_000, decision: 'run', gaps: [{ from: 5_000, to: 6_000 }] });
  });
});

describe('DueHeap', () => {
  it('gives items in the order of their instants, moved and deleted ones included', () => {
    const steps = fc.array(fc.tuple(fc.nat(20), fc.integer({ min: -3, max: 50 })));
    fc.assert(
      fc.property(steps, list => {
        const heap = new DueHeap<number>();
        const model = new Map<number, number>();
        for (const [item, at] of list) {
          if (at < 0) {
            heap.delete(item);
            model.delete(item);
          } else {
            heap.set(item, at);
            model.set(item, at);
          }
        }
        assert.equal(heap.size, model.size);
        assert.equal(heap.nextAt, model.size === 0 ? undefined : Math.min(...model.values()));
        assert.equal(heap.take(-1), undefined);
        const order: number[] = [];
        for (let item = heap.take(100); item !== undefined; item = heap.take(100)) order.push(model.get(item) ?? -1);
        assert.deepEqual(
          order,
          [...model.values()].sort((a, b) => a - b),
        );
      }),
    );
  });
});
