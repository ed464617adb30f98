import { setImmediate as turn } from 'node:timers/promises';
import type { Operation } from '../../coordination/coordinator.ts';
import { lockPath } from '../../coordination/keys.ts';
import { maxGaps } from '../../coordination/records.ts';
import type { JobKey } from '../../domain/job/job.ts';
import { splitJobKey } from '../../domain/job/job.ts';
import { backlogAt, freeSlot, gapsAt, lookAt, refusalOf, type TickBounds } from '../../domain/policy/claiming.ts';
import { lastRank } from '../../domain/policy/ranks.ts';
import { timing } from '../../domain/policy/timing.ts';
import { tickRunId, type WorkerId } from '../../domain/run/run.ts';
import type { Clock, Instant, Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Agenda } from '../agenda/agenda.ts';
import type { Due } from '../agenda/due.ts';
import type { JobEntry } from '../agenda/entry.ts';
import type { Alarm } from '../alarm.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { Peers } from '../peers.ts';
import type { Reports } from '../reports.ts';
import type { Claimer } from './claimer.ts';
import type { HeldRun } from './held-run.ts';
import type { Losses } from './losses.ts';
import type { ClaimContext, Commit, Loss } from './proposal.ts';
import type { Reader } from './reader.ts';
import { Recent, secondOf } from './recent.ts';
import type { Room } from './room.ts';
import type { Runs } from './runs.ts';
import type { Seen, SeenCache } from './seen.ts';
import type { Slots } from './slots.ts';
import { type TickDecision, TickProposal, tickClaim } from './tick-proposals.ts';

export interface DispatcherOptions {
  readonly worker: WorkerId;
  readonly agenda: Pick<Agenda, 'isCurrent'>;
  readonly alarm: Alarm;
  readonly clock: Clock;
  readonly peers: Pick<Peers, 'ranks'>;
  readonly reader: Reader;
  readonly cache: SeenCache;
  readonly claimer: Pick<Claimer, 'submit'>;
  readonly slots: Slots;
  readonly room: Room;
  readonly runs: Pick<Runs, 'begin'>;
  readonly losses: Losses;
  readonly reports: Reports;
  readonly metrics: WorkerMetrics;
  /** Under what claims are made now; undefined while none are. */
  readonly context: () => ClaimContext | undefined;
  /** A job's key has moved and the feed has not told yet. */
  readonly onStaleJob: (job: JobKey) => void;
  readonly logger: Logger;
}

/** Looks that are due within this time share their reads. */
const together: Milliseconds = 20;
/** Between two looks at a herd whose owner still makes progress. */
const herdPause: Milliseconds = 150;
/** Ticks dispatched before others get a turn. */
const slice = 256;
/** After reads or claims that got no answer. */
const pauseAfterError: Milliseconds = 200;

