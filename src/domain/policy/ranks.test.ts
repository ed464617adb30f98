import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { JobUid } from '../job/job.ts';
import type { RunId, WorkerId } from '../run/run.ts';
import { bucketOf, buckets, lastRank, RankTable } from './ranks.ts';

const names = (count: number) => Array.from({ length: count }, (_, i) => `worker-${i}-x7f2` as WorkerId);
const uid = 'k3v9a8b7c6d5e4f3' as JobUid;

describe('ranks', () => {
  it('gives each worker its share of the buckets, to within one', () => {
    for (const count of [1, 2, 3, 7, 10, 100]) {
      const table = RankTable.build(names(count));
      const shares = new Map<WorkerId, number>(names(count).map(name => [name, 0]));
      for (let bucket = 0; bucket < buckets; bucket++) {
        const owner = table.ownerOf(bucket);
        assert.ok(owner !== undefined);
        shares.set(owner, (shares.get(owner) ?? 0) + 1);
      }
      assert.ok(Math.max(...shares.values()) <= Math.ceil(buckets / count), `${count}: ${[...shares.values()]}`);
    }
  });

  it('spreads the ticks of one job evenly over three workers', () => {
    const table = RankTable.build(names(3));
    const shares = [0, 0, 0];
    for (let second = 0; second < 3_000; second++) {
      const rank = table.rankOf('worker-1-x7f2' as WorkerId, bucketOf(uid, 1_780_000_000_000 + second * 1_000));
      assert.ok(rank !== undefined && rank < 3);
      shares[rank] = (shares[rank] ?? 0) + 1;
    }
    for (const share of shares) assert.ok(Math.abs(share - 1_000) < 100, shares.join());
  });

  it('ranks every worker once, and the same whatever the order they are given in', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 12 }),
        fc.nat(1_023),
        (ids, bucket) => {
          const table = RankTable.build(ids as WorkerId[]);
          const other = RankTable.build([...ids].reverse() as WorkerId[]);
          const ranks = ids.map(id => table.rankOf(id as WorkerId, bucket));
          assert.deepEqual(
            ranks,
            ids.map(id => other.rankOf(id as WorkerId, bucket)),
          );
          for (let rank = 0; rank < Math.min(lastRank, ids.length); rank++)
            assert.equal(ranks.filter(one => one === rank).length, 1);
          assert.equal(table.rankOf(table.ownerOf(bucket) as WorkerId, bucket), 0);
        },
      ),
    );
  });

  it('moves few buckets when a worker goes', () => {
    const [before, after] = [RankTable.build(names(10)), RankTable.build(names(9))];
    let moved = 0;
    for (let bucket = 0; bucket < buckets; bucket++) if (before.ownerOf(bucket) !== after.ownerOf(bucket)) moved++;
    assert.ok(moved < buckets * 0.25, `${moved} moved`);
  });

  it('knows no rank of a stranger, and no owner where there is nobody', () => {
    assert.equal(RankTable.build(names(3)).rankOf('stranger' as WorkerId, 5), undefined);
    assert.equal(RankTable.build([]).ownerOf(5), undefined);
  });

  it('hashes runs as well as ticks', () => {
    const used = new Set<number>();
    for (let i = 0; i < 5_000; i++) used.add(bucketOf(uid, `${uid}-m-${i.toString(36)}` as RunId));
    assert.ok(used.size > buckets * 0.97, `${used.size} buckets used`);
  });
});
