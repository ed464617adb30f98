import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Job } from '../../src/domain/job/job.ts';
import type { RunReference } from '../../src/domain/run/report.ts';
import { tickRunId } from '../../src/domain/run/run.ts';
import { formatInstant } from '../../src/domain/time.ts';
import type { CronJobStatus } from '../../src/operator/status/types.ts';
import { claimed, finished, started, worker } from '../conformance/store/fixtures.ts';
import { kubectl, kubernetesSkip } from '../support/kubernetes.ts';
import { OperatorBed, operatorSkip, type RunningOperator } from '../support/operator.ts';
import { eventually } from '../support/process.ts';

/** A status is written at most each 5 s, and runs are looked at each 2 s. */
const fresh = 8_000;

describe('the status of a resource', { skip: kubernetesSkip() || operatorSkip() }, () => {
  let bed: OperatorBed;
  let operator: RunningOperator;
  let job: Job;
  /** Ticks after the job was made, a second from one to the next. */
  let ticks: readonly number[];

  before(async () => {
    bed = await OperatorBed.open();
    operator = await bed.start();
    await operator.leads();
    await bed.create('runs', { schedule: '@yearly' });
    await bed.ready('runs', 'True');
    const made = await bed.job('runs');
    assert.ok(made);
    job = made;
    ticks = Array.from({ length: 8 }, (_, i) => (Math.ceil(made.floor / 1_000) + i) * 1_000);
  });
  after(async () => {
    await bed?.close();
  });

  const about = (i: number): RunReference => {
    const tick = ticks[i] ?? 0;
    const { uid, namespace, name } = job;
    return { run: tickRunId(uid, tick), attempt: 1, jobUid: uid, namespace, name, tick, trigger: 'tick' };
  };
  const report = async (...reports: Parameters<typeof bed.store.applyReports>[1]) =>
    await bed.store.applyReports(worker, reports, Date.now());
  const status = (what: string, check: (status: CronJobStatus) => boolean, timeout = fresh) =>
    eventually(
      what,
      async () => {
        const now = (await bed.get('runs'))?.status;
        return now !== undefined && check(now) ? now : undefined;
      },
      timeout,
    );

  it('tells of a run that goes on', async () => {
    const at = ticks[0] ?? 0;
    await report(claimed(about(0), { at: at + 10 }), started(about(0), { at: at + 20 }));
    const now = await status('one is active', one => one.active === 1);
    assert.deepEqual(
      [now.lastRun, now.lastScheduleTime, now.recentRuns, now.lastSuccessfulTime],
      [
        { id: about(0).run, state: 'Running', tick: formatInstant(at), startedAt: formatInstant(at + 20) },
        formatInstant(at),
        undefined,
        undefined,
      ],
    );
  });

  it('tells of its end', async () => {
    const at = (ticks[0] ?? 0) + 500;
    await report(finished(about(0), { at }));
    const now = await status('it has ended', one => one.active === 0 && one.lastSuccessfulTime !== undefined);
    assert.equal(now.lastSuccessfulTime, formatInstant(at));
    assert.deepEqual(now.recentRuns, [
      { id: about(0).run, state: 'Succeeded', tick: formatInstant(ticks[0] ?? 0), finishedAt: formatInstant(at) },
    ]);
    assert.equal(now.lastRun?.state, 'Succeeded');
  });

  it('keeps the last five outcomes, and counts what went wrong in one event', async () => {
    for (const i of [1, 2, 3, 4, 5, 6]) {
      const at = (ticks[i] ?? 0) + 100;
      const message = `exit status 1 at ${i}`;
      await report(claimed(about(i), { at }), finished(about(i), { at, outcome: 'Failed', exitCode: 1, message }));
    }
    const now = await status('the last one is told', one => one.lastRun?.id === about(6).run);
    assert.deepEqual(
      now.recentRuns?.map(run => [run.id, run.state]),
      [6, 5, 4, 3, 2].map(i => [about(i).run, 'Failed']),
    );
    assert.equal(now.lastRun?.message, 'exit status 1 at 6');
    assert.equal(now.lastSuccessfulTime, formatInstant((ticks[0] ?? 0) + 500), 'it stays');
    assert.equal(now.lastScheduleTime, formatInstant(ticks[6] ?? 0));
    const told = await eventually(
      'all six are in one event',
      async () => {
        const failed = (await bed.events('runs')).filter(event => event.reason === 'RunFailed');
        return failed.length > 0 && failed[0]?.count === 6 ? failed : undefined;
      },
      25_000,
    );
    assert.equal(told.length, 1);
    assert.match(told[0]?.message ?? '', /ended as Failed: exit status 1 at \d/);
  });

  it('tells of a run that the leader closed as lost', async () => {
    await report(claimed(about(7), { at: (ticks[7] ?? 0) + 10 }));
    await status('one is active', one => one.active === 1);
    const { run, ...rest } = about(7);
    const term = await bed.store.nextTerm('scheduler', 'test');
    const lost = [{ run, ...rest, message: 'its worker went away' }];
    const findings = { skips: [], lost, expired: [], catchups: [], accounted: [] };
    await bed.store.account(term, findings, Date.now());
    const now = await status('it is lost', one => one.active === 0);
    assert.deepEqual([now.lastRun?.state, now.lastRun?.message], ['Lost', 'its worker went away']);
    await eventually('the event is told', async () => (await bed.events('runs')).some(one => one.reason === 'RunLost'));
  });

  it('is what kubectl shows', () => {
    const columns = [
      'active:.status.active',
      'last:.status.lastScheduleTime',
      'state:.status.lastRun.state',
      'ready:.status.conditions[?(@.type=="Ready")].status',
    ].join(',');
    const shown = kubectl([
      'get',
      'mcj',
      '-n',
      bed.namespace,
      'runs',
      '--no-headers',
      '-o',
      `custom-columns=${columns}`,
    ]);
    assert.deepEqual(shown.trim().split(/\s+/), ['0', formatInstant(ticks[7] ?? 0), 'Lost', 'True']);
  });

  it('moves the next tick on as time passes', async () => {
    await bed.create('seconds', { schedule: '*/10 * * * * *' });
    const first = (await bed.ready('seconds', 'True')).status?.nextScheduleTime ?? '';
    const later = await eventually('the next tick is another', async () => {
      const next = (await bed.get('seconds'))?.status?.nextScheduleTime;
      return next !== undefined && next !== first ? next : undefined;
    });
    assert.ok(Date.parse(later) > Date.parse(first) && Date.parse(later) > Date.now() - 3_000, `${first} ${later}`);
  });

  it('is written at most each 5 s, and not at all while nothing changes', async () => {
    await bed.create('quiet', { schedule: '@yearly' });
    const version = (await bed.ready('quiet', 'True')).metadata.resourceVersion;
    const began = Date.now();
    let writes = 0;
    let seen = (await bed.get('seconds'))?.metadata.resourceVersion;
    await eventually('12 s are over', async () => {
      const now = (await bed.get('seconds'))?.metadata.resourceVersion;
      if (now !== seen) writes++;
      seen = now;
      return Date.now() - began > 12_000;
    });
    assert.ok(writes >= 1 && writes <= 3, `${writes} writes in 12 s`);
    assert.equal((await bed.get('quiet'))?.metadata.resourceVersion, version);
  });

  it('is the same after another operator took over', async () => {
    const before = (await bed.get('runs'))?.status;
    assert.equal(await operator.program.stop(), 0);
    const manual: RunReference = {
      ...about(7),
      run: `${job.uid}-m-aaaaaaaaaa` as RunReference['run'],
      trigger: 'manual',
    };
    const { tick: _, ...asked } = manual;
    const at = Date.now();
    await report(claimed(asked, { at }), finished(asked, { at: at + 1 }));
    operator = await bed.start();
    await operator.leads();
    const now = await status('the run of the time between is told', one => one.lastRun?.id === manual.run);
    assert.equal(now.lastSuccessfulTime, formatInstant(at + 1));
    assert.equal(now.lastScheduleTime, before?.lastScheduleTime);
    assert.deepEqual(now.recentRuns?.slice(1), before?.recentRuns?.slice(0, 4));
    assert.deepEqual(now.conditions, before?.conditions);
  });
});
