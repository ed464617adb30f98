import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import {
  claim,
  clockFrom,
  makeJob,
  quick,
  registerWorker,
  skipsOf,
  TestMaster,
  triggerOf,
} from '../../../test/support/leader.ts';
import { eventually } from '../../../test/support/process.ts';
import { CoordinationError, type Operation } from '../../coordination/coordinator.ts';
import { doubtKey, epochKey, lockPath, triggerPath } from '../../coordination/keys.ts';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
import { decode, type EpochRecord, encode } from '../../coordination/records.ts';
import { calendarSpec } from '../../domain/calendar/spec.ts';
import { type Job, type JobKey, jobKey } from '../../domain/job/job.ts';
import { manualRunId, type RunId, tickRunId } from '../../domain/run/run.ts';
import { openPgliteStore } from '../../store/prisma/index.ts';
import { StaleTermError, type Store } from '../../store/store.ts';
import { type LeaderOptions, schedulerRole } from './leader.ts';
import { nothingFound } from './lost.ts';

const at = (time: string) => Date.parse(`2026-03-01T${time}Z`);
const day = (time: string) => `2026-03-01T${time}Z`;

async function epochOf(coordinator: MemoryCoordinator): Promise<EpochRecord | undefined> {
  const entry = await coordinator.get(epochKey);
  return entry && decode<EpochRecord>(entry);
}

/** Waits for an epoch with this number whose beat has risen since. */
async function beating(coordinator: MemoryCoordinator, number: number): Promise<EpochRecord> {
  const first = await eventually(`epoch ${number}`, async () => {
    const epoch = await epochOf(coordinator);
    return epoch?.number === number && epoch;
  });
  return await eventually('its beat', async () => {
    const epoch = await epochOf(coordinator);
    return epoch !== undefined && epoch.number === number && epoch.beat > first.beat && epoch;
  });
}

