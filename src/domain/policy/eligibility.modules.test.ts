import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type JobSpecInput, jobSpec } from '../job/spec.ts';
import { eligibilityClass, isEligible, type WorkerTraits } from './eligibility.ts';

const spec = (executor: JobSpecInput['executor']) => jobSpec.parse({ schedule: '@daily', executor });
const worker: WorkerTraits = {
  labels: {},
  executors: ['shell', 'module', 'custom'],
  kubernetes: false,
  modules: ['send-mail'],
  customs: ['sql'],
};

test('a module’s job runs where the worker lists its name', () => {
  assert.ok(isEligible(worker, spec({ module: { name: 'send-mail' } })));
  assert.ok(!isEligible(worker, spec({ module: { name: 'sql' } })));
  assert.ok(isEligible(worker, spec({ custom: { name: 'sql' } })));
  assert.ok(!isEligible(worker, spec({ custom: { name: 'send-mail' } })));
  assert.ok(!isEligible({ labels: {}, executors: ['module'], kubernetes: false }, spec({ module: { name: 'a' } })));
});

test('jobs of one module are one class, of two modules two', () => {
  const classOf = (executor: JobSpecInput['executor']) => eligibilityClass(spec(executor));
  assert.equal(classOf({ module: { name: 'a', input: 1 } }), classOf({ module: { name: 'a', input: 2 } }));
  assert.notEqual(classOf({ module: { name: 'a' } }), classOf({ module: { name: 'b' } }));
  assert.notEqual(classOf({ module: { name: 'a' } }), classOf({ custom: { name: 'a' } }));
});
