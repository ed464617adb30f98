import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { freezeKey } from '../../src/coordination/keys.ts';
import type { Job } from '../../src/domain/job/job.ts';
import type { RunId } from '../../src/domain/run/run.ts';
import { consulSkip } from '../support/consul.ts';
import { Fleet } from '../support/fleet.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import { until } from '../support/workers.ts';

const wanted = { by: 'the test', reason: 'a migration' };
/** Jobs that are due each second. */
const herd = Number(process.env.HERD ?? 300);

describe('a freeze, on a real Consul and PostgreSQL', { skip: consulSkip() || postgresSkip() }, () => {
  let fleet: Fleet;

  beforeEach(async () => {
    fleet = await Fleet.open();
  });
  afterEach(async () => {
    await fleet.stop();
  });

  const names = (count: number) => Array.from({ length: count }, (_, i) => `each-second-${i}`);
  const second = (instant: number) => Math.ceil(instant / 1_000) * 1_000;
  const ticksStarted = () => fleet.ledger.starts.map(({ request }) => Date.parse(request.env.CRONMESH_TICK ?? ''));

  /** Every tick in (after, until] is a run or Frozen, never both, and which one is as the freeze says. */
  async function judge(
    jobs: readonly Job[],
    range: { after: number; until: number; since: number; end: number },
    /** So long after its beginning ticks may have been claimed. */
    instant = 1_500,
  ) {
    const wrong: string[] = [];
    /** Outside the freeze, skipped for another reason: the machine was too busy. */
    let other = 0;
    const told = await fleet.accounts(range.after, range.until);
    for (const job of jobs) {
      for (let tick = second(range.after + 1); tick <= range.until; tick += 1_000) {
        const what = told.get(job.name)?.get(tick) ?? [];
        const isFrozen = range.since < tick && tick < range.end;
        const inTheInstant = isFrozen && what[0] === 'run' && tick < range.since + instant;
        if (what.length === 1 && !isFrozen && what[0] !== 'run' && what[0] !== 'Frozen') other++;
        else if (what.length !== 1 || !(inTheInstant || what[0] === (isFrozen ? 'Frozen' : 'run'))) {
          wrong.push(`${job.name} ${tick - range.since} ms after the freeze: ${what.join(' and ') || 'nothing'}`);
        }
      }
    }
    assert.deepEqual(wrong.slice(0, 10), []);
    return other;
  }

  /** Nothing is left to be found out; the workers stop, so that a busy machine comes to it. */
  async function accountedUpTo(jobs: readonly Job[], after: number, last: number): Promise<void> {
    // What is late may still be claimed.
    await until('the end of the live window', () => Date.now() > last + 6_000);
    await Promise.all(fleet.workers.map(({ worker }) => worker.stop()));
    await fleet.committed();
    const wanted = jobs.length * Math.floor((last - second(after + 1)) / 1_000 + 1);
    await eventually(
      `the account of ${wanted} ticks`,
      async () =>
        [...(await fleet.accounts(after, last)).values()].reduce((sum, ticks) => sum + ticks.size, 0) >= wanted,
      120_000,
      2_000,
    );
  }

  /** Every job has its record of the freeze that ended then. */
  async function accounted(jobs: readonly Job[], end: number): Promise<void> {
    await until('the time of the audit', () => Date.now() > end + 8_500, 20_000);
    const last = second(end) - 1_000;
    await eventually(
      'every job has its record',
      async () => {
        const frozen = (await fleet.skips()).filter(({ reason, to }) => reason === 'Frozen' && to >= last);
        return new Set(frozen.map(({ name }) => name)).size >= jobs.length;
      },
      60_000,
      1_000,
    );
  }

  it('of a herd: runs before it and after it, Frozen within, one record for each job, nothing made up for, under a new leader', async () => {
    const first = await fleet.addMaster();
    await fleet.addWorkers(3);
    const jobs = await fleet.addJobs(names(herd), {});
    await until('three seconds of all', () => fleet.ledger.starts.length > 3 * herd, 60_000);
    const after = Date.now();
    await delay(2_000);
    const { freeze, published } = await first.freezes.freeze('default', wanted);
    const answered = Date.now();
    assert.equal(published, true);
    await delay(2_500);
    // Another master is elected meanwhile.
    const second = await fleet.addMaster();
    await first.leader.stop();
    await until('the second master leads', () => second.leader.leading, 60_000);
    await delay(2_500);
    const late = ticksStarted().filter(tick => tick > answered + 1_000);
    assert.equal(late.length, 0, 'ticks were started a second after the answer');
    const { freeze: thawed } = await second.freezes.thaw('default', 'the test');
    const end = thawed.endedAt ?? 0;
    const at = fleet.ledger.starts.length;
    await until('two seconds of all', () => fleet.ledger.starts.length >= at + 2 * herd, 60_000);
    const last = Date.now();
    await accounted(jobs, end);
    await accountedUpTo(jobs, after, last - 1_000);
    const other = await judge(jobs, { after, until: last - 1_000, since: freeze.since, end });
    assert.ok(other < herd, `${other} ticks outside the freeze have no run`);
    assert.deepEqual(fleet.ledger.startedTwice(), []);
    const made = ticksStarted().filter(tick => tick > answered + 1_000 && tick < end);
    assert.deepEqual(made, [], 'ticks of the freeze were started');
    const records = (await fleet.skips()).filter(({ reason }) => reason === 'Frozen');
    assert.equal(records.length, herd, 'one record for each job');
    for (const { detail } of records)
      assert.match(detail, /^the namespace default was frozen from .* by the test: a migration$/);
  });

  it('goes on when Consul is wiped, though its ticks would then be doubtful', async () => {
    const master = await fleet.addMaster();
    await fleet.addWorkers(2);
    const jobs = await fleet.addJobs(names(10), {});
    await until('two seconds of all', () => fleet.ledger.starts.length >= 20, 60_000);
    const after = Date.now();
    const { freeze } = await master.freezes.freeze('*', wanted);
    const answered = Date.now();
    await delay(10_000);
    await fleet.consul.restart({ empty: true });
    const coordinator = fleet.connect();
    await eventually('the freeze is there again', async () => (await coordinator.get(freezeKey)) !== undefined, 60_000);
    await until('the workers work again', () => fleet.workers.every(({ worker }) => worker.status().ready), 60_000);
    await delay(3_000);
    const made = ticksStarted().filter(tick => tick > answered + 1_000);
    assert.deepEqual(made, [], 'ticks were started though everything is frozen');
    const { freeze: thawed } = await master.freezes.thaw('*', 'the test');
    const at = fleet.ledger.starts.length;
    await until('two seconds of all', () => fleet.ledger.starts.length >= at + 20, 60_000);
    const last = Date.now();
    const end = thawed.endedAt ?? 0;
    await accounted(jobs, end);
    await accountedUpTo(jobs, after, last - 1_000);
    // Whether a worker that had not heard of it claimed one of the first 5 s, nobody knows any more: those are Lost.
    await judge(jobs, { after, until: last - 1_000, since: freeze.since, end }, 6_500);
    assert.deepEqual(fleet.ledger.startedTwice(), []);
  });

  it('says so when Consul is away, and is in force once it is back', async () => {
    const master = await fleet.addMaster();
    await fleet.addWorkers(1);
    await fleet.addJobs(names(3), {});
    await until('starts', () => fleet.ledger.starts.length >= 3, 60_000);
    await fleet.consul.kill9();
    assert.equal((await master.freezes.freeze('default', wanted)).published, false);
    await fleet.consul.restart({ empty: false });
    const coordinator = fleet.connect();
    await eventually('Consul is told', async () => (await coordinator.get(freezeKey)) !== undefined, 60_000);
    const told = Date.now();
    await until('the worker works again', () => fleet.workers.every(({ worker }) => worker.status().ready), 60_000);
    await delay(3_000);
    assert.deepEqual(
      ticksStarted().filter(tick => tick > told + 1_000),
      [],
    );
    assert.match(JSON.stringify((await master.freezes.known()).all), /publishedAt/);
  });

  it('lets runs asked for by hand start, and holds back what a policy asks for: past its deadline that is Frozen', async () => {
    const master = await fleet.addMaster();
    await fleet.addWorkers(2, { result: () => ({ outcome: 'Failed', exitCode: 1 }) });
    const retry = { limit: 3, backoff: { initialSeconds: 1, factor: 1, maximumSeconds: 1, jitter: 0 } };
    const [job] = await fleet.addJobs(['by-hand'], { schedule: '@manually', retry, startingDeadlineSeconds: 5 });
    assert.ok(job);
    await master.freezes.freeze('default', wanted);
    const ask = async (trigger: 'manual' | 'chain') => {
      const now = Date.now();
      const id = `${job.uid}-m-${trigger}` as RunId;
      const { namespace, name, uid: jobUid } = job;
      const base = { id, jobUid, namespace, name, trigger, revision: 1, by: 'the test' } as const;
      await fleet.store.createRun({ ...base, requestedAt: now, deadline: now + 5_000 });
      return id;
    };
    const [manual, chained] = [await ask('manual'), await ask('chain')];
    const state = async (id: RunId) => await fleet.store.getRun(id);
    await eventually('the chained run is skipped', async () => (await state(chained))?.state === 'Skipped', 60_000);
    assert.equal((await state(chained))?.reason, 'Frozen');
    const waiting = await state(manual);
    assert.deepEqual([waiting?.attempt, waiting?.state, waiting?.lastOutcome], [1, 'Pending', 'Failed']);
    assert.deepEqual(
      fleet.ledger.starts.map(({ request }) => [request.run, request.attempt]),
      [[manual, 1]],
    );
    await master.freezes.thaw('default', 'the test');
    await eventually('the retry is given up', async () => (await state(manual))?.state === 'Failed', 60_000);
    const { reason, message } = (await state(manual)) ?? {};
    assert.equal(reason, 'Frozen');
    assert.match(message ?? '', /^attempt 2 was not started: the namespace default was frozen from/);
  });
});
