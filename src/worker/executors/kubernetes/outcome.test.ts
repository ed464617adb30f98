import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerStatus, Job, Pod } from './api/objects.ts';
import { jobResult, podFailure } from './outcome.ts';
import { PodNotes } from './pod-notes.ts';

const job = (type?: string, reason?: string, message?: string): Job => ({
  metadata: { name: 'j', uid: '1' },
  status: {
    conditions: [
      { type: 'FailureTarget', status: 'True' },
      ...(type === undefined
        ? []
        : [
            {
              type,
              status: 'True',
              ...(reason !== undefined && { reason }),
              ...(message !== undefined && { message }),
            },
          ]),
    ],
  },
});

const status = (rest: Partial<ContainerStatus>): ContainerStatus => ({ name: 'main', restartCount: 0, ...rest });
const pod = (phase: string, containers: readonly ContainerStatus[], rest: NonNullable<Pod['status']> = {}): Pod => ({
  metadata: { name: 'p', uid: '2' },
  status: { phase, containerStatuses: containers, ...rest },
});
const ended = (exitCode: number, reason: string) => ({ terminated: { exitCode, reason } });

test('a Job’s condition is the outcome, and an announced end is none yet', () => {
  assert.equal(jobResult(job(), undefined, 1_000), undefined);
  assert.deepEqual(jobResult(job('Complete'), undefined, 1_000), { outcome: 'Succeeded', exitCode: 0 });
  assert.deepEqual(jobResult(job('Failed', 'DeadlineExceeded'), undefined, 90_000), {
    outcome: 'TimedOut',
    message: 'ended after its timeout of 90 s',
  });
  assert.deepEqual(jobResult(job('Failed', 'BackoffLimitExceeded', 'Job has\nreached it'), undefined, 1_000), {
    outcome: 'Failed',
    message: 'the Job failed: BackoffLimitExceeded (Job has reached it)',
  });
});

test('a failed container gives exit code, reason and pod', () => {
  const failure = podFailure(pod('Failed', [status({ state: ended(137, 'OOMKilled') })]));
  assert.deepEqual(jobResult(job('Failed', 'BackoffLimitExceeded'), failure, 1_000), {
    outcome: 'Failed',
    exitCode: 137,
    message: 'container main of pod p ended with exit code 137 (OOMKilled); the Job failed: BackoffLimitExceeded',
  });
  assert.equal(podFailure(pod('Running', [status({ state: { running: {} } })])), undefined);
  assert.equal(podFailure(pod('Succeeded', [status({ state: ended(0, 'Completed') })])), undefined);
  const restarted = status({ state: { running: {} }, lastState: ended(4, 'Error'), restartCount: 1 });
  assert.equal(podFailure(pod('Running', [restarted]))?.exitCode, 4);
});

test('an evicted pod says so', () => {
  const evicted = pod('Failed', [status({ state: ended(137, 'Error') })], {
    reason: 'Evicted',
    message: 'low on disk',
  });
  assert.deepEqual(podFailure(evicted), { exitCode: 137, message: 'pod p failed: Evicted (low on disk)' });
});

test('what people want to know of a pod is said once per change', () => {
  const notes = new PodNotes();
  const unschedulable = pod('Pending', [], {
    conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes' }],
  });
  assert.deepEqual(notes.of(unschedulable), ['pod p waits: Unschedulable: 0/1 nodes']);
  assert.deepEqual(notes.of(unschedulable), []);
  const onNode = (state: ContainerStatus['state'], restartCount = 0): Pod => ({
    ...pod('Pending', [status({ ...(state && { state }), restartCount })]),
    spec: { nodeName: 'n1' },
  });
  assert.deepEqual(notes.of(onNode({ waiting: { reason: 'ContainerCreating' } })), ['pod p is on node n1']);
  const pull = (reason: string) => onNode({ waiting: { reason, message: 'no such\nimage' } });
  assert.deepEqual(notes.of(pull('ErrImagePull')), ['container main of pod p waits: ErrImagePull: no such image']);
  assert.deepEqual(notes.of(pull('ImagePullBackOff')).length, 1);
  assert.deepEqual(notes.of(pull('ErrImagePull')), []);
  assert.deepEqual(notes.of(onNode(ended(3, 'Error'))), ['container main of pod p ended with exit code 3 (Error)']);
  assert.deepEqual(notes.of(onNode(ended(3, 'Error'), 1)).length, 1);
});
