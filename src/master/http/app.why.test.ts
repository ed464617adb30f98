import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Api, manifest } from '../../../test/support/api.ts';
import type { Job } from '../../domain/job/job.ts';
import { validateManifest } from '../../domain/job/validate.ts';
import type { Report } from '../../domain/run/report.ts';
import { backfillId, backfillRunId, type SkipReason, tickRunId } from '../../domain/run/run.ts';
import type { Term } from '../../store/store.ts';

const path = (name: string) => `/api/v1/namespaces/default/jobs/${name}`;
const at = (time: string) => Date.parse(time);

describe('why a job did not run', () => {
  let api: Api;
  let term: Term;
  before(async () => {
    api = await Api.open();
    term = await api.store.nextTerm('leader', 'test');
  });
  after(() => api.close());

  const why = async (name: string, time: string) => {
    const { status, json } = await api.send('GET', `${path(name)}/why?at=${encodeURIComponent(time)}`);
    assert.equal(status, 200, JSON.stringify(json));
    assert.doesNotMatch(json.message, /\n|undefined|NaN/);
    return json;
  };

  /** A job made at an instant. */
  const create = async (name: string, created: string, spec: Record<string, unknown> = {}): Promise<Job> => {
    api.now = at(created);
    return await api.jobs.create(validateManifest(manifest(name, spec)));
  };

  const skip = async (job: Job, from: string, to: string, count: number, reason: SkipReason, detail: string) => {
    const { uid: jobUid, namespace, name } = job;
    const record = { jobUid, namespace, name, from: at(from), to: at(to), count, reason, detail };
    const nothing = { lost: [], expired: [], catchups: [], accounted: [] };
    await api.store.account(term, { ...nothing, skips: [record] }, api.now);
  };

  const ran = async (job: Job, tick: string, ...reports: readonly Partial<Report>[]) => {
    const { uid: jobUid, namespace, name } = job;
    const about = {
      run: tickRunId(jobUid, at(tick)),
      attempt: 1,
      jobUid,
      namespace,
      name,
      trigger: 'tick',
      tick: at(tick),
    };
    for (const report of reports) await api.report('worker-1', { ...about, ...report } as Report);
  };

  it('tells a run: its state, worker, exit status and times', async () => {
    const job = await create('ran', '2026-03-01T12:00:00Z', { timeZone: 'Europe/Berlin' });
    await ran(
      job,
      '2026-03-02T02:00:00Z',
      { type: 'claimed', at: at('2026-03-02T02:00:00.010Z'), fencingToken: '1', revision: 1 },
      { type: 'started', at: at('2026-03-02T02:00:00.040Z'), pid: 1 },
    );
    api.now = at('2026-03-02T09:00:00Z');
    const running = await why('ran', '2026-03-02T02:00:00Z');
    assert.deepEqual(
      [running.outcome, running.message],
      [
        'Run',
        'default/ran was due at 2026-03-02T02:00:00Z (2026-03-02 03:00 in Europe/Berlin): it is running on worker-1, started 40ms after the tick',
      ],
    );
    const end = at('2026-03-02T02:00:02.040Z');
    await ran(job, '2026-03-02T02:00:00Z', { type: 'finished', at: end, outcome: 'Failed', exitCode: 3 });
    for (const time of [
      '2026-03-02T02:00:00Z',
      '03:00',
      '2026-03-02 03:00',
      '2026-03-02T03:00:00',
      '2026-03-02T03:00:00+01:00',
    ]) {
      const { message, ...answer } = await why('ran', time);
      assert.equal(
        message,
        'default/ran was due at 2026-03-02T02:00:00Z (2026-03-02 03:00 in Europe/Berlin): it ran: Failed on worker-1 (exit 3), started 40ms after the tick, took 2s',
      );
      const { run, ...rest } = answer;
      assert.deepEqual(rest, {
        namespace: 'default',
        name: 'ran',
        at: '2026-03-02T02:00:00Z',
        tick: '2026-03-02T02:00:00Z',
        exact: true,
        outcome: 'Run',
        next: '2026-03-03T02:00:00Z',
        schedule: '0 3 * * *',
        timeZone: 'Europe/Berlin',
      });
      assert.equal(run.state, 'Failed');
    }
  });

  it('takes the nearest tick before where none is at the time, and says so', async () => {
    const answer = await why('ran', '2026-03-02T07:30:00Z');
    assert.deepEqual([answer.exact, answer.tick, answer.next], [false, '2026-03-02T02:00:00Z', '2026-03-03T02:00:00Z']);
    assert.equal(
      answer.message,
      'no tick of default/ran is at 2026-03-02T07:30:00Z (2026-03-02 08:30 in Europe/Berlin), by the schedule "0 3 * * *" in Europe/Berlin; the next is 2026-03-03T02:00:00Z; the last one before it is 2026-03-02T02:00:00Z (2026-03-02 03:00 in Europe/Berlin): it ran: Failed on worker-1 (exit 3), started 40ms after the tick, took 2s',
    );
  });

  it('tells a skip and its reason, alone or as one of a range', async () => {
    const job = await create('skipped', '2026-03-01T12:00:00Z', { schedule: '0 * * * *' });
    api.now = at('2026-03-01T23:00:30Z');
    await skip(job, '2026-03-01T13:00:00Z', '2026-03-01T13:00:00Z', 1, 'StillRunning', 'the run x was still going');
    await skip(job, '2026-03-01T14:00:00Z', '2026-03-01T18:00:00Z', 5, 'ClusterDown', 'nothing ran');
    const one = await why('skipped', '2026-03-01T13:00:00Z');
    assert.deepEqual([one.outcome, one.skip.reason], ['Skipped', 'StillRunning']);
    assert.equal(
      one.message,
      'default/skipped was due at 2026-03-01T13:00:00Z: it did not run: StillRunning (the run x was still going)',
    );
    for (const time of ['14', '16', '18']) {
      const inside = await why('skipped', `2026-03-01T${time}:00:00Z`);
      assert.deepEqual([inside.outcome, inside.skip.count], ['Skipped', 5]);
      assert.equal(
        inside.message,
        `default/skipped was due at 2026-03-01T${time}:00:00Z: it did not run: ClusterDown (nothing ran), one of 5 ticks from 2026-03-01T14:00:00Z to 2026-03-01T18:00:00Z`,
      );
    }
    const behind = await why('skipped', '2026-03-01T19:00:00Z');
    assert.deepEqual([behind.outcome, behind.skip], ['NotYet', undefined]);
  });

  it('says of a tick that is not accounted for yet when it will be, and then that something is wrong', async () => {
    await create('gap', '2026-03-01T12:00:00Z');
    api.now = at('2026-03-02T03:00:02Z');
    const soon = await why('gap', '03:00');
    assert.equal(soon.outcome, 'NotYet');
    assert.equal(
      soon.message,
      'default/gap was due at 2026-03-02T03:00:00Z: neither a run nor a skip is recorded yet; what no worker reports is judged from 2026-03-02T03:00:08Z on',
    );
    api.now = at('2026-03-02T04:00:00Z');
    assert.match((await why('gap', '03:00')).message, /the masters have not accounted for it, or its worker has not/);
    assert.equal((await why('gap', '2026-03-05 03:00')).outcome, 'Future');
    assert.equal(
      (await why('gap', '2026-03-05 03:00')).message,
      'the tick of default/gap at 2026-03-05T03:00:00Z is still to come',
    );
  });

  it('says of an accounted tick without a record that the record is gone', async () => {
    const job = await create('old', '2026-03-01T12:00:00Z');
    api.now = at('2026-05-01T00:00:00Z');
    const accounted = [{ uid: job.uid, revision: 1, until: at('2026-04-30T03:00:00Z') }];
    await api.store.account(term, { skips: [], lost: [], expired: [], catchups: [], accounted }, api.now);
    const answer = await why('old', '2026-03-20 03:00');
    assert.equal(answer.outcome, 'NoRecord');
    assert.match(answer.message, /is not recorded any more \(history\.retentionDays/);
  });

  it('knows days on which clocks change', async () => {
    const job = await create('spring', '2026-03-28T00:00:00Z', { schedule: '30 2 * * *', timeZone: 'Europe/Berlin' });
    api.now = at('2026-03-29T09:00:00Z');
    await skip(job, '2026-03-29T01:00:00Z', '2026-03-29T01:00:00Z', 1, 'NoCapacity', 'no room');
    const vixie = await why('spring', '2026-03-29 02:30');
    assert.deepEqual([vixie.tick, vixie.exact, vixie.outcome], ['2026-03-29T01:00:00Z', true, 'Skipped']);
    assert.match(
      vixie.message,
      /due at 2026-03-29T01:00:00Z \(2026-03-29 03:00 in Europe\/Berlin\): it did not run: No/,
    );
    assert.match(
      vixie.message,
      /; 2026-03-29 02:30 did not exist in Europe\/Berlin: the clock was put forward over it$/,
    );
    const spec = { schedule: '30 2 * * *', timeZone: 'Europe/Berlin', dstPolicy: 'Literal' };
    const literal = await create('autumn', '2026-10-24T00:00:00Z', spec);
    api.now = at('2026-10-25T09:00:00Z');
    await skip(literal, '2026-10-25T01:30:00Z', '2026-10-25T01:30:00Z', 1, 'NoCapacity', 'the second');
    const first = await why('autumn', '02:30');
    assert.deepEqual([first.tick, first.outcome], ['2026-10-25T00:30:00Z', 'NotYet']);
    assert.match(
      first.message,
      /came twice in Europe\/Berlin: this is the first; the second was 2026-10-25T01:30:00Z$/,
    );
    assert.equal((await why('autumn', '2026-10-25T01:30:00Z')).skip.detail, 'the second');
  });

  it('says that it was suspended then, while it is and afterwards', async () => {
    const ref = { namespace: 'default', name: 'resting' };
    await create('resting', '2026-03-01T12:00:00Z');
    api.now = at('2026-03-01T18:00:00Z');
    await api.jobs.setSuspended(ref, true);
    api.now = at('2026-03-02T04:00:00Z');
    const now = await why('resting', '03:00');
    assert.equal(now.outcome, 'Suspended');
    assert.equal(
      now.message,
      'default/resting was due at 2026-03-02T03:00:00Z: the job has been suspended since 2026-03-01T18:00:00Z',
    );
    assert.equal(now.next, undefined);
    await api.jobs.setSuspended(ref, false);
    api.now = at('2026-03-02T05:00:00Z');
    const later = await why('resting', '03:00');
    assert.deepEqual([later.outcome, later.next], ['Suspended', '2026-03-03T03:00:00Z']);
    assert.equal(
      later.message,
      'default/resting was due at 2026-03-02T03:00:00Z, by the schedule "0 3 * * *" in UTC, which held until 2026-03-02T04:00:00Z: the job was suspended from 2026-03-01T18:00:00Z to 2026-03-02T04:00:00Z',
    );
    assert.equal((await why('resting', '2026-03-01T20:00:00Z')).outcome, 'Suspended');
  });

  it('judges by the schedule that was in force then', async () => {
    const job = await create('edited', '2026-03-01T12:00:00Z');
    api.now = at('2026-03-02T10:00:00Z');
    await skip(job, '2026-03-02T03:00:00Z', '2026-03-02T03:00:00Z', 1, 'NoEligibleWorker', 'none');
    await api.jobs.patch({ namespace: 'default', name: 'edited' }, { spec: { schedule: '0 4 * * *' } });
    api.now = at('2026-03-02T12:00:00Z');
    const old = await why('edited', '2026-03-02T03:00:00Z');
    assert.deepEqual([old.outcome, old.schedule], ['Skipped', '0 3 * * *']);
    assert.match(
      old.message,
      /by the schedule "0 3 \* \* \*" in UTC, which held until 2026-03-02T10:00:00Z: it did not run/,
    );
    const none = await why('edited', '2026-03-02T11:00:00Z');
    assert.deepEqual([none.outcome, none.next, none.schedule], ['NoTick', '2026-03-03T04:00:00Z', '0 4 * * *']);
    assert.equal(
      none.message,
      'no tick of default/edited is at 2026-03-02T11:00:00Z, by the schedule "0 4 * * *" in UTC, which holds from 2026-03-02T10:00:00Z; the last tick before that was 2026-03-02T03:00:00Z, by the schedule "0 3 * * *" in UTC, which held until 2026-03-02T10:00:00Z; the next is 2026-03-03T04:00:00Z',
    );
  });

  it('says that there was no such job: before it was made, after it was deleted, and between two of its name', async () => {
    const first = await create('mortal', '2026-03-01T12:00:00Z');
    const before = await why('mortal', '2026-02-01T03:00:00Z');
    assert.equal(before.outcome, 'NoJob');
    assert.equal(
      before.message,
      'there was no job default/mortal at 2026-02-01T03:00:00Z: it was created at 2026-03-01T12:00:00Z; its first tick since then is 2026-03-02T03:00:00Z',
    );
    api.now = at('2026-03-03T00:00:00Z');
    await skip(first, '2026-03-02T03:00:00Z', '2026-03-02T03:00:00Z', 1, 'NoCapacity', 'none');
    await api.jobs.delete({ namespace: 'default', name: 'mortal' });
    const gone = await why('mortal', '2026-03-04T03:00:00Z');
    assert.deepEqual(
      [gone.outcome, gone.message],
      ['NoJob', 'there was no job default/mortal at 2026-03-04T03:00:00Z: it was deleted at 2026-03-03T00:00:00Z'],
    );
    await create('mortal', '2026-03-05T00:00:00Z');
    assert.match(
      (await why('mortal', '2026-03-04T03:00:00Z')).message,
      /it was deleted at 2026-03-03T00:00:00Z, and created at 2026-03-05T00:00:00Z; its first tick/,
    );
    assert.equal((await why('mortal', '2026-03-02T03:00:00Z')).skip.reason, 'NoCapacity');
  });

  it('counts @every from the job’s creation', async () => {
    const job = await create('every', '2026-03-01T12:00:17Z', { schedule: '@every 90m' });
    api.now = at('2026-03-01T20:00:00Z');
    await skip(job, '2026-03-01T13:30:17Z', '2026-03-01T13:30:17Z', 1, 'NoCapacity', 'none');
    const minute = await why('every', '13:30');
    assert.deepEqual([minute.tick, minute.exact, minute.outcome], ['2026-03-01T13:30:17Z', true, 'Skipped']);
    const second = await why('every', '13:31:00');
    assert.deepEqual([second.tick, second.exact, second.next], ['2026-03-01T13:30:17Z', false, '2026-03-01T15:00:17Z']);
    assert.equal((await why('every', '13:00')).outcome, 'NoTick');
  });

  it('says of a job that is run by hand only which run was the last before', async () => {
    const job = await create('manual', '2026-03-01T12:00:00Z', { schedule: '@manually' });
    api.now = at('2026-03-01T13:00:00Z');
    const none = await why('manual', '12:30');
    assert.deepEqual([none.outcome, none.run], ['NoTick', undefined]);
    assert.match(none.message, /by the schedule "@manually" in UTC, which holds from .*; none comes after it$/);
    const run = await api.runs.trigger(job, 'test');
    api.now = at('2026-03-01T14:00:00Z');
    const answer = await why('manual', '13:30');
    assert.equal(answer.run.id, run.id);
    assert.ok(
      answer.message.endsWith(
        `; the last run asked for by hand before it is ${run.id} of 2026-03-01T13:00:00Z: Pending`,
      ),
    );
  });

  it('tells of a run that waits, was skipped, or was lost', async () => {
    const job = await create('late', '2026-03-01T12:00:00Z', { schedule: '0 * * * *' });
    const { uid: jobUid, namespace, name } = job;
    api.now = at('2026-03-01T15:30:00Z');
    const ref = (hour: number) => ({
      run: tickRunId(jobUid, at(`2026-03-01T${hour}:00:00Z`)),
      jobUid,
      namespace,
      name,
    });
    const catchup = (hour: number) => {
      const { run: id, ...rest } = ref(hour);
      const times = { tick: at(`2026-03-01T${hour}:00:00Z`), requestedAt: api.now, deadline: api.now + 1 };
      return { id, ...rest, ...times, trigger: 'catchup', revision: 1, by: 'misfire' } as const;
    };
    const nothing = { skips: [], lost: [], expired: [], catchups: [], accounted: [] };
    await api.store.account(term, { ...nothing, catchups: [catchup(13), catchup(14)] }, api.now);
    const expired = [{ run: ref(13).run, reason: 'NoCapacity', message: 'no room until its deadline' }] as const;
    const lost = [
      { ...ref(15), attempt: 1, trigger: 'tick', tick: at('2026-03-01T15:00:00Z'), message: 'its worker went away' },
    ] as const;
    await api.store.account(term, { ...nothing, expired, lost }, api.now);
    const said = async (hour: number) => (await why('late', `2026-03-01T${hour}:00:00Z`)).message.split('Z: ')[1];
    assert.equal((await why('late', '13:00')).outcome, 'Skipped');
    assert.equal(await said(13), 'it did not run: NoCapacity (no room until its deadline)');
    assert.equal(await said(14), 'it waits as a catch-up for a worker with room');
    assert.equal(await said(15), 'its run was Lost (its worker went away): what became of it is not known');
  });

  const allowed =
    'must be an instant as RFC 3339, such as 2026-11-24T03:00:00Z, or a time in the job’s zone: 03:00 (the last one), 2026-11-24 03:00';
  for (const time of [
    'yesterday',
    '3:00',
    '25:00',
    '03:60',
    '2026-02-30 03:00',
    '2026-13-01 03:00',
    '2026-03-01',
    '',
    '2026-03-01T03:00:00Zx',
  ]) {
    it(`refuses ${JSON.stringify(time)} as a time`, async () => {
      const { status, json } = await api.send('GET', `${path('ran')}/why?at=${encodeURIComponent(time)}`);
      assert.deepEqual([status, json.code, json.detail], [400, 'InvalidInput', `query parameter at ${allowed}`]);
      assert.deepEqual(json.errors, [{ field: 'at', value: JSON.stringify(time), message: allowed }]);
    });
  }

  it('refuses a query without a time or with another parameter, and a job that never was', async () => {
    const missing = await api.send('GET', `${path('ran')}/why`);
    assert.deepEqual([missing.status, missing.json.detail], [400, 'query parameter at is needed: a string']);
    const other = await api.send('GET', `${path('ran')}/why?at=03:00&when=x`);
    assert.match(other.json.detail, /^query parameter when is not a known field/);
    const never = await api.send('GET', `${path('never')}/why?at=03:00`);
    assert.deepEqual([never.status, never.json.detail], [404, 'there is no job default/never']);
  });

  it('names what backfills ran for the tick, beside what became of it, and for a time before the job', async () => {
    const job = await create('filled', '2026-03-01T12:00:00Z');
    await skip(job, '2026-03-02T03:00:00Z', '2026-03-02T03:00:00Z', 1, 'ClusterDown', 'nothing ran');
    const backfill = backfillId(job.uid, 'abc123');
    for (const tick of ['2026-03-02T03:00:00Z', '2026-02-02T03:00:00Z']) {
      const about = { run: backfillRunId(backfill, at(tick)), trigger: 'backfill', tick: at(tick) } as const;
      api.now = at('2026-03-03T00:00:00Z');
      await ran(job, tick, { ...about, type: 'finished', at: api.now, outcome: 'Succeeded' });
    }
    const missed = await why('filled', '2026-03-02T03:00:00Z');
    assert.equal(missed.outcome, 'Skipped');
    const id = backfillRunId(backfill, at('2026-03-02T03:00:00Z'));
    assert.ok(
      missed.message.endsWith(
        `ClusterDown (nothing ran); a backfill has a run for 2026-03-02T03:00:00Z, ${id}: Succeeded`,
      ),
      missed.message,
    );
    const before = await why('filled', '2026-02-02T03:00:00Z');
    assert.equal(before.outcome, 'NoJob');
    assert.match(before.message, /; a backfill has a run for 2026-02-02T03:00:00Z, .*: Succeeded$/);
  });
});
