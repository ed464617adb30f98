import type { Operation } from '../../coordination/coordinator.ts';
import { isHeld } from '../../coordination/handover.ts';
import { jobPath } from '../../coordination/keys.ts';
import { jobOfLock, slotPath } from '../../coordination/locks.ts';
import { maxGaps } from '../../coordination/records.ts';
import { type JobKey, splitJobKey } from '../../domain/job/job.ts';
import { backlogAt, baseOf, gapsAt, nextThawed, refusalOf, type TickBounds } from '../../domain/policy/claiming.ts';
import { isSpread, membersOf } from '../../domain/policy/members.ts';
import { bucketOf } from '../../domain/policy/ranks.ts';
import { timing } from '../../domain/policy/timing.ts';
import { tickRunId, type WorkerId } from '../../domain/run/run.ts';
import type { Clock, Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Agenda } from '../agenda/agenda.ts';
import { Due } from '../agenda/due.ts';
import type { JobEntry } from '../agenda/entry.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { Peers } from '../peers.ts';
import type { Reports } from '../reports.ts';
import type { Claimer } from './claimer.ts';
import type { Losses } from './losses.ts';
import type { ClaimContext, Commit, Loss } from './proposal.ts';
import type { Room } from './room.ts';
import type { Runs } from './runs.ts';
import type { Seen, SeenCache } from './seen.ts';
import { asSeen, freeLock, slotOf } from './slot-choice.ts';
import type { Slots } from './slots.ts';
import { type TickDecision, TickProposal, tickClaim } from './tick-proposals.ts';
import { Turns } from './turns.ts';
import { waitingOf } from './waiting.ts';

export interface TickClaimsOptions {
  readonly worker: WorkerId;
  readonly agenda: Pick<Agenda, 'isCurrent'>;
  readonly clock: Clock;
  readonly cache: SeenCache;
  readonly claimer: Pick<Claimer, 'submit'>;
  readonly slots: Slots;
  readonly room: Room;
  readonly runs: Pick<Runs, 'begin'>;
  readonly losses: Losses;
  readonly reports: Reports;
  readonly metrics: WorkerMetrics;
  readonly context: () => ClaimContext | undefined;
  readonly peers: Pick<Peers, 'names'>;
  readonly logger: Logger;
  /** A job's key has moved and the feed has not told yet. */
  readonly onStaleJob: (job: JobKey) => void;
}

/** What the claims leave to the dispatcher. */
export interface TickClaimsOwner {
  /** Its state must be read (again) first. */
  look(dues: readonly Due[]): void;
  lookLater(due: Due, wait: Milliseconds): void;
  /** Whether other workers that are ready may run it. */
  hasOthers(due: Due): boolean;
  /** There is no room, and it is too early to make it a trigger. */
  wait(due: Due): void;
  /** The slot of its `Forbid` job is held. */
  blocked(due: Due): void;
}

/** Between looks at whether workers that were here before have decided a tick of before this one came. */
const pauseForOthers: Milliseconds = 250;
/** For a lock that is being taken or released. */
const pauseForLock: Milliseconds = 100;
/** After claims that got no answer. */
const pauseAfterError: Milliseconds = 200;

/** Claims ticks that were read: a run where there are a slot and room, else a trigger, a skip, or nothing. */
export class TickClaims {
  readonly #options: TickClaimsOptions;
  readonly #owner: TickClaimsOwner;
  readonly #turns = new Turns();

