import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobUid } from '../../domain/job/job.ts';
import { type JobSpecInput, jobSpec } from '../../domain/job/spec.ts';
import { isEligible } from '../../domain/policy/eligibility.ts';
import type { JobSpell } from '../../store/store.ts';
import { Census } from './census.ts';

function spell(uid: string, spec: Partial<JobSpecInput> = {}, more: Partial<JobSpell> = {}): JobSpell {
  return {
    uid: uid as JobUid,
    namespace: 'default',
    name: uid,
    revision: 1,
    spec: jobSpec.parse({ schedule: '@hourly', executor: { shell: { command: `echo ${uid}` } }, ...spec }),
    floor: 0,
    anchor: 0,
    countsFrom: 0,
    accountedUntil: 0,
    ...more,
  };
}

const inZoneA = { placement: { selector: { matchLabels: { zone: 'a' } } } };

describe('the census of jobs', () => {
  const census = new Census();
  const without = (...zones: string[]): number =>
    census.withoutWorker(needs =>
      zones.some(zone => isEligible({ labels: { zone }, executors: ['shell'], kubernetes: false }, needs)),
    );

  it('counts jobs by where they stand, through their changes', () => {
    census.opened(spell('one'));
    census.opened(spell('two', inZoneA));
    census.opened(spell('three', { ...inZoneA, suspend: true }));
    census.opened(spell('four', {}, { paused: { at: 1, reason: 'Failures', detail: 'it failed' } }));
    assert.deepEqual(census.counts(), { active: 2, suspended: 1, paused: 1 });
    census.opened(spell('three', inZoneA));
    census.closed('four' as JobUid);
    census.closed('never' as JobUid);
    assert.deepEqual(census.counts(), { active: 3, suspended: 0, paused: 0 });
  });

  it('counts active jobs that nobody may run', () => {
    assert.equal(without(), 3);
    assert.equal(without('b'), 2);
    assert.equal(without('b', 'a'), 0);
    census.opened(spell('two', { ...inZoneA, suspend: true }));
    assert.equal(without('b'), 1);
    census.closed('three' as JobUid);
    assert.equal(without('b'), 0);
    assert.equal(without(), 1);
  });

  it('knows which jobs are neither suspended nor gone', () => {
    assert.deepEqual(
      ['one', 'two', 'three'].map(uid => census.isAlive(uid as JobUid)),
      [true, false, false],
    );
  });
});
