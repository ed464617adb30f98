import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Job } from '../../domain/job/job.ts';
import { maxRunMessage, resourceStatus } from '../../domain/job/resource-status.ts';
import { jobSpec } from '../../domain/job/spec.ts';
import type { RunId } from '../../domain/run/run.ts';
import type { Run } from '../../store/store.ts';
import { calculateStatus, type Ready, type StatusInput } from './calculate.ts';
import { conditionOf, conditionsWith } from './conditions.ts';
import { statusPatch } from './patch.ts';
import type { CronJobStatus } from './types.ts';

const now = Date.parse('2026-11-24T12:00:30Z');
const minute = 60_000;
const yes: Ready = { ready: true, reason: 'Applied', message: 'in force' };

function jobOf(spec: Record<string, unknown> = {}): Job {
  const executor = { shell: { command: 'true' } };
  return {
    uid: 'job1' as Job['uid'],
    namespace: 'ns',
    name: 'a',
    labels: {},
    annotations: {},
    spec: jobSpec.parse({ schedule: '* * * * *', executor, ...spec }),
    revision: 3,
    floor: now - 3_600_000,
    anchor: now - 3_600_000,
    countsFrom: now - 3_600_000,
    source: 'kubernetes',
    createdAt: now - 3_600_000,
    updatedAt: now,
  };
}

function runOf(state: Run['state'], tick?: string, changes: Partial<Run> = {}): Run {
  const at = Date.parse(tick ?? '2026-11-24T11:59:00Z');
  return {
    id: `job1-${state}-${at}` as RunId,
    jobUid: 'job1' as Run['jobUid'],
    namespace: 'ns',
    name: 'a',
    trigger: tick === undefined ? 'manual' : 'tick',
    ...(tick !== undefined && { tick: at }),
    state,
    attempt: 1,
    requestedAt: at,
    ...(['Pending', 'Claimed', 'Running'].includes(state) ? {} : { finishedAt: at + 1_000 }),
    ...changes,
  };
}

function statusOf(changes: Partial<StatusInput> = {}): CronJobStatus {
  const common = { generation: 2, before: undefined, ready: yes, appliedGeneration: 2, runs: undefined, now };
  const status = calculateStatus({ ...common, job: jobOf(), ...changes });
  // What the API server takes.
  resourceStatus.parse(status);
  return status;
}

describe('the status of a resource', () => {
  it('has the next tick, none while suspended or when none comes', () => {
    assert.equal(statusOf().nextScheduleTime, '2026-11-24T12:01:00Z');
    assert.equal(statusOf({ job: jobOf({ suspend: true }) }).nextScheduleTime, undefined);
    assert.equal(statusOf({ job: jobOf({ schedule: '@at 2020-01-01T00:00:00Z' }) }).nextScheduleTime, undefined);
    assert.equal(statusOf({ job: { ...jobOf(), floor: now + minute } }).nextScheduleTime, '2026-11-24T12:02:00Z');
  });

  it('tells of runs: those that go on, the last tick, the last success, five outcomes', () => {
    const recent = [
      runOf('Running', '2026-11-24T12:00:00Z', { startedAt: now }),
      ...['Failed', 'Succeeded', 'Lost', 'Killed', 'TimedOut', 'Failed'].map((state, i) =>
        runOf(state as Run['state'], new Date(now - (i + 1) * minute - 30_000).toISOString()),
      ),
    ];
    const status = statusOf({ runs: { active: 1, recent } });
    assert.equal(status.active, 1);
    assert.equal(status.lastScheduleTime, '2026-11-24T12:00:00Z');
    assert.equal(status.lastSuccessfulTime, '2026-11-24T11:58:01Z');
    assert.deepEqual(status.lastRun, {
      id: recent[0]?.id,
      state: 'Running',
      tick: '2026-11-24T12:00:00Z',
      startedAt: '2026-11-24T12:00:30Z',
    });
    assert.deepEqual(
      status.recentRuns?.map(run => run.state),
      ['Failed', 'Succeeded', 'Lost', 'Killed', 'TimedOut'],
    );
  });

  it('counts no tick as run that was asked for and never started, and no manual run as tick', () => {
    const recent = [
      runOf('Skipped', '2026-11-24T12:00:00Z'),
      runOf('Pending', '2026-11-24T11:59:00Z'),
      runOf('Succeeded'),
      runOf('Failed', '2026-11-24T11:58:00Z'),
    ];
    assert.equal(statusOf({ runs: { active: 1, recent } }).lastScheduleTime, '2026-11-24T11:58:00Z');
  });

  it('keeps what it knew when the runs are forgotten, but not of another job', () => {
    const before = {
      ...statusOf(),
      lastScheduleTime: '2026-11-01T00:00:00Z',
      lastSuccessfulTime: '2026-11-02T00:00:00Z',
    };
    const kept = statusOf({ before });
    assert.deepEqual(
      [kept.lastScheduleTime, kept.lastSuccessfulTime],
      ['2026-11-01T00:00:00Z', '2026-11-02T00:00:00Z'],
    );
    const other = statusOf({ before: { ...before, jobUid: 'job0' } });
    assert.deepEqual([other.lastScheduleTime, other.lastSuccessfulTime], [undefined, undefined]);
    const older = runOf('Succeeded', '2026-10-01T00:00:00Z');
    assert.equal(statusOf({ before, runs: { active: 0, recent: [older] } }).lastSuccessfulTime, '2026-11-02T00:00:00Z');
  });

  it('finds a success that is not among the newest', () => {
    const lastSuccess = runOf('Succeeded', '2026-11-20T00:00:00Z');
    const runs = { active: 0, recent: [runOf('Failed', '2026-11-24T11:00:00Z')], lastSuccess };
    assert.equal(statusOf({ runs }).lastSuccessfulTime, '2026-11-20T00:00:01Z');
  });

  it('cuts a long message of a run', () => {
    const recent = [runOf('Failed', '2026-11-24T11:00:00Z', { message: 'x'.repeat(5_000) })];
    assert.equal(statusOf({ runs: { active: 0, recent } }).lastRun?.message?.length, maxRunMessage);
  });

  it('says of what generation the job is while the spec is not valid', () => {
    const ready: Ready = { ready: false, reason: 'InvalidSpec', message: 'spec.schedule is wrong' };
    const status = statusOf({ generation: 5, ready, appliedGeneration: 3 });
    const of = (type: 'Ready' | 'Applied') => {
      const { status: now, observedGeneration } = conditionOf(status.conditions, type) ?? assert.fail(type);
      return [now, observedGeneration];
    };
    assert.deepEqual([status.observedGeneration, of('Ready'), of('Applied')], [5, ['False', 5], ['True', 3]]);
    const none = statusOf({ ready, job: undefined, appliedGeneration: undefined });
    assert.deepEqual([none.active, none.jobUid, none.conditions.map(one => one.type)], [0, undefined, ['Ready']]);
  });

  it('tells of suspension, and of its end, but only to those who had one', () => {
    const types = (status: CronJobStatus) => status.conditions.map(one => `${one.type}=${one.status}`);
    assert.deepEqual(types(statusOf()), ['Ready=True', 'Applied=True']);
    const suspended = statusOf({ job: jobOf({ suspend: true }) });
    assert.deepEqual(types(suspended), ['Ready=True', 'Applied=True', 'Suspended=True']);
    assert.deepEqual(types(statusOf({ before: suspended })), ['Ready=True', 'Applied=True', 'Suspended=False']);
  });

  it('tells that no ready worker may run it, and when one may again', () => {
    const unserved = statusOf({ unserved: 'no ready worker matches (selector disk=ssd, executor shell)' });
    const condition = conditionOf(unserved.conditions, 'Served');
    assert.deepEqual([condition?.status, condition?.reason], ['False', 'NoEligibleWorker']);
    assert.match(condition?.message ?? '', /selector disk=ssd/);
    const served = conditionOf(statusOf({ before: unserved }).conditions, 'Served');
    assert.deepEqual([served?.status, served?.reason], ['True', 'WorkerReady']);
    assert.equal(conditionOf(statusOf().conditions, 'Served'), undefined);
  });
});

