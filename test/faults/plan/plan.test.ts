import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validateManifest } from '../../../src/domain/job/validate.ts';
import { nemeses, nemesesOf } from '../nemeses/index.ts';
import { manifestOf } from '../workload/manifest.ts';
import { type Change, jobKeyOf, makePlan, type Plan } from './plan.ts';

const shape = { workers: 3, masters: 2, servers: 3 };
const seeds = Array.from({ length: 20 }, (_, index) => index + 1);
const planOf = (seed: number, minutes = 4): Plan => makePlan({ seed, duration: minutes * 60_000, nemeses, shape });
const place = { folder: '/tmp/x', base: 1n, receiver: 'http://10.0.0.1:1' };

test('a plan is the same each time for a seed, and another for another', () => {
  assert.deepEqual(planOf(7), planOf(7));
  assert.notDeepEqual(planOf(7).faults, planOf(8).faults);
  assert.notDeepEqual(planOf(7).changes, planOf(8).changes);
});

test('every job, and every edit of it, is right by the product’s own schema', () => {
  for (const seed of seeds) {
    const { jobs, changes } = planOf(seed);
    for (const job of jobs) {
      validateManifest(manifestOf(job, place));
      for (const change of changes.filter(one => one.job === jobKeyOf(job))) {
        if (change.action !== 'replace') continue;
        const { schedule = job.spec.schedule, text = job.work.text } = change;
        validateManifest(manifestOf({ ...job, spec: { ...job.spec, schedule }, work: { ...job.work, text } }, place));
      }
    }
  }
});

test('jobs cover every policy, and what is never edited is never edited', () => {
  const { jobs, changes } = planOf(1);
  const has = (field: string) => new Set(jobs.map(job => job.spec[field]).filter(value => value !== undefined));
  assert.deepEqual([...has('concurrencyPolicy')].sort(), ['Allow', 'Forbid', 'Queue', 'Replace']);
  assert.deepEqual([...has('misfirePolicy')].sort(), ['RunAll', 'RunLatest', 'Skip']);
  for (const field of ['maxConcurrentRuns', 'maxQueuedRuns', 'startingDeadlineSeconds', 'retry', 'timeoutSeconds']) {
    assert.notEqual(has(field).size, 0, field);
  }
  assert.ok(jobs.filter(job => job.name.startsWith('herd-')).length >= 20);
  const edits = new Set<Change['action']>(['replace', 'suspend', 'resume', 'delete', 'create']);
  const edited = new Set(changes.filter(one => edits.has(one.action)).map(one => one.job));
  assert.deepEqual(
    [...edited].filter(key => !jobs.some(job => job.edited && jobKeyOf(job) === key)),
    [],
  );
});

test('over seeds 1 to 20 every nemesis has its turn', () => {
  const seen = new Set(seeds.flatMap(seed => planOf(seed, 5).faults.map(fault => fault.nemesis)));
  assert.deepEqual(
    nemeses.map(one => one.name).filter(name => !seen.has(name)),
    [],
  );
});

test('faults end within the fault phase, and calm is between most of them', () => {
  for (const seed of seeds) {
    const { faults, duration } = planOf(seed);
    assert.ok(faults.length >= 3, `seed ${seed} has ${faults.length} faults`);
    let [end, pairs] = [0, 0];
    for (const fault of faults) {
      assert.ok(fault.at + fault.duration <= duration);
      if (fault.at < end) pairs += 1;
      else if (end > 0) assert.ok(fault.at - end >= 10_000, `seed ${seed}: ${fault.at} after ${end}`);
      end = Math.max(end, fault.at + fault.duration);
    }
    assert.ok(pairs <= faults.length / 2);
  }
});

test('a snapshot is never younger than the product’s stated limit', () => {
  for (const seed of seeds) {
    for (const { nemesis, options } of planOf(seed).faults) {
      if (nemesis === 'restore-snapshot') assert.ok(Number(options.age) > 5_000);
    }
  }
});

test('nemeses are chosen by name or family, and an unknown one is named with what there is', () => {
  assert.deepEqual(
    nemesesOf(['kill-node', 'disk']).map(one => one.name),
    ['kill-node', 'fill-spool'],
  );
  assert.throws(() => nemesesOf(['kill-everything']), /kill-everything; there are: worker, .*kill-worker/);
});
