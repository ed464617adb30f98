import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Labels } from '../domain/job/spec.ts';
import { decodeWorkerMeta, encodeWorkerMeta } from './worker-service.ts';

const read = (meta: Record<string, string>): Labels => decodeWorkerMeta({ id: 'w', meta }).labels;
const write = (labels: Labels): Record<string, string> =>
  encodeWorkerMeta({ name: 'w', labels, capacity: 1, version: '1', executors: ['shell'], kubernetes: false });

test('labels are one readable value', () => {
  assert.equal(write({ zone: 'a', disk: 'ssd' }).labels, 'zone=a,disk=ssd');
  assert.deepEqual(read(write({ zone: 'a', empty: '' })), { zone: 'a', empty: '' });
  assert.deepEqual(read(write({})), {});
});

test('many labels fit into what Consul takes', () => {
  const labels = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`example.com/label-${i}`, 'x'.repeat(60)]));
  const meta = write(labels);
  assert.ok(Object.values(meta).every(value => value.length <= 512));
  assert.deepEqual(read(meta), labels);
});

test('a foreign instance is eligible for nothing', () => {
  const { executors, capacity, labels } = decodeWorkerMeta({ id: 'x', meta: { labels: 'nonsense' } });
  assert.deepEqual([executors, capacity, labels], [[], 0, {}]);
});