  constructor(options: TickClaimsOptions, owner: TickClaimsOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  /** `fresh`: what was seen was read just now, so that a held slot is held and an undecided tick is undecided. */
  attempt(due: Due, seen: Seen, fresh: boolean): void {
    const { entry, tick } = due;
    const { clock, agenda, context } = this.#options;
    const under = context();
    if (under === undefined || due.state !== 'open') return;
    const { since } = under;
    const freezes = under.freezes.of(splitJobKey(entry.key).namespace);
    const { record } = seen.cursor;
    const past = { decided: record?.tick, counted: record?.counted };
    const bounds: TickBounds = { floor: entry.floor, epochFloor: under.epoch.floor, ...past, since, freezes };
    const now = clock();
    const refusal = agenda.isCurrent(entry) ? refusalOf(tick, now, bounds, entry) : 'stale';
    // Thawed at an instant before it, which this worker may be told of yet, it is looked at again.
    if (refusal === 'frozen') return;
    if (refusal !== undefined) {
      due.state = 'done';
      return;
    }
    if (this.#turns.isTaken(entry.key)) {
      this.#turns.follow(due);
      return;
    }
    const begin = Math.max(baseOf(bounds), now - Math.min(timing.liveWindow, entry.deadline) - 1);
    const oldest = nextThawed(entry.schedule, begin, freezes);
    if (oldest !== undefined && oldest <= since && this.#owner.hasOthers(due)) {
      // Of before this worker came: it would become a gap, and whoever was here before may yet come to it.
      this.#owner.lookLater(due, pauseForOthers);
      return;
    }
    const first = oldest !== undefined && oldest <= since ? nextThawed(entry.schedule, since, freezes) : oldest;
    if (first !== undefined && first < tick) this.#earlierFirst(first, due, seen, fresh);
    else this.#claim(due, seen, fresh, bounds);
  }

  /** An earlier tick that could still run would become a gap: it is claimed before this one, whosever it is. */
  #earlierFirst(tick: number, due: Due, seen: Seen, fresh: boolean): void {
    if (!fresh) {
      this.#owner.look([due]);
      return;
    }
    const earlier = new Due(due.entry, tick, bucketOf(due.entry.uid, tick));
    earlier.rank = due.rank;
    earlier.owner = due.owner;
    this.attempt(earlier, seen, true);
    if (this.#turns.isTaken(due.entry.key)) this.#turns.follow(due);
    else if (earlier.isWaiting) this.#owner.wait(due);
  }

  #claim(due: Due, seen: Seen, fresh: boolean, bounds: TickBounds): void {
    const { entry, tick } = due;
    const { clock, slots, room } = this.#options;
    const gaps = seen.cursor.record?.gaps ?? [];
    // A cursor full of gaps takes no further one: the leader empties it, and decides the tick.
    if (gaps.length >= maxGaps && gapsAt(tick, entry.schedule, bounds, gaps, maxGaps) === undefined) {
      due.state = 'done';
      return;
    }
    if (isSpread(entry.spread)) {
      if (fresh || !entry.wholes) this.#spread(due, seen);
      else this.#owner.look([due]);
      return;
    }
    const lockKey = freeLock(entry, tickRunId(entry.uid, tick), seen, slots, due.refusedLocks < 2);
    // How many wait is no cache's business.
    if (!fresh && (lockKey === undefined || entry.policy === 'Queue')) {
      this.#owner.look([due]);
      return;
    }
    if (lockKey === undefined || this.#queued(due, seen) > 0) {
      this.#noSlot(due, seen);
      return;
    }
    if (!room.take()) {
      if (clock() < backlogAt(tick, due.rank)) this.#owner.wait(due);
      else if (fresh) this.#decide(due, seen, { kind: 'trigger', by: `no room on ${this.#options.worker}` });
      else this.#owner.look([due]);
      return;
    }
    slots.take(lockKey);
    this.#decide(due, seen, { kind: 'run', claim: tickClaim(due, lockKey, asSeen(entry, lockKey, seen)) });
  }

