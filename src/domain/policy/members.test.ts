import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobUid } from '../job/job.ts';
import { memberRunId, type RunId, tickRunId } from '../run/run.ts';
import { asMembers, membersOf, memberText, runsOfWhole, wholeOf } from './members.ts';

const whole = tickRunId('k3v9a8b7c6d5e4f3' as JobUid, Date.UTC(2026, 0, 1));

describe('members', () => {
  it('of Shards are as many as it says, whoever is there', () => {
    assert.deepEqual(membersOf({ mode: 'Shards', shards: 3 }, []), [
      { index: 0, count: 3 },
      { index: 1, count: 3 },
      { index: 2, count: 3 },
    ]);
  });

  it('of All are the workers, by name, each once', () => {
    assert.deepEqual(membersOf({ mode: 'All' }, ['b', 'a', 'b']), [
      { index: 0, count: 2, worker: 'a' },
      { index: 1, count: 2, worker: 'b' },
    ]);
    assert.deepEqual(membersOf({ mode: 'All' }, []), []);
  });

  it('of All are at most 100, the first by name', () => {
    const names = Array.from({ length: 120 }, (_, i) => `w-${String(i).padStart(3, '0')}`);
    const members = membersOf({ mode: 'All' }, names.toReversed());
    assert.deepEqual([members.length, members.at(-1)?.worker, members.at(-1)?.count], [100, 'w-099', 100]);
  });

  it('know their whole, and a whole its members', () => {
    const asked = asMembers({ id: whole, particulars: { arguments: ['x'] } }, { mode: 'Shards', shards: 12 }, []);
    assert.deepEqual(
      asked.map(({ id }) => id),
      runsOfWhole(whole, 12),
    );
    for (const { id, particulars } of asked) assert.equal(wholeOf(id, particulars), whole);
    assert.deepEqual(asked[11], {
      id: memberRunId(whole, 11),
      particulars: { arguments: ['x'], member: { index: 11, count: 12 } },
    });
  });

  it('a run that is alone stays what it is', () => {
    const alone = { id: 'k3v9-m-abc' as RunId };
    assert.deepEqual(asMembers(alone, { mode: 'One' }, ['a', 'b']), [alone]);
    assert.equal(wholeOf(alone.id, undefined), alone.id);
    assert.deepEqual(runsOfWhole(alone.id, undefined), [alone.id]);
  });

  it('are counted from 1 for people', () => {
    assert.equal(memberText({ index: 2, count: 8 }), '3/8');
  });
});
