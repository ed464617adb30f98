import { pause } from '../../coordination/pause.ts';
import type { Job } from '../../domain/job/job.ts';
import { type JobKey, jobKey } from '../../domain/job/job.ts';
import { Freezes } from '../../domain/policy/freeze.ts';
import { backfillRunId, type RunId } from '../../domain/run/run.ts';
import { type Schedule, scheduleOf } from '../../domain/schedule/index.ts';
import type { Instant, Milliseconds } from '../../domain/time.ts';
import type { Backfill, BackfillCounts, BackfillStep } from '../../store/backfill.ts';
import type { NewRun, Run } from '../../store/store.ts';
import { nextTickOf } from '../services/backfills.ts';
import type { Publisher } from '../services/publisher.ts';
import type { EpochKeeper } from './epoch.ts';
import { nothingFound } from './lost.ts';
import type { Office } from './office.ts';
import { withdraw } from './withdraw.ts';

/** Its runs are paced: each waits for the job's slots, perhaps behind a long run. */
const runDeadline: Milliseconds = 24 * 3_600_000;
/** Backfills worked on at once; later ones wait their turn. */
const atOnce = 1_000;
/** Ticks looked up together, and how many such looks one pass makes for a backfill that finds none to run. */
const lookAhead = 500;
const looks = 20;
/** While something moves, and while runs are only waited for. */
const again: Milliseconds = 100;
const waitForEnds: Milliseconds = 300;

export interface BackfillParts {
  readonly office: Office;
  readonly epochs: Pick<EpochKeeper, 'epoch'>;
  readonly publisher: Pick<Publisher, 'publishTriggers'>;
}

/** How far a look ahead came. */
interface Found {
  readonly ticks: readonly Instant[];
  readonly position: Instant | undefined;
  readonly leftOut: number;
  /** No tick is left in the range. */
  readonly over: boolean;
}

/**
 * Makes the runs of backfills, a few at a time. How far each came, which of its runs have not ended and how the others
 * did is written in the transaction that makes the next ones: a new leader goes on where the last one was, and a run's id
 * is the tick's, so that none is made twice.
 */
export class Backfills {
  readonly #parts: BackfillParts;
  readonly #office: Office;

  constructor(parts: BackfillParts) {
    this.#parts = parts;
    this.#office = parts.office;
  }

