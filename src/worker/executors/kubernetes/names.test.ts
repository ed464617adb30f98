import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobUid } from '../../../domain/job/job.ts';
import type { RunId } from '../../../domain/run/run.ts';
import { belongsTo, jobNameOf, labelsOf } from './names.ts';

const attempt = (name: string, run = 'k3v9-mjuw2yo0', number = 1) => ({
  job: { namespace: 'shop', name, uid: 'k3v9' as JobUid },
  run: run as RunId,
  attempt: number,
});

test('a name is a DNS label of at most 63 characters, whatever the job is called', () => {
  const names = ['a', 'reports.daily', 'x'.repeat(128), `${'y'.repeat(49)}.z`, `${'a.'.repeat(60)}b`];
  for (const name of names) {
    const made = jobNameOf(attempt(name));
    assert.match(made, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, name);
    assert.ok(made.length <= 63, made);
  }
  assert.match(jobNameOf(attempt('reports.daily')), /^reports-daily-[a-z0-9]{12}$/);
});

test('a name is the same for the same attempt, and another for any other', () => {
  assert.equal(jobNameOf(attempt('a')), jobNameOf(attempt('a')));
  const names = new Set([
    ...Array.from({ length: 2_000 }, (_, index) => jobNameOf(attempt('a', `k3v9-${index.toString(36)}`))),
    ...Array.from({ length: 5 }, (_, index) => jobNameOf(attempt('a', 'k3v9-0', index + 2))),
  ]);
  assert.equal(names.size, 2_005);
});

test('labels say whose it is; a name that fits no label is left out', () => {
  const labels = labelsOf(attempt('report'));
  assert.deepEqual(labels, {
    'app.kubernetes.io/managed-by': 'cronmesh',
    'cronmesh.io/job-uid': 'k3v9',
    'cronmesh.io/run': 'k3v9-mjuw2yo0',
    'cronmesh.io/attempt': '1',
    'cronmesh.io/job': 'report',
  });
  assert.equal(labelsOf(attempt('x'.repeat(64)))['cronmesh.io/job'], undefined);
  assert.ok(belongsTo(labels, attempt('report')));
  assert.ok(!belongsTo(labels, attempt('report', 'k3v9-mjuw2yo0', 2)));
  assert.ok(!belongsTo(labels, attempt('report', 'k3v9-other')));
  assert.ok(!belongsTo(undefined, attempt('report')));
});
