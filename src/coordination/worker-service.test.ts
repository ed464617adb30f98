import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Labels } from '../domain/job/spec.ts';
import { decodeWorkerMeta, encodeWorkerMeta, metaKeys } from './worker-service.ts';

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

test('names of modules come back, however many', () => {
  const modules = Array.from({ length: 200 }, (_, i) => `job-${i}.${'x'.repeat(50)}`);
  const meta = encodeWorkerMeta({
    name: 'w',
    labels: {},
    capacity: 1,
    version: '1',
    executors: ['module', 'custom'],
    kubernetes: false,
    modules,
    customs: ['sql'],
    catalog: 'abc',
  });
  assert.ok(Object.values(meta).every(value => value.length <= 512));
  assert.ok(Object.keys(meta).length <= 64);
  assert.equal(metaKeys(modules), 25);
  const read = decodeWorkerMeta({ id: 'w', meta });
  assert.deepEqual([read.modules, read.customs, read.catalog], [modules, ['sql'], 'abc']);
  assert.deepEqual([read.executors], [['module', 'custom']]);
});

test('a foreign instance is eligible for nothing', () => {
  const { executors, capacity, labels } = decodeWorkerMeta({ id: 'x', meta: { labels: 'nonsense' } });
  assert.deepEqual([executors, capacity, labels], [[], 0, {}]);
});
