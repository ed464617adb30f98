import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobUid } from '../domain/job/job.ts';
import { backfillId, backfillRunId, manualRunId, type RunId, tickRunId } from '../domain/run/run.ts';
import type { CursorRecord, TriggerRecord } from './records.ts';
import { isOutrun, mayStart } from './waiting.ts';

const uid = 'uid' as JobUid;
const job = { uid, suspended: false, floor: 100 };
const trigger = (rest: Partial<TriggerRecord> = {}): TriggerRecord => ({
  v: 1,
  run: manualRunId(uid, 'a'),
  attempt: 1,
  jobUid: uid,
  kind: 'manual',
  dueAt: 500,
  requestedAt: 500,
  deadline: 900,
  epoch: 2,
  by: 'a test',
  ...rest,
});

describe('a trigger', () => {
  const adopts = { handovers: 1, since: 1, revision: 1, lock: 'cron/lock/default/job/0' };
  const tick = { kind: 'tick', run: tickRunId(uid, 500), tick: 500 } as const;
  const cases: [what: string, may: boolean, record: TriggerRecord, job?: typeof job, now?: number][] = [
    ['may start', true, trigger()],
    ['may not after its deadline', false, trigger(), job, 901],
    ['may not in a later epoch', false, trigger({ epoch: 1 })],
    ['may not for another job of the name', false, trigger({ jobUid: 'other' as JobUid })],
    ['may not once it was replaced', false, trigger({ replacedBy: 'later' as RunId })],
    ['starts nothing when it asks for an adoption', false, trigger({ adopts })],
    ['may be asked for of a suspended job', true, trigger(), { ...job, suspended: true }],
    ['may not be of a suspended job’s schedule', false, trigger(tick), { ...job, suspended: true }],
    ['may not be of a schedule that was', false, trigger(tick), { ...job, floor: 500 }],
    ['may be of the schedule that is', true, trigger(tick), { ...job, floor: 499 }],
  ];
  for (const [what, may, record, of = job, now = 600] of cases) {
    it(what, () => assert.equal(mayStart(record, of, 2, now), may));
  }
});

describe('a run that waits to replace another', () => {
  const cursor = (rest: Partial<CursorRecord> = {}): CursorRecord => {
    return { v: 1, uid, tick: 700, decision: 'run', run: tickRunId(uid, 700), ...rest };
  };

  it('is outrun by a later tick that was decided as a run, at once or as a trigger', () => {
    assert.ok(isOutrun(trigger(), cursor()));
    assert.ok(isOutrun(trigger(), cursor({ decision: 'trigger' })));
    assert.ok(isOutrun(trigger({ attempt: 2, kind: 'retry' }), cursor()));
  });

  it('is not outrun by an earlier tick, a skip, the own tick, or another job’s', () => {
    for (const one of [undefined, cursor({ tick: 400 }), cursor({ decision: 'skip' }), cursor({ tick: 500 })]) {
      assert.ok(!isOutrun(trigger(), one));
    }
    assert.ok(!isOutrun(trigger(), cursor({ uid: 'other' as JobUid })));
  });

  it('is not outrun when a backfill asks for it, nor when that is tried again', () => {
    const run = backfillRunId(backfillId(uid, 'zzzzzz'), 500);
    assert.ok(!isOutrun(trigger({ run, kind: 'backfill', tick: 500 }), cursor()));
    assert.ok(!isOutrun(trigger({ run, kind: 'retry', attempt: 2, tick: 500 }), cursor()));
  });
});