describe('a pause of the job’s own', () => {
  const paused = { at: now, reason: 'Failures', detail: '3 runs in a row failed, the last one r' } as const;

  it('is a condition with its reason, and its end is told; no tick is next', () => {
    const job = jobOf();
    const status = statusOf({ job: { ...job, paused } });
    const condition = conditionOf(status.conditions, 'Paused');
    assert.deepEqual([condition?.status, condition?.reason], ['True', 'Failures']);
    assert.match(condition?.message ?? '', /^3 runs in a row failed, the last one r: no tick is due; cronmesh resume /);
    assert.equal(conditionOf(status.conditions, 'Suspended'), undefined, 'the spec’s own stays the spec’s');
    assert.equal(status.nextScheduleTime, undefined);
    assert.equal(conditionOf(statusOf({ job, before: status }).conditions, 'Paused')?.status, 'False');
  });
});

describe('conditions', () => {
  const verdict = { type: 'Ready', status: 'True', observedGeneration: 1, reason: 'Applied', message: 'a' } as const;

  it('keep the time of their last transition until their status changes', () => {
    const first = conditionsWith([], [verdict], now + 123);
    assert.equal(first[0]?.lastTransitionTime, '2026-11-24T12:00:30Z');
    const same = conditionsWith(
      first,
      [{ ...verdict, reason: 'Other', message: 'b', observedGeneration: 2 }],
      now + minute,
    );
    assert.equal(same[0]?.lastTransitionTime, '2026-11-24T12:00:30Z');
    const other = conditionsWith(same, [{ ...verdict, status: 'False' }], now + minute);
    assert.equal(other[0]?.lastTransitionTime, '2026-11-24T12:01:30Z');
  });

  it('have messages that Kubernetes takes', () => {
    const [long] = conditionsWith([], [{ ...verdict, message: 'x'.repeat(100_000) }], now);
    assert.ok((long?.message.length ?? 0) <= 8_000 && long?.message.endsWith('…'));
  });
});

describe('the patch of a status', () => {
  it('has what differs, and null for what goes', () => {
    const before = statusOf({
      runs: { active: 0, recent: [runOf('Failed', '2026-11-24T11:00:00Z', { message: 'm' })] },
    });
    assert.equal(statusPatch(before, structuredClone(before)), undefined);
    const { nextScheduleTime: _, ...suspended } = before;
    assert.deepEqual(statusPatch(before, suspended), { nextScheduleTime: null });
    const run = { id: before.lastRun?.id ?? assert.fail(), state: 'Running' } as const;
    assert.deepEqual(statusPatch(before, { ...before, lastRun: run }), {
      lastRun: { ...run, tick: null, finishedAt: null, message: null },
    });
    assert.deepEqual(Object.keys(statusPatch(undefined, before) ?? {}).length, 9);
  });
});
