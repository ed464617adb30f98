import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Job } from '../../src/domain/job/job.ts';
import { consulSkip } from '../support/consul.ts';
import { Fleet } from '../support/fleet.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import { until } from '../support/workers.ts';

const wanted = { by: 'the test', reason: 'a migration' };
/** Jobs that are due each second. */
const herd = Number(process.env.HERD ?? 1_000);

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
  async function judge(jobs: readonly Job[], range: { after: number; until: number; since: number; end: number }) {
    const wrong: string[] = [];
    /** Outside the freeze, skipped for another reason: the machine was too busy. */
    let other = 0;
    const told = await fleet.accounts(range.after, range.until);
    for (const job of jobs) {
      for (let tick = second(range.after + 1); tick <= range.until; tick += 1_000) {
        const what = told.get(job.name)?.get(tick) ?? [];
        const isFrozen = range.since < tick && tick < range.end;
        const inTheInstant = isFrozen && what[0] === 'run' && tick < range.since + 1_500;
        if (what.length === 1 && !isFrozen && what[0] !== 'run' && what[0] !== 'Frozen') other++;
        else if (what.length !== 1 || !(inTheInstant || what[0] === (isFrozen ? 'Frozen' : 'run'))) {
          wrong.push(`${job.name} ${tick - range.since} ms after the freeze: ${what.join(' and ') || 'nothing'}`);
        }
      }
    }
    assert.deepEqual(wrong.slice(0, 10), []);
    return other;
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
    await until('the audit of what came after it', () => Date.now() > last + 10_000, 20_000);
    await fleet.committed();
    const other = await judge(jobs, { after, until: last - 1_000, since: freeze.since, end });
    assert.ok(other < herd / 10, `${other} ticks outside the freeze have no run`);
    assert.deepEqual(fleet.ledger.startedTwice(), []);
    const made = ticksStarted().filter(tick => tick > answered + 1_000 && tick < end);
    assert.deepEqual(made, [], 'ticks of the freeze were started');
    const records = (await fleet.skips()).filter(({ reason }) => reason === 'Frozen');
    assert.equal(records.length, herd, 'one record for each job');
    for (const { detail } of records)
      assert.match(detail, /^the namespace default was frozen from .* by the test: a migration$/);
  });
});