describe('epochs, terms and what is published', () => {
  let store: Store;
  before(async () => {
    store = await openPgliteStore();
    await store.migrate();
  });
  /** What a test started: ended after it, also when it failed, since all share one database. */
  const started: { stop?(): Promise<void>; close?(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of started.splice(0).reverse()) await (one.stop?.() ?? one.close?.());
  });
  after(() => store.close());

  const newCoordinator = (): MemoryCoordinator => {
    const coordinator = new MemoryCoordinator();
    started.push(coordinator);
    return coordinator;
  };
  const startMaster = async (
    parts: { coordinator: MemoryCoordinator; clock?: () => number; master?: string; store?: Store },
    options: Partial<LeaderOptions> = {},
  ) => {
    const master = new TestMaster({ store, clock, ...parts }, options);
    started.push(master);
    return await master.start();
  };

  /** Everything of one test on the shared database; the clock goes on, so that each has its own past. */
  const clock = clockFrom(day('12:00:20'));

  it('begins with epoch 1 at once, goes on with it under a new leader, and refuses the old term', async () => {
    const coordinator = newCoordinator();
    const first = await startMaster({ coordinator });
    const one = await beating(coordinator, 1);
    assert.equal(one.floor, 0);
    const second = await startMaster({ coordinator, master: 'master-2' });
    assert.equal(second.leader.leading, false);
    await first.stop();
    const two = await eventually('the second leads', async () => {
      const epoch = await epochOf(coordinator);
      return epoch?.leader === 'master-2' && epoch;
    });
    assert.equal(two.number, 1);
    assert.ok(two.beat > one.beat);
    const stale = { role: schedulerRole, term: 1 };
    await assert.rejects(store.account(stale, nothingFound, clock()), StaleTermError);
  });

  it('publishes jobs, and again after a wipe, under the next epoch', async () => {
    const coordinator = newCoordinator();
    const master = await startMaster({ coordinator });
    // The database knows an epoch, and Consul is empty: its past is lost before the first beat.
    await beating(coordinator, 2);
    const job = await makeJob(store, 'wiped', day('12:00:00'));
    await master.publisher.publish([job]);
    assert.ok(await coordinator.get('cron/jobs/default/wiped'));
    assert.deepEqual(await store.pendingPublications(10), []);
    const wipedAt = clock();
    coordinator.wipe();
    const epoch = await beating(coordinator, 3);
    assert.ok(epoch.floor > wipedAt, 'the floor is after the wait');
    await eventually('the job is back', () => coordinator.get('cron/jobs/default/wiped'));
  });

  it('goes on with its epoch when answers do not come, whether its beats were taken or not', async () => {
    const coordinator = newCoordinator();
    let calls = 0;
    const unsure: MemoryCoordinator = new Proxy(coordinator, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        if (name !== 'transact') return value.bind(target);
        return async (operations: readonly Operation[], signal?: AbortSignal) => {
          const beat = operations.some(operation => operation.verb === 'cas' && operation.key === epochKey);
          const way = beat ? calls++ % 3 : 0;
          if (way === 2) throw new CoordinationError('cut before', 'unknown');
          const result = await target.transact(operations, signal);
          if (way === 1) throw new CoordinationError('cut after', 'unknown');
          return result;
        };
      },
    });
    await startMaster({ coordinator: unsure });
    const before = await beating(coordinator, 4);
    await eventually('many beats', async () => ((await epochOf(coordinator))?.beat ?? 0) > before.beat + 8);
    assert.equal((await epochOf(coordinator))?.number, 4);
  });

  it('begins the next epoch after a restore under a living leader', async () => {
    const coordinator = newCoordinator();
    await startMaster({ coordinator });
    const before = await beating(coordinator, 5);
    const snapshot = coordinator.snapshot();
    await eventually('later beats', async () => ((await epochOf(coordinator))?.beat ?? 0) > before.beat + 2);
    coordinator.restore(snapshot);
    const epoch = await beating(coordinator, 6);
    assert.ok(epoch.beat > before.beat + 2, 'beats rise across epochs');
    assert.equal((await store.getEpoch())?.number, 6);
  });

  it('does not run after all what may have been claimed in the lost past, and closes its triggers as lost', async () => {
    const coordinator = newCoordinator();
    await registerWorker(coordinator, 'worker-1');
    const master = await startMaster({ coordinator });
    await beating(coordinator, 7);
    const job = await makeJob(store, 'uncertain', day('11:58:30'), { misfirePolicy: 'RunAll' });
    const id = manualRunId(job.uid, 'aaaaaaaaaa');
    const asked = { jobUid: job.uid, namespace: 'default', name: 'uncertain', trigger: 'manual', revision: 1 } as const;
    const request = { ...asked, id, requestedAt: clock(), deadline: clock() + 60_000, by: 'test' };
    await store.createRun(request);
    await master.publisher.publishTrigger(request);
    const snapshot = coordinator.snapshot();
    const before = (await epochOf(coordinator))?.beat ?? 0;
    await eventually('a later beat', async () => ((await epochOf(coordinator))?.beat ?? 0) > before + 1);
    coordinator.restore(snapshot);
    await beating(coordinator, 8);
    await registerWorker(coordinator, 'worker-1');
    await master.publisher.publish([job]);
    const run = await eventually('the run is lost', async () => {
      const found = await store.getRun(id);
      return found?.state === 'Lost' && found;
    });
    assert.match(run.message ?? '', /lost its past/);
    await eventually('its ticks are accounted', async () => {
      const [spell] = await store.spellsOf([job.uid]);
      return (spell?.accountedUntil ?? 0) >= at('12:00:00');
    });
    assert.equal(await triggerOf(coordinator, job, at('12:00:00')), undefined, 'no catch-up');
    const lost = (await store.listRuns({ name: 'uncertain', limit: 10 })).items.filter(
      ({ tick }) => tick !== undefined,
    );
    const skipped = (await skipsOf(store, job)).reduce((sum, { count }) => sum + count, 0);
    assert.ok(lost.every(({ state }) => state === 'Lost'));
    assert.ok(lost.length + skipped >= 2, `${lost.length} lost, ${skipped} skipped`);
  });

  it('says ClusterDown for the time in which nothing ran', async () => {
    const coordinator = newCoordinator();
    const earlier = clockFrom(day('13:00:20'));
    const first = await startMaster({ coordinator, clock: earlier });
    await eventually('a saved beat', async () => ((await store.getEpoch())?.at ?? 0) >= at('13:00:20'));
    await first.stop();
    const job = await makeJob(store, 'down', day('13:00:30'));
    const later = clockFrom(day('14:00:20'));
    await startMaster({ coordinator, clock: later });
    const skips = await eventually('a skip', async () => {
      const found = await skipsOf(store, job);
      return found.length > 0 && found;
    });
    assert.deepEqual(
      skips.map(({ from, to, count, reason }) => ({ from, to, count, reason })),
      [{ from: at('13:01:00'), to: at('14:00:00'), count: 60, reason: 'ClusterDown' }],
    );
  });

  it('imports nothing by hand that its namespace does not allow, and takes over no such edit', async () => {
    const coordinator = newCoordinator();
    const rules = { strict: { executors: ['http' as const] } };
    await startMaster({ coordinator }, { rules });
    await beating(coordinator, (await eventually('an epoch', () => epochOf(coordinator))).number);
    const put = (name: string, executor: object) => {
      const value = JSON.stringify({ spec: { schedule: '@daily', executor } });
      return coordinator.transact([{ verb: 'set', key: `cron/jobs/strict/${name}`, value }]);
    };
    const [shell, http] = [{ shell: { command: 'date' } }, { http: { url: 'https://example.org/' } }];
    await put('shell', shell);
    await put('http', http);
    await eventually('the import of what is allowed', () => store.getJob('strict', 'http'));
    assert.equal(await store.getJob('strict', 'shell'), undefined);
    await put('http', shell);
    await eventually('the edit is undone', async () =>
      (await coordinator.get('cron/jobs/strict/http'))?.value.includes('example.org'),
    );
    assert.ok((await store.getJob('strict', 'http'))?.spec.executor.http);
  });

  it('imports what was put into Consul by hand, says what is wrong, and brings back what was deleted there', async () => {
    const coordinator = newCoordinator();
    const master = await startMaster({ coordinator });
    const number = (await eventually('an epoch', () => epochOf(coordinator))).number;
    await beating(coordinator, number);
    const put = (key: string, value: string) => coordinator.transact([{ verb: 'set', key, value }]);
    const spec = { schedule: '@daily', executor: { shell: { command: 'date' } } };
    await put('cron/jobs/hands/bare', JSON.stringify({ spec }));
    await put('cron/jobs/hands/wrong', JSON.stringify({ spec: { ...spec, schedule: '61 * * * *' } }));
    await put(
      'cron/jobs/hands/named',
      JSON.stringify({ kind: 'CronJob', metadata: { name: 'named', labels: { a: 'b' } }, spec }),
    );
    const bare = await eventually('the import', () => store.getJob('hands', 'bare'));
    assert.equal(bare.source, 'consul');
    const named = await eventually('the other', () => store.getJob('hands', 'named'));
    assert.deepEqual(named.labels, { a: 'b' });
    assert.equal(await store.getJob('hands', 'wrong'), undefined);
    await eventually('it is published', async () =>
      (await coordinator.get('cron/jobs/hands/bare'))?.value.includes(bare.uid),
    );
    await coordinator.transact([{ verb: 'delete', key: 'cron/jobs/hands/bare' }]);
    await eventually('it is back', () => coordinator.get('cron/jobs/hands/bare'));
    // An edit of a job that came from Consul counts; what is left of a deleted job goes.
    await put('cron/jobs/hands/bare', JSON.stringify({ spec: { ...spec, schedule: '@hourly' } }));
    await eventually('the edit', async () => (await store.getJob('hands', 'bare'))?.spec.schedule === '@hourly');
    const old = await eventually('the key', () => coordinator.get('cron/jobs/hands/named'));
    await store.deleteJob(named.uid, clock());
    await master.publisher.publish([named]);
    assert.equal(await coordinator.get('cron/jobs/hands/named'), undefined);
    await put('cron/jobs/hands/named', old.value);
    await eventually('it is gone again', async () => (await coordinator.get('cron/jobs/hands/named')) === undefined);
    assert.equal(await store.getJob('hands', 'named'), undefined);
  });

  it('imports no job whose calendar is not there, and lets nobody write by hand what a calendar holds', async () => {
    const coordinator = newCoordinator();
    const master = await startMaster({ coordinator });
    await beating(coordinator, (await eventually('an epoch', () => epochOf(coordinator))).number);
    const spec = {
      schedule: '@daily',
      executor: { shell: { command: 'date' } },
      calendars: { exclude: ['hand-made'] },
    };
    const put = (name: string, value: unknown) =>
      coordinator.transact([{ verb: 'set', key: `cron/jobs/hands/${name}`, value: JSON.stringify(value) }]);
    await put('unknown-calendar', { spec });
    await put('after-it', { spec: { ...spec, calendars: {} } });
    await eventually('the import of another', () => store.getJob('hands', 'after-it'));
    assert.equal(await store.getJob('hands', 'unknown-calendar'), undefined);

    const held = calendarSpec.parse({ dates: ['2026-12-25'] });
    const place = { namespace: 'hands', name: 'hand-made' };
    await store.createCalendar({ ...place, labels: {}, annotations: {}, spec: held, now: clock() });
    await put('unknown-calendar', { spec, metadata: { labels: { again: 'yes' } } });
    const job = await eventually('its import', () => store.getJob('hands', 'unknown-calendar'));
    assert.deepEqual(job.calendars, [{ name: 'hand-made', spec: held }]);
    await master.publisher.publish([job]);
    const published = await eventually('its key', async () => {
      const entry = await coordinator.get('cron/jobs/hands/unknown-calendar');
      return entry?.value.includes(job.uid) && entry.value;
    });
    await put('unknown-calendar', { ...JSON.parse(published), calendars: [] });
    await eventually('what the database says', async () => {
      const entry = await coordinator.get('cron/jobs/hands/unknown-calendar');
      return entry?.value === published;
    });
  });

  it('closes what is behind orphans: lost keys and quiet runs of workers that are gone', async () => {
    const coordinator = newCoordinator();
    await startMaster({ coordinator });
    await beating(coordinator, (await eventually('an epoch', () => epochOf(coordinator))).number);
    await eventually(
      'it is the newest',
      async () => (await epochOf(coordinator))?.number === (await store.getEpoch())?.number,
    );
    const job = await makeJob(store, 'orphan', new Date(clock() - 1_000).toISOString(), { schedule: '@yearly' });
    const reference = { jobUid: job.uid, namespace: 'default', name: 'orphan', trigger: 'manual', attempt: 1 } as const;
    const quiet = manualRunId(job.uid, 'quiet');
    const found = manualRunId(job.uid, 'found');
    for (const run of [quiet, found]) {
      const claimed = { ...reference, run, type: 'claimed', at: clock(), fencingToken: '1', revision: 1 } as const;
      await store.applyReports('worker-gone' as never, [claimed], clock());
    }
    const record = { v: 1, run: found, job: 'default/orphan', foundBy: 'worker-2', at: clock() };
    await coordinator.transact([{ verb: 'set', key: `cron/lost/${found}`, value: JSON.stringify(record) }]);
    for (const run of [found, quiet]) {
      await eventually(`${run} is lost`, async () => (await store.getRun(run))?.state === 'Lost');
    }
    await eventually('the key is gone', async () => (await coordinator.get(`cron/lost/${found}`)) === undefined);
  });

  it('closes triggers past their deadline with the reason that is true, and writes each trigger once', async () => {
    const coordinator = newCoordinator();
    const master = await startMaster({ coordinator });
    await beating(coordinator, (await eventually('an epoch', () => epochOf(coordinator))).number);
    await eventually(
      'it is the newest',
      async () => (await epochOf(coordinator))?.number === (await store.getEpoch())?.number,
    );
    const floor = new Date(clock()).toISOString();
    const job = await makeJob(store, 'late', floor, { schedule: '@yearly', concurrencyPolicy: 'Forbid' });
    await master.publisher.publish([job]);
    const ask = async (name: string, deadline: number) => {
      const id = manualRunId(job.uid, name);
      const asked = { jobUid: job.uid, namespace: 'default', name: 'late', trigger: 'manual', revision: 1 } as const;
      await store.createRun({ ...asked, id, requestedAt: clock(), deadline, by: 'test' });
      return id;
    };
    const nobody = await ask('nobody', clock() + 300);
    const claimed = await ask('claimed', clock() + 60_000);
    const key = `cron/trigger/default/late/${claimed}`;
    const trigger = await eventually('the sweep has written it', () => coordinator.get(key));
    await eventually('the database knows', async () =>
      (await store.pendingRuns(10, clock())).every(({ published }) => published),
    );
    await coordinator.transact([{ verb: 'delete-cas', key, index: trigger.index }]);
    const skipped = await eventually('the other is skipped', async () => {
      const run = await store.getRun(nobody);
      return run?.state === 'Skipped' && run;
    });
    assert.equal(skipped.reason, 'NoEligibleWorker');
    const lost = await eventually('no report of the claimed one came', async () => {
      const run = await store.getRun(claimed);
      return run?.state === 'Lost' && run;
    });
    assert.equal(lost.attempt, 1);
    assert.equal(await coordinator.get(key), undefined, 'never written again');
  });

  for (const [how, outcome, finishedAfter] of [
    ['whose slot was held at its deadline, and is free when that is looked at', 'Succeeded', 100],
    ['whose slot was under the lock delay of a lost session, of which this leader saw nothing', 'Lost', -1_000],
  ] as const) {
    it(`says StillRunning of a trigger ${how}`, async () => {
      const coordinator = newCoordinator();
      const master = await startMaster({ coordinator });
      await beating(coordinator, (await eventually('an epoch', () => epochOf(coordinator))).number);
      const floor = new Date(clock()).toISOString();
      const job = await makeJob(store, `behind-${outcome.toLowerCase()}`, floor, {
        schedule: '@yearly',
        concurrencyPolicy: 'Queue',
      });
      await master.publisher.publish([job]);
      const [before, waits] = [manualRunId(job.uid, 'before'), manualRunId(job.uid, 'waits')];
      const common = {
        jobUid: job.uid,
        namespace: 'default',
        name: `behind-${outcome.toLowerCase()}`,
        trigger: 'manual',
      } as const;
      const deadline = clock() + 300;
      const reference = { ...common, run: before, attempt: 1 };
      await store.applyReports(
        'worker-1' as never,
        [
          { ...reference, type: 'claimed', at: clock() - 2_000, fencingToken: '1', revision: 1 },
          { ...reference, type: 'started', at: clock() - 2_000 },
          { ...reference, type: 'finished', at: deadline + finishedAfter, outcome },
        ],
        clock(),
      );
      await store.createRun({ ...common, id: waits, revision: 1, requestedAt: clock(), deadline, by: 'test' });
      const skipped = await eventually('it is skipped', async () => {
        const run = await store.getRun(waits);
        return run?.state === 'Skipped' && run;
      });
      assert.equal(skipped.reason, 'StillRunning');
      assert.match(skipped.message ?? '', new RegExp(before));
    });
  }

  it('says StillRunning of a trigger whose lock a silent worker left, as long as nobody gets it', async () => {
    const coordinator = newCoordinator();
    const master = await startMaster({ coordinator });
    await beating(coordinator, (await eventually('an epoch', () => epochOf(coordinator))).number);
    const job = await makeJob(store, 'kept-from', new Date(clock()).toISOString(), {
      schedule: '@yearly',
      concurrencyPolicy: 'Queue',
    });
    await master.publisher.publish([job]);
    const [silent, waits] = [manualRunId(job.uid, 'silent'), manualRunId(job.uid, 'waits')];
    const common = { jobUid: job.uid, namespace: 'default', name: 'kept-from', trigger: 'manual' } as const;
    const reference = { ...common, run: silent, attempt: 1 };
    const ended = [
      { ...reference, type: 'claimed', at: clock(), fencingToken: '1', revision: 1 },
      { ...reference, type: 'started', at: clock() },
      { ...reference, type: 'finished', at: clock(), outcome: 'Succeeded' },
    ] as const;
    await store.applyReports('worker-1' as never, ended, clock());
    const lock = {
      v: 1 as const,
      run: silent,
      attempt: 1,
      worker: 'worker-1',
      jobUid: job.uid,
      trigger: 'manual',
      deadline: 0,
    };
    const key = lockPath(jobKey(job), 0);
    await coordinator.transact([{ verb: 'set', key, value: encode(lock) }]);
    await eventually('the leader takes the lock away', async () => (await coordinator.get(key)) === undefined);
    await store.createRun({
      ...common,
      id: waits,
      revision: 1,
      requestedAt: clock(),
      deadline: clock() + 300,
      by: 'test',
    });
    const skipped = await eventually('it is skipped', async () => {
      const run = await store.getRun(waits);
      return run?.state === 'Skipped' && run;
    });
    assert.equal(skipped.reason, 'StillRunning');
    assert.match(skipped.message ?? '', new RegExp(`${silent}, whose worker fell silent`));
  });

  it('says StillRunning of a trigger whose lock Consul keeps back, whoever had it', async () => {
    const coordinator = newCoordinator();
    const master = await startMaster({ coordinator });
    await beating(coordinator, (await eventually('an epoch', () => epochOf(coordinator))).number);
    const floor = new Date(clock()).toISOString();
    const job = await makeJob(store, 'kept-back', floor, { schedule: '@yearly', concurrencyPolicy: 'Queue' });
    await master.publisher.publish([job]);
    const key = lockPath(jobKey(job), 0);
    const holder = await coordinator.createSession({ name: '', ttl: 20_000, lockDelay: 15_000, serviceChecks: [] });
    await coordinator.transact([{ verb: 'lock', key, value: '', session: holder }]);
    await coordinator.destroySession(holder);
    await coordinator.transact([{ verb: 'delete', key }]);
    const id = manualRunId(job.uid, 'kept');
    const common = {
      jobUid: job.uid,
      namespace: 'default',
      name: 'kept-back',
      trigger: 'manual',
      revision: 1,
    } as const;
    await store.createRun({ ...common, id, requestedAt: clock(), deadline: clock() + 300, by: 'test' });
    const skipped = await eventually('it is skipped', async () => {
      const run = await store.getRun(id);
      return run?.state === 'Skipped' && run;
    });
    assert.equal(skipped.reason, 'StillRunning');
    assert.match(skipped.message ?? '', /lock of a run whose session was lost/);
    assert.equal(await coordinator.get(key), undefined, 'nothing was written for it');
  });

  it('says Suspended of a trigger only where the job was suspended before its deadline', async () => {
    const coordinator = newCoordinator();
    const master = await startMaster({ coordinator });
    await beating(coordinator, (await eventually('an epoch', () => epochOf(coordinator))).number);
    const deadline = clock() + 1_000;
    const suspended = async (name: string, floor: number) => {
      const job = await makeJob(store, name, new Date(clock()).toISOString(), { schedule: '@yearly' });
      await master.publisher.publish([job]);
      const id = tickRunId(job.uid, clock());
      const common = { jobUid: job.uid, namespace: 'default', name, trigger: 'catchup', revision: 1 } as const;
      await store.createRun({ ...common, id, tick: clock(), requestedAt: clock(), deadline, by: 'test' });
      await eventually('its trigger', () => coordinator.get(triggerPath(jobKey(job), id)));
      const spec = { ...job.spec, suspend: true };
      await master.publisher.publish([await store.updateJob({ ...job, spec, floor, now: floor })]);
      return id;
    };
    const before = await suspended('in-time', deadline - 100);
    const after = await suspended('too-late', deadline + 100);
    const reasonOf = async (id: RunId) => (await store.getRun(id))?.reason;
    await eventually('both are skipped', async () => (await reasonOf(before)) && (await reasonOf(after)));
    assert.deepEqual([await reasonOf(before), await reasonOf(after)], ['Suspended', 'NoEligibleWorker']);
  });

  it('deletes what is older than is kept', async () => {
    const coordinator = newCoordinator();
    const job = await makeJob(store, 'kept', new Date(clock()).toISOString(), { schedule: '@yearly' });
    const base = { jobUid: job.uid, namespace: 'default', name: 'kept', trigger: 'manual', attempt: 1 } as const;
    const end = async (name: string, ended: number) => {
      const run = manualRunId(job.uid, name);
      const reports = [
        { ...base, run, type: 'claimed', at: ended, fencingToken: '1', revision: 1 },
        { ...base, run, type: 'finished', at: ended, outcome: 'Succeeded' },
      ] as const;
      await store.applyReports('worker-1' as never, reports, ended);
      return run;
    };
    const old = await end('old', clock() - 100_000);
    const young = await end('young', clock() - 10_000);
    await startMaster({ coordinator }, { retainFor: 50_000 });
    await eventually('the old one is gone', async () => (await store.getRun(old)) === undefined);
    assert.ok(await store.getRun(young));
  });

  it('deletes at once what a change leaves beyond what is kept', async () => {
    const coordinator = newCoordinator();
    const job = await makeJob(store, 'keeping', new Date(clock()).toISOString(), { schedule: '@yearly' });
    const run = manualRunId(job.uid, 'old');
    const of = { jobUid: job.uid, namespace: 'default', name: 'keeping', trigger: 'manual', attempt: 1, run } as const;
    const ended = clock() - 100_000;
    const reports = [
      { ...of, type: 'claimed', at: ended, fencingToken: '1', revision: 1 },
      { ...of, type: 'finished', at: ended, outcome: 'Succeeded' },
    ] as const;
    await store.applyReports('worker-1' as never, reports, ended);
    // The next pass by itself is an hour away.
    const { leader } = await startMaster(
      { coordinator },
      { retainFor: 200_000, timing: { ...quick, retainEvery: 3_600_000 } },
    );
    await beating(coordinator, (await eventually('an epoch', () => epochOf(coordinator))).number);
    assert.ok(await store.getRun(run));
    leader.keep({ retainFor: 50_000, history: {} });
    await eventually('it is gone', async () => (await store.getRun(run)) === undefined);
  });

  it('finds a tick again that was fenced but not committed', async () => {
    const coordinator = newCoordinator();
    const failing = clockFrom(day('15:05:20'));
    const job = await makeJob(store, 'fenced', day('15:03:00'));
    let failures = 2;
    const flaky: Store = new Proxy(store, {
      get: (target, name, receiver) =>
        name === 'account' && failures-- > 0
          ? () => Promise.reject(new Error('the database is away'))
          : Reflect.get(target, name, receiver),
    });
    await claim(coordinator, job, at('15:03:00'));
    await startMaster({ coordinator, store: flaky, clock: failing });
    await eventually('the tick is accounted', async () => {
      const [spell] = await store.spellsOf([job.uid]);
      return (spell?.accountedUntil ?? 0) >= at('15:05:00');
    });
    const skipped = (await skipsOf(store, job)).reduce((sum, { count }) => sum + count, 0);
    assert.equal(skipped, 2);
    assert.ok(failures <= 0);
  });

  it('begins the next epoch when a worker found a lost past that the leader did not see', async () => {
    const coordinator = newCoordinator();
    await startMaster({ coordinator });
    const first = await eventually('an epoch', () => epochOf(coordinator));
    await beating(coordinator, first.number);
    await coordinator.transact([{ verb: 'set', key: doubtKey, value: encode({ v: 1, number: first.number - 1 }) }]);
    await beating(coordinator, first.number);
    await coordinator.transact([{ verb: 'set', key: doubtKey, value: encode({ v: 1, number: first.number }) }]);
    const next = await beating(coordinator, first.number + 1);
    assert.ok(next.floor > first.floor);
    await beating(coordinator, first.number + 1);
  });

  it('closes no trigger as lost whose tick was skipped before Consul was restored', async () => {
    const coordinator = newCoordinator();
    const master = await startMaster({ coordinator });
    await beating(coordinator, (await eventually('an epoch', () => epochOf(coordinator))).number);
    const job = await makeJob(store, 'again-there', new Date(clock()).toISOString(), { schedule: '@yearly' });
    await master.publisher.publish([job]);
    const epoch = (await epochOf(coordinator))?.number ?? 0;
    const tick = clock();
    const write = async (name: string, of: Job, deadline: number) => {
      const run = tickRunId(of.uid, tick);
      const common = { v: 1, run, attempt: 1, jobUid: of.uid, kind: 'tick', tick, requestedAt: tick } as const;
      const key = triggerPath(`default/${name}` as JobKey, run);
      await coordinator.transact([{ verb: 'set', key, value: encode({ ...common, deadline, epoch, by: 'test' }) }]);
      return { run, key };
    };
    const other = await makeJob(store, 'still-there', new Date(clock()).toISOString(), { schedule: '@yearly' });
    const expired = await write('again-there', job, clock() - 1_500);
    const open = await write('still-there', other, clock() + 60_000);
    const snapshot = coordinator.snapshot();
    await eventually('the skip', async () => (await skipsOf(store, job)).length > 0);
    assert.equal(await coordinator.get(expired.key), undefined);
    coordinator.restore(snapshot);
    await eventually('the other is lost', async () => (await store.getRun(open.run))?.state === 'Lost');
    await eventually('both are gone', async () => (await coordinator.get(expired.key)) === undefined);
    assert.equal(await store.getRun(expired.run), undefined);
    assert.equal((await skipsOf(store, job)).length, 1);
  });
});
