import type { Coordinator, Index, Operation } from '../../coordination/coordinator.ts';
import { cursorPath } from '../../coordination/keys.ts';
import { type CursorRecord, encode, maxGaps } from '../../coordination/records.ts';
import type { JobKey } from '../../domain/job/job.ts';
import { splitJobKey } from '../../domain/job/job.ts';
import { countedWith, gapsAt, type TickBounds, type TickRange, ticksHeldUp } from '../../domain/policy/claiming.ts';
import { cutByFreezes, type Freezes, frozenClause } from '../../domain/policy/freeze.ts';
import type { SkippedReport } from '../../domain/run/report.ts';
import type { WorkerId } from '../../domain/run/run.ts';
import type { Clock, Instant } from '../../domain/time.ts';
import type { JobEntry } from '../agenda/entry.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { Reports } from '../reports.ts';
import { countInTurns } from './count.ts';
import type { HeldRun } from './held-run.ts';
import { readKeys } from './reader.ts';
import { type SeenCache, type SeenCursor, seenCursor } from './seen.ts';

export interface HoldUpsOptions {
  readonly coordinator: Coordinator;
  readonly worker: WorkerId;
  readonly cache: SeenCache;
  readonly reports: Reports;
  readonly clock: Clock;
  /** The newest form of a job; undefined when it is gone. */
  readonly job: (key: JobKey) => JobEntry | undefined;
  readonly epochFloor: () => Instant;
  readonly freezes: () => Freezes;
  readonly metrics: WorkerMetrics;
}

interface HoldUp {
  readonly entry: JobEntry;
  readonly range: TickRange;
  readonly record: CursorRecord;
  readonly operation: Operation;
}

/**
 * The ticks that a `Forbid` run held up while it went on: its holder skips them as one range, by moving the cursor in
 * the transaction that releases the lock. Nobody else decides ticks of the job while the lock is held.
 */
export class HoldUps {
  readonly #options: HoldUpsOptions;
  readonly #prepared = new Map<HeldRun, HoldUp>();

  constructor(options: HoldUpsOptions) {
    this.#options = options;
  }

  /** Works out what each release has to move; `anew` reads the cursors again. @throws CoordinationError */
  async prepare(batch: readonly HeldRun[], anew = false): Promise<void> {
    const affected = batch.filter(held => this.#mayHoldUp(held));
    if (affected.length === 0) return;
    // A run by trigger never touched the cursor, and a tick's cursor may have lost its gaps to the leader.
    const unknown = anew ? affected : affected.filter(({ entry }) => this.#options.cache.get(entry.key) === undefined);
    const keys = unknown.map(({ entry }) => cursorPath(entry.key));
    const entries = await readKeys(this.#options.coordinator, keys, new AbortController().signal);
    const read = new Map(unknown.map(({ entry }, i) => [entry.key, seenCursor(entries[i])] as const));
    for (const held of affected) {
      const cursor = read.get(held.entry.key) ?? this.#options.cache.get(held.entry.key)?.cursor;
      // A release without an answer may have been carried out.
      if (cursor !== undefined && this.#isOwn(held, cursor)) this.committed(held, cursor.index);
      this.#prepared.delete(held);
      const job = this.#options.job(held.entry.key);
      if (cursor === undefined || job === undefined) continue;
      const bounds: TickBounds = {
        floor: job.floor,
        epochFloor: this.#options.epochFloor(),
        decided: cursor.record?.tick,
      };
      const range = ticksHeldUp(job.schedule, bounds, held.since, held.endedAt ?? held.since);
      if (range === undefined) continue;
      const gaps = gapsAt(range.from, job.schedule, bounds, cursor.record?.gaps ?? [], maxGaps);
      // Too many gaps: the leader empties them, and decides these ticks as well.
      if (gaps === undefined) continue;
      const record: CursorRecord = {
        v: 1,
        uid: job.uid,
        tick: range.to,
        decision: 'skip',
        worker: this.#options.worker,
        from: range.from,
        reason: 'StillRunning',
        detail: detailOf(held),
        ...(gaps.length > 0 && { gaps }),
        ...countedWith(job.limit, cursor.record?.counted, 0),
      };
      const operation = { verb: 'cas', key: cursorPath(job.key), value: encode(record), index: cursor.index } as const;
      this.#prepared.set(held, { entry: job, range, record, operation });
    }
  }

  /** What a release has to carry. */
  operations(held: HeldRun): readonly Operation[] {
    const operation = this.#prepared.get(held)?.operation;
    return operation === undefined ? [] : [operation];
  }

  /** The release was carried out, at this index: its skip is reported. */
  committed(held: HeldRun, index: Index): void {
    const holdUp = this.#prepared.get(held);
    if (holdUp === undefined) return;
    this.#prepared.delete(held);
    this.#options.cache.moved(holdUp.entry.key, { index, record: holdUp.record });
    void this.#report(held, holdUp);
  }

  #isOwn(held: HeldRun, { record }: SeenCursor): boolean {
    const wanted = this.#prepared.get(held)?.record;
    if (wanted === undefined || record === undefined) return false;
    return record.worker === wanted.worker && record.tick === wanted.tick && record.decision === 'skip';
  }

  #mayHoldUp(held: HeldRun): boolean {
    if (held.entry.policy !== 'Forbid' || held.endedAt === undefined) return false;
    const job = this.#options.job(held.entry.key);
    if (job === undefined || job.suspended || job.policy !== 'Forbid') return false;
    const next = job.schedule.next(Math.max(held.since, job.floor, this.#options.epochFloor()));
    return next !== undefined && next <= held.endedAt;
  }

  async #report(held: HeldRun, { entry, range: whole }: HoldUp): Promise<void> {
    const { clock, freezes, metrics, reports } = this.#options;
    const job = { jobUid: entry.uid, ...splitJobKey(entry.key) };
    const at = clock();
    const skipped: SkippedReport[] = [];
    // Of what was frozen as well, the freeze is the reason.
    for (const { range, freeze } of cutByFreezes(entry.schedule, whole, freezes().of(job.namespace))) {
      const count = await countInTurns(entry.schedule, range);
      const [reason, detail] =
        freeze === undefined
          ? (['StillRunning', detailOf(held)] as const)
          : (['Frozen', frozenClause(freeze, at)] as const);
      metrics.skipped(reason, count);
      skipped.push({ type: 'skipped', ...job, ...range, count, reason, detail, at });
    }
    await reports.append(skipped);
  }
}

function detailOf(held: HeldRun): string {
  return `run ${held.run} was still going`;
}