  /** It comes to several runs: they are decided here together, and claimed like all that is asked for. */
  #spread(due: Due, seen: Seen): void {
    const { entry, tick } = due;
    const { peers, logger } = this.#options;
    if (seen.whole?.going !== undefined) {
      const detail = `run ${seen.whole.going} was still going, or waiting`;
      this.#decide(due, seen, { kind: 'skip', reason: 'StillRunning', detail });
      return;
    }
    const names = peers.names(entry.eligibility);
    const members = membersOf(entry.spread, names);
    if (members.length === 0) {
      // Nobody is seen as ready yet, this worker included; when that lasts, the leader says so.
      this.#owner.lookLater(due, pauseForOthers);
      return;
    }
    const left = entry.spread.mode === 'All' ? new Set(names).size - members.length : 0;
    if (left > 0)
      logger.warn({ job: entry.key, tick, left }, `a tick goes to the first ${members.length} workers only`);
    this.#decide(due, seen, { kind: 'members', members });
  }

  /** How many runs wait in the job's queue. */
  #queued({ entry }: Due, { triggers }: Seen): number {
    const under = this.#options.context();
    return entry.policy !== 'Queue' || under === undefined ? 0 : waitingOf(triggers ?? [], entry, under).length;
  }

  /** All slots are held or, of a queue, runs wait before it. */
  #noSlot(due: Due, seen: Seen): void {
    const { entry } = due;
    switch (entry.policy) {
      case 'Forbid':
        this.#forbidden(due, seen);
        return;
      case 'Replace':
        this.#decide(due, seen, { kind: 'trigger', by: `Replace: ${holderClause(seen)}` });
        return;
      case 'Queue': {
        const waiting = this.#queued(due, seen);
        if (waiting < entry.queued) {
          const before = waiting === 0 ? holderClause(seen) : `${waiting} runs waited`;
          this.#decide(due, seen, { kind: 'trigger', by: `Queue: ${before}` });
          return;
        }
        const detail = `${waiting} runs waited, and maxQueuedRuns is ${entry.queued}`;
        this.#decide(due, seen, { kind: 'skip', reason: 'QueueFull', detail });
        return;
      }
      case 'Allow': {
        if (entry.slots === undefined) return;
        const detail = `${entry.slots} runs were going, as many as maxConcurrentRuns allows`;
        this.#decide(due, seen, { kind: 'skip', reason: 'ConcurrencyLimit', detail });
      }
    }
  }

  #forbidden(due: Due, seen: Seen): void {
    const { entry } = due;
    const [lock] = seen.locks;
    const holder = lock !== undefined && isHeld(lock) ? lock.record : undefined;
    const lockKey = slotPath(entry.key, entry.group, 0);
    if (holder !== undefined && jobOfLock(lockKey, holder) !== entry.key) {
      const detail = `the run ${holder.run} of ${jobOfLock(lockKey, holder)} was going (concurrencyGroup ${entry.group})`;
      this.#decide(due, seen, { kind: 'skip', reason: 'StillRunning', detail });
    } else if (holder === undefined && entry.group !== undefined && this.#options.slots.has(lockKey)) {
      // This worker is asking for the lock, or letting go of it: whose it is will be seen in a moment.
      this.#owner.lookLater(due, pauseForLock);
    } else {
      // Its holder skips the tick, or looks at it when the lock is released; an orphan's ticks are the leader's.
      this.#owner.blocked(due);
    }
  }

  #decide(due: Due, seen: Seen, decision: TickDecision): void {
    const { worker, cache, agenda, claimer } = this.#options;
    due.state = 'busy';
    this.#turns.begin(due);
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
      const lock = commit.entries?.findLast(entry => entry?.key === claim.lockKey);
      if ((lock?.lockIndex ?? 1) > 1) losses.tookOver(claim, slotOf(claim.entry, claim.lockKey), seen);
    } else if (decision.kind === 'skip') this.#reportSkip(due, decision);
    this.#endTurn(due);
  }

  #reportSkip({ entry, tick }: Due, { reason, detail }: Extract<TickDecision, { kind: 'skip' }>): void {
    const { reports, metrics, clock } = this.#options;
    metrics.skipped(reason, 1);
    const range = { from: tick, to: tick, count: 1 };
    const job = { jobUid: entry.uid, ...splitJobKey(entry.key) };
    void reports.append([{ type: 'skipped', ...job, ...range, reason, detail, at: clock() }]);
  }

  #lost(due: Due, decision: TickDecision, loss: Loss): void {
    const { slots, room, metrics } = this.#options;
    due.state = 'open';
    if (decision.kind === 'run') {
      slots.free(decision.claim.lockKey);
      room.give();
    }
    if (loss.why === 'failed') this.#refused(due, decision, loss.operations);
    else if (loss.why === 'unanswered') {
      metrics.claim('unanswered');
      this.#owner.lookLater(due, pauseAfterError);
    } else if (loss.why === 'withdrawn') {
      metrics.claim('withdrawn');
      this.#owner.look([due]);
    }
    this.#endTurn(due);
  }

  #refused(due: Due, decision: TickDecision, failed: readonly Operation[]): void {
    const { slots, metrics, onStaleJob } = this.#options;
    metrics.claim('lost');
    if (failed.some(({ key }) => key === jobPath(due.entry.key))) {
      // The job's newer form brings the tick along again.
      due.state = 'done';
      onStaleJob(due.entry.key);
      return;
    }
    const lockKey = decision.kind === 'run' ? decision.claim.lockKey : undefined;
    if (lockKey !== undefined && failed.some(({ key }) => key === lockKey)) {
      due.refusedLocks++;
      slots.avoid(lockKey);
    }
    this.#owner.look([due]);
  }

  #endTurn({ entry }: Due): void {
    const next = this.#turns.end(entry.key);
    const seen = this.#options.cache.get(entry.key);
    for (const due of next) {
      if (seen === undefined) this.#owner.look([due]);
      else this.attempt(due, seen, false);
    }
  }
}

/** Who holds the slot; nobody, while its lock is being taken, or is under its lock delay. */
function holderClause({ locks: [lock] }: Seen): string {
  return lock === undefined ? 'its slot was not free' : `the run ${lock.record.run} was going`;
}