/**
 * Decides what this worker does about each tick that is due: claims it at once, looks at it later, waits for room,
 * makes it a trigger or skips it, or leaves it to others.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #recent = new Recent();
  readonly #looks = new Map<Instant, Set<Due>>();
  /** Ticks that are left until there is room. */
  #waiting: Due[] = [];
  /** Ticks of `Forbid` jobs that this worker itself runs: looked at when the lock is released. */
  readonly #blocked = new Map<JobKey, Due[]>();
  readonly #stopping = new AbortController();

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** Reads ahead what claims of the coming ticks will need. */
  ahead(dues: readonly Due[]): void {
    if (this.#options.context() === undefined) return;
    const own = dues.filter(due => this.#rank(due) === 0).map(({ entry }) => entry);
    if (own.length === 0) return;
    this.#options.reader.read(own, this.#stopping.signal).catch(error => {
      this.#options.logger.debug({ err: error, jobs: own.length }, 'reading ahead failed: it is read at the tick');
    });
  }

  /** Ticks have come. */
  due(dues: readonly Due[]): void {
    this.#recent.add(dues, this.#options.clock());
    void this.#dispatch(dues);
  }

  /** Ready workers are gone: ticks that were theirs and are now this worker's are looked at at once. */
  onGone(gone: ReadonlySet<WorkerId>): void {
    const orphans = this.#recent.open(this.#options.clock()).filter(({ owner }) => owner && gone.has(owner));
    void this.#look(orphans.filter(due => this.#rerank(due) === 0));
  }

  /** Claiming begins (again): everything undecided is looked at, in the order of ranks. */
  resume(): void {
    const now = this.#options.clock();
    const open = this.#recent.open(now);
    for (const due of open) this.#rerank(due);
    for (const due of open.filter(({ rank }) => rank > 0)) this.#lookLater(due, lookAt(now, due.rank, 0));
    void this.#look(open.filter(({ rank }) => rank === 0));
  }

  /** There is room: ticks that waited for it are looked at. */
  onRoom(): void {
    const { room, clock } = this.#options;
    const horizon = clock() - timing.liveWindow;
    const next: Due[] = [];
    let taken = 0;
    for (const due of this.#waiting) {
      if (next.length >= room.free) break;
      taken++;
      due.isWaiting = false;
      if (due.state === 'open' && due.tick > horizon) next.push(due);
    }
    this.#waiting = this.#waiting.slice(taken);
    void this.#look(next);
  }

  /** A lock of this worker is released: what came after its run's end may run now. */
  onReleased(held: HeldRun): void {
    const dues = this.#blocked.get(held.entry.key);
    if (dues === undefined || this.#options.slots.has(held.lockKey)) return;
    this.#blocked.delete(held.entry.key);
    void this.#look(dues);
  }

  async #dispatch(dues: readonly Due[]): Promise<void> {
    const unseen: Due[] = [];
    for (let i = 0; i < dues.length; i++) {
      const due = dues[i];
      // The first transactions of a herd go out while the last of it is still looked at.
      if (i % slice === slice - 1) await turn();
      if (due === undefined || due.state !== 'open') continue;
      const rank = this.#rerank(due);
      if (this.#isBlocked(due)) continue;
      const seen = rank === 0 ? this.#options.cache.get(due.entry.key) : undefined;
      if (rank > 0) this.#lookLater(due, lookAt(due.tick, rank, this.#recent.countWith(due.tick)));
      else if (seen === undefined) unseen.push(due);
      else this.#attempt(due, seen, false);
    }
    await this.#look(unseen);
  }

  #rank(due: Due): number {
    const table = this.#options.peers.ranks(due.entry.eligibility);
    due.owner = table.ownerOf(due.bucket);
    return table.rankOf(this.#options.worker, due.bucket) ?? lastRank;
  }

  #rerank(due: Due): number {
    due.rank = this.#rank(due);
    return due.rank;
  }

  /** This worker runs the `Forbid` job itself: nobody decides the tick before the lock is released. */
  #isBlocked(due: Due): boolean {
    const { entry } = due;
    if (!entry.forbid || !this.#options.slots.has(lockPath(entry.key, 0))) return false;
    const others = this.#blocked.get(entry.key)?.filter(({ tick }) => due.tick - tick < timing.liveWindow) ?? [];
    this.#blocked.set(entry.key, [...others, due]);
    return true;
  }

  #lookLater(due: Due, at: Instant): void {
    const turnAt = Math.ceil(at / together) * together;
    const others = this.#looks.get(turnAt);
    if (others !== undefined) {
      others.add(due);
      return;
    }
    const dues = new Set([due]);
    this.#looks.set(turnAt, dues);
    this.#options.alarm.at(turnAt, () => {
      this.#looks.delete(turnAt);
      void this.#look([...dues]);
    });
  }

  /** Reads what is known of ticks, and goes on with those that are undecided. */
  async #look(dues: readonly Due[]): Promise<void> {
    const { agenda, clock, room, reader, context } = this.#options;
    const horizon = clock() - timing.liveWindow;
    const open = dues.filter(due => due.state === 'open' && due.tick > horizon && agenda.isCurrent(due.entry));
    if (open.length === 0 || context() === undefined) return;
    // Without room there is nothing to be claimed, but what has waited long becomes a trigger.
    const now = clock();
    const useful: Due[] = [];
    for (const due of open) {
      if (room.free > 0 || now >= backlogAt(due.tick, due.rank)) useful.push(due);
      else this.#wait(due);
    }
    if (useful.length === 0) return;
    for (const due of useful) due.state = 'busy';
    const seen = await reader
      .read(
        useful.map(({ entry }) => entry),
        this.#stopping.signal,
      )
      .catch(() => undefined);
    for (const due of useful) due.state = 'open';
    if (this.#stopping.signal.aborted) return;
    if (seen === undefined) {
      for (const due of useful) this.#lookLater(due, clock() + pauseAfterError);
      return;
    }
    this.#judge(useful, seen);
  }

  #judge(dues: readonly Due[], seen: ReadonlyMap<JobKey, Seen>): void {
    const { clock, worker } = this.#options;
    /** Ticks of a second that their owner has decided since they were looked at last. */
    const progress = new Set<string>();
    const undecided: [Due, Seen][] = [];
    for (const due of dues) {
      const one = seen.get(due.entry.key);
      const record = one?.cursor.record;
      if (one !== undefined && (record === undefined || record.tick < due.tick)) {
        undecided.push([due, one]);
        continue;
      }
      due.state = 'done';
      if (due.owner !== undefined && record?.worker === due.owner) progress.add(`${due.owner} ${secondOf(due.tick)}`);
    }
    for (const [due, one] of undecided) {
      // An owner that is still at it will come to this one too.
      if (due.rank > 0 && due.owner !== worker && progress.has(`${due.owner} ${secondOf(due.tick)}`)) {
        this.#lookLater(due, clock() + herdPause);
      } else this.#attempt(due, one, true);
    }
  }

  /** `fresh`: what was seen was read just now, so that a held slot is held. */
  #attempt(due: Due, seen: Seen, fresh: boolean): void {
    const { entry, tick } = due;
    const { slots, room, clock, agenda, context } = this.#options;
    const under = context();
    if (under === undefined || due.state !== 'open') return;
    const bounds = { floor: entry.floor, epochFloor: under.epoch.floor, decided: seen.cursor.record?.tick };
    if (!agenda.isCurrent(entry) || refusalOf(tick, clock(), bounds, entry) !== undefined) {
      due.state = 'done';
      return;
    }
    if (!this.#hasGapLeft(due, seen, bounds)) {
      due.state = 'done';
      return;
    }
    const slot = this.#slotFor(due, seen);
    if (slot === undefined) {
      if (fresh) this.#noSlot(due, seen);
      else void this.#look([due]);
      return;
    }
    if (!room.take()) {
      if (clock() < backlogAt(tick, due.rank)) this.#wait(due);
      else if (fresh) this.#decide(due, seen, { kind: 'trigger' });
      else void this.#look([due]);
      return;
    }
    const claim = tickClaim(due, lockPath(entry.key, slot));
    slots.take(claim.lockKey);
    this.#decide(due, seen, { kind: 'run', claim });
  }

  /** A cursor full of gaps takes no further one: the leader empties it, and decides the tick. */
  #hasGapLeft({ entry, tick }: Due, seen: Seen, bounds: TickBounds): boolean {
    const gaps = seen.cursor.record?.gaps ?? [];
    return gaps.length < maxGaps || gapsAt(tick, entry.schedule, bounds, gaps, maxGaps) !== undefined;
  }

  /** A slot that seems free: the run's own id where there is no maximum. */
  #slotFor(due: Due, seen: Seen): number | ReturnType<typeof tickRunId> | undefined {
    const { entry, tick } = due;
    const { slots } = this.#options;
    if (entry.slots === undefined) {
      const run = tickRunId(entry.uid, tick);
      return slots.has(lockPath(entry.key, run)) ? undefined : run;
    }
    return freeSlot(entry.slots, slot => {
      const key = lockPath(entry.key, slot);
      const lock = seen.locks[slot];
      if (slots.has(key) || lock?.session !== undefined) return true;
      // It looks free, but could not be locked: most likely its lock delay has not passed.
      return slots.isAvoided(key) && (lock !== undefined || due.refusedLocks > 1);
    });
  }

  #noSlot(due: Due, seen: Seen): void {
    const { entry } = due;
    if (entry.forbid) {
      // Its holder skips the tick, or looks at it when the lock is released; an orphan's ticks are the leader's.
      this.#isBlocked(due);
      return;
    }
    if (entry.slots === undefined) return;
    const detail = `${entry.slots} runs were going, as many as maxConcurrentRuns allows`;
    this.#decide(due, seen, { kind: 'skip', reason: 'ConcurrencyLimit', detail });
  }

  #wait(due: Due): void {
    if (due.isWaiting) return;
    due.isWaiting = true;
    this.#waiting.push(due);
    const at = backlogAt(due.tick, due.rank);
    if (at > this.#options.clock()) this.#lookLater(due, at);
  }

  #decide(due: Due, seen: Seen, decision: TickDecision): void {
    const { worker, cache, agenda, claimer } = this.#options;
    due.state = 'busy';
    const shared = { worker, cache, isCurrent: (entry: JobEntry) => agenda.isCurrent(entry) };
    claimer.submit(
      new TickProposal(shared, due, seen.cursor, decision, {
        won: commit => this.#won(due, seen, decision, commit),
        lost: loss => this.#lost(due, decision, loss),
      }),
    );
  }

  #won(due: Due, seen: Seen, decision: TickDecision, commit: Commit): void {
    const { runs, losses, metrics } = this.#options;
    metrics.claim('won');
    if (decision.kind === 'run') {
      const { claim } = decision;
      runs.begin(claim, commit);
      const lock = commit.entries?.find(entry => entry?.key === claim.lockKey);
      if ((lock?.lockIndex ?? 1) > 1) losses.tookOver(claim, this.#slotNumber(claim.lockKey), seen);
    } else if (decision.kind === 'skip') this.#reportSkip(due, decision);
  }

  #slotNumber(lockKey: string): number | undefined {
    const slot = Number(lockKey.slice(lockKey.lastIndexOf('/') + 1));
    return Number.isInteger(slot) ? slot : undefined;
  }

  #reportSkip({ entry, tick }: Due, { reason, detail }: Extract<TickDecision, { kind: 'skip' }>): void {
    const { reports, metrics, clock } = this.#options;
    metrics.skipped(reason, 1);
    void reports.append([
      {
        type: 'skipped',
        jobUid: entry.uid,
        ...splitJobKey(entry.key),
        from: tick,
        to: tick,
        count: 1,
        reason,
        detail,
        at: clock(),
      },
    ]);
  }

  #lost(due: Due, decision: TickDecision, loss: Loss): void {
    const { slots, room, metrics, clock } = this.#options;
    due.state = 'open';
    if (decision.kind === 'run') {
      slots.free(decision.claim.lockKey);
      room.give();
    }
    if (loss.why === 'failed') this.#refused(due, loss.operations);
    else if (loss.why === 'unanswered') {
      metrics.claim('unanswered');
      this.#lookLater(due, clock() + pauseAfterError);
    } else if (loss.why === 'withdrawn') {
      metrics.claim('withdrawn');
      void this.#look([due]);
    }
  }

  #refused(due: Due, failed: readonly Operation[]): void {
    const { slots, metrics, onStaleJob } = this.#options;
    metrics.claim('lost');
    if (failed.some(({ verb }) => verb === 'check-index')) {
      // The job's newer form brings the tick along again.
      due.state = 'done';
      onStaleJob(due.entry.key);
      return;
    }
    const lock = failed.find(({ verb }) => verb === 'lock');
    if (lock !== undefined) {
      due.refusedLocks++;
      slots.avoid(lock.key);
    }
    void this.#look([due]);
  }
}