  /** Goes on until nothing is left to do, or the office ends. */
  async pass(): Promise<void> {
    const { store, signal } = this.#office;
    while (!signal.aborted) {
      const open = await store.openBackfills(atOnce);
      if (open.length === 0) return;
      const jobs = new Map<JobKey, Job>((await store.getJobs(open)).map(job => [jobKey(job), job]));
      const freezes = new Freezes(await store.listFreezes());
      let moved = false;
      for (const backfill of open) {
        // Those of a frozen namespace wait for its thaw.
        const frozen = freezes.at(backfill.namespace, this.#office.clock()) !== undefined;
        moved = (await this.#advance(backfill, jobs.get(jobKey(backfill)), frozen)) || moved;
      }
      await pause(moved ? again : waitForEnds, signal);
    }
  }

  /** Gives whether anything changed. */
  async #advance(backfill: Backfill, job: Job | undefined, frozen: boolean): Promise<boolean> {
    const { store, term, clock } = this.#office;
    if (backfill.state === 'Running' && job?.uid !== backfill.jobUid) {
      return await store.cancelBackfill(backfill.id, 'the job was deleted');
    }
    if (backfill.state === 'Running' && job?.spec.placement.mode !== 'One') {
      return await store.cancelBackfill(backfill.id, 'the job runs on several workers now (placement.mode)');
    }
    const { ended, going, counts } = await this.#runsOf(backfill);
    if (backfill.state === 'Cancelled') await this.#withdraw(backfill, going);
    const now = clock();
    const open = going.map(({ tick }) => tick);
    const room = backfill.parallelism - open.length;
    const mayMake = backfill.state === 'Running' && room > 0 && !frozen && this.#parts.epochs.epoch !== undefined;
    const found = mayMake ? await this.#find(backfill, room, now) : undefined;
    const runs = (found?.ticks ?? []).map(tick => this.#newRun(backfill, tick, job?.revision ?? 1, now));
    const over = open.length === 0 && runs.length === 0 && (backfill.state === 'Cancelled' || found?.over === true);
    if (ended === 0 && !over && found?.position === undefined) return false;
    const step: BackfillStep = {
      id: backfill.id,
      from: backfill.state,
      state: over && backfill.state === 'Running' ? 'Done' : backfill.state,
      counts: { ...counts, leftOut: counts.leftOut + (found?.leftOut ?? 0) },
      open: [...open, ...(found?.ticks ?? [])],
      runs,
      ...(found?.position !== undefined && { position: found.position }),
      ...(over && { endedAt: now }),
    };
    if (!(await store.advanceBackfill(term, step))) return true;
    if (over) this.#office.logger.info({ backfill: backfill.id, ...step.counts }, `a backfill is ${step.state}`);
    await this.#publish(runs);
    return true;
  }

  /** What has become of the runs that had not ended. */
  async #runsOf(backfill: Backfill): Promise<{
    readonly ended: number;
    readonly going: readonly { readonly tick: Instant; readonly run: Run }[];
    readonly counts: BackfillCounts;
  }> {
    const ids = new Map<RunId, Instant>(backfill.open.map(tick => [backfillRunId(backfill.id, tick), tick]));
    const rows = new Map((await this.#office.store.getRuns([...ids.keys()])).map(run => [run.id, run]));
    const counts = { ...backfill.counts };
    const going: { tick: Instant; run: Run }[] = [];
    for (const [id, tick] of ids) {
      const run = rows.get(id);
      if (run !== undefined && !hasEndedForGood(run)) going.push({ tick, run });
      else if (run?.state === 'Succeeded') counts.succeeded++;
      else if (run?.state === 'Skipped') counts.skipped++;
      else counts.failed++;
    }
    return { ended: ids.size - going.length, going, counts };
  }

  /** The next ticks to run, at most `room`, and how many were passed over. */
  async #find(backfill: Backfill, room: number, now: Instant): Promise<Found> {
    const schedule = scheduleOf(backfill.schedule);
    const ticks: Instant[] = [];
    let { position } = backfill;
    let leftOut = 0;
    for (let look = 0; look < looks && ticks.length < room; look++) {
      const ahead = this.#ahead(backfill, schedule, position, now);
      if (ahead.length === 0) break;
      const there = backfill.onlyMissing ? await this.#withRun(backfill, ahead) : new Set<Instant>();
      for (const tick of ahead) {
        if (ticks.length === room) break;
        if (there.has(tick)) leftOut++;
        else ticks.push(tick);
        position = tick;
      }
    }
    const over = nextTickOf(backfill, schedule, position) === undefined;
    return { ticks, position: position === backfill.position ? undefined : position, leftOut, over };
  }

  /** Ticks so young that their own runs may still be on their way to the database are left for later. */
  #ahead(backfill: Backfill, schedule: Schedule, position: Instant | undefined, now: Instant): readonly Instant[] {
    const settled = backfill.onlyMissing ? now - this.#office.timing.auditAfter : now;
    const ahead: Instant[] = [];
    let tick = nextTickOf(backfill, schedule, position);
    while (tick !== undefined && tick <= settled && ahead.length < lookAhead) {
      ahead.push(tick);
      tick = nextTickOf(backfill, schedule, tick);
    }
    return ahead;
  }

  async #withRun(backfill: Backfill, ticks: readonly Instant[]): Promise<ReadonlySet<Instant>> {
    const [first = 0, last = 0] = [ticks.at(0), ticks.at(-1)];
    const job = { uid: backfill.jobUid, namespace: backfill.namespace, name: backfill.name };
    return await this.#office.store.ticksWithRun(job, Math.min(first, last), Math.max(first, last));
  }

  #newRun(backfill: Backfill, tick: Instant, revision: number, now: Instant): NewRun {
    const { id, jobUid, namespace, name, by } = backfill;
    return {
      id: backfillRunId(id, tick),
      jobUid,
      namespace,
      name,
      trigger: 'backfill',
      tick,
      revision,
      requestedAt: now,
      deadline: now + runDeadline,
      by,
    };
  }

  /** Of a cancelled backfill: takes back what waits. What has begun goes on, with its further attempts. */
  async #withdraw(backfill: Backfill, going: readonly { readonly tick: Instant; readonly run: Run }[]): Promise<void> {
    const waiting = going.flatMap(({ tick, run }) =>
      run.state === 'Pending' && run.attempt === 0
        ? [this.#newRun(backfill, tick, run.revision ?? 1, run.requestedAt)]
        : [],
    );
    const withdrawn = await withdraw(this.#office, waiting);
    if (withdrawn.length === 0) return;
    const { store, term, clock, metrics } = this.#office;
    const reason = 'Cancelled';
    const message = `its backfill was cancelled: ${backfill.message ?? ''}`;
    const expired = withdrawn.map(run => ({ run: run.id, reason, message }) as const);
    await store.account(term, { ...nothingFound, expired }, clock());
    metrics.skips.inc({ reason }, withdrawn.length);
  }

  /** What fails here is published by the sweep of triggers. */
  async #publish(runs: readonly NewRun[]): Promise<void> {
    if (runs.length === 0) return;
    const pending = runs.map(run => ({ ...run, dueAt: run.tick ?? run.requestedAt, attempt: 1, published: false }));
    await this.#parts.publisher.publishTriggers(pending).catch((error: unknown) => {
      this.#office.logger.debug({ err: error }, 'triggers of a backfill were not published at once');
    });
  }
}

/** What failed is known to be final once the leader has decided that there is no further attempt. */
function hasEndedForGood({ state, retryDecided }: Run): boolean {
  if (state === 'Succeeded' || state === 'Killed' || state === 'Skipped') return true;
  return (state === 'Failed' || state === 'TimedOut' || state === 'Lost') && retryDecided === true;
}
