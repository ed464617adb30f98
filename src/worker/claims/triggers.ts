import type { Coordinator, Index, Operation } from '../../coordination/coordinator.ts';
import { jobOfPath, jobPath, lockPath, prefix, wholePath } from '../../coordination/keys.ts';
import { decode, type TriggerRecord } from '../../coordination/records.ts';
import { watchKeys } from '../../coordination/watch.ts';
import type { JobKey } from '../../domain/job/job.ts';
import { lookAt } from '../../domain/policy/claiming.ts';
import { wholeOf } from '../../domain/policy/members.ts';
import { bucketOf, lastRank } from '../../domain/policy/ranks.ts';
import type { RunId, WorkerId } from '../../domain/run/run.ts';
import type { Clock, Instant, Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { JobEntry } from '../agenda/entry.ts';
import type { Alarm } from '../alarm.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { Peers } from '../peers.ts';
import { type AdoptionTrigger, entryOf, isAdoption, isLeftFor, reachOf } from './adoption.ts';
import type { Claimer } from './claimer.ts';
import type { RunClaim } from './held-run.ts';
import type { Losses } from './losses.ts';
import type { ClaimContext, Commit, Loss } from './proposal.ts';
import { type Reader, readKeys } from './reader.ts';
import type { Room } from './room.ts';
import type { Runs } from './runs.ts';
import type { Seen, SeenWhole } from './seen.ts';
import { asSeen, freeLock, slotOf, unchanged } from './slot-choice.ts';
import type { Slots } from './slots.ts';
import { TriggerProposal } from './trigger-proposal.ts';
import { WholeProposal } from './wholes.ts';

export interface TriggersOptions {
  readonly coordinator: Coordinator;
  readonly worker: WorkerId;
  /** The worker's configured name: members of a whole may be for it alone. */
  readonly name: string;
  readonly job: (key: JobKey) => JobEntry | undefined;
  readonly alarm: Alarm;
  readonly clock: Clock;
  readonly peers: Pick<Peers, 'ranks' | 'classOf'>;
  readonly reader: Reader;
  readonly claimer: Pick<Claimer, 'submit'>;
  readonly slots: Slots;
  readonly room: Room;
  readonly runs: Pick<Runs, 'begin' | 'has'>;
  readonly losses: Losses;
  readonly metrics: WorkerMetrics;
  readonly context: () => ClaimContext | undefined;
  readonly onStaleJob: (job: JobKey) => void;
  readonly logger: Logger;
}

/** A trigger as it was read. */
interface Waiting {
  readonly key: string;
  readonly job: JobKey;
  readonly record: TriggerRecord;
  readonly index: Index;
  readonly bucket: number;
  /** When this worker saw it first: later ranks count from there. */
  readonly seenAt: Instant;
  busy: boolean;
}

/** What can't be claimed at once (slot held, job not yet known, later rank) is looked at again each time. */
const sweepEvery: Milliseconds = 500;
/** Keys are listed at most so often: a large backlog makes each listing long. */
const spacing: Milliseconds = 25;

/** The runs that are asked for: claims those that fall to this worker, as room and slots allow. */
export class Triggers {
  readonly #options: TriggersOptions;
  readonly #stopping = new AbortController();
  #waiting = new Map<string, Waiting>();
  #watching: Promise<void> | undefined;
  /** Jobs for which another whole is being given its turn. */
  readonly #turning = new Set<JobKey>();
  #sweeping = false;
  #sweepAgain = false;

  constructor(options: TriggersOptions) {
    this.#options = options;
  }

  /** Triggers known to wait. */
  get size(): number {
    return this.#waiting.size;
  }

  start(): void {
    this.#watching = watchKeys(this.#options.coordinator, prefix.trigger, {
      signal: this.#stopping.signal,
      spacing,
      onChange: keys => this.#take(keys),
      onError: (error, attempt) =>
        this.#options.logger.warn({ err: error, attempt }, 'the triggers cannot be read; trying again'),
    });
    this.#sweepLater();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watching;
  }

  /** Consul lost its past: what is there is read anew. */
  async reread(): Promise<void> {
    const keys = await this.#options.coordinator.keys(prefix.trigger, { consistent: true });
    this.#waiting.clear();
    await this.#take(keys);
  }

  /** Something may be possible that was not: room, a slot, a rank, an epoch. */
  look(): void {
    if (this.#waiting.size > 0) void this.#sweep();
  }

  #sweepLater(): void {
    const { alarm, clock } = this.#options;
    alarm.at(clock() + sweepEvery, () => {
      if (this.#stopping.signal.aborted) return;
      this.look();
      this.#sweepLater();
    });
  }

  async #take(keys: readonly string[]): Promise<void> {
    const present = new Set(keys);
    for (const [key, { busy }] of this.#waiting) if (!busy && !present.has(key)) this.#waiting.delete(key);
    await this.#read(keys.filter(key => !this.#waiting.has(key)));
    this.look();
  }

  async #read(keys: readonly string[]): Promise<void> {
    const { coordinator, clock, logger } = this.#options;
    if (keys.length === 0) return;
    const entries = await readKeys(coordinator, keys, this.#stopping.signal);
    const seenAt = clock();
    keys.forEach((key, i) => {
      const entry = entries[i];
      if (entry === undefined) {
        this.#waiting.delete(key);
        return;
      }
      try {
        const record = decode<TriggerRecord>(entry);
        const job = jobOfPath(key, prefix.trigger);
        const bucket = bucketOf(record.jobUid, record.run);
        this.#waiting.set(key, { key, job, record, index: entry.index, bucket, seenAt, busy: false });
      } catch (error) {
        logger.error({ err: error, key }, 'a trigger is left alone: it cannot be read');
      }
    });
  }

  async #sweep(): Promise<void> {
    if (this.#sweeping) {
      this.#sweepAgain = true;
      return;
    }
    this.#sweeping = true;
    try {
      do {
        this.#sweepAgain = false;
        await this.#claimWhatMayBe();
      } while (this.#sweepAgain);
    } catch (error) {
      this.#options.logger.debug({ err: error }, 'slots of triggers could not be read; they are looked at again');
    } finally {
      this.#sweeping = false;
    }
  }

  async #claimWhatMayBe(): Promise<void> {
    const { room, context } = this.#options;
    const limited: [Waiting, JobEntry][] = [];
    const adoptions: [Waiting, AdoptionTrigger][] = [];
    for (const waiting of this.#waiting.values()) {
      const under = context();
      if (under === undefined || room.free <= limited.length + adoptions.length) break;
      if (isAdoption(waiting.record)) {
        if (this.#adoptable(waiting, waiting.record)) adoptions.push([waiting, waiting.record]);
        continue;
      }
      const entry = this.#claimable(waiting, under);
      if (entry === undefined) continue;
      if (entry.slots !== undefined || entry.wholes) limited.push([waiting, entry]);
      else this.#claim(waiting, entry, undefined);
    }
    await this.#adopt(adoptions);
    if (limited.length === 0) return;
    const jobs = limited.map(([, entry]) => entry);
    const seen = await this.#options.reader.read(jobs, this.#stopping.signal);
    for (const [waiting, entry] of limited) {
      const one = seen.get(entry.key);
      if (one === undefined || waiting.busy || this.#waiting.get(waiting.key) !== waiting) continue;
      if (one.whole === undefined) this.#claim(waiting, entry, one);
      else this.#claimOfWhole(waiting, entry, one.whole);
    }
  }

  /** A member of the whole whose turn it is is claimed; another's waits until that one is over, the eldest first. */
  #claimOfWhole(waiting: Waiting, entry: JobEntry, seen: SeenWhole): void {
    const { claimer, job, clock, context } = this.#options;
    const under = context();
    const whole = wholeOfTrigger(waiting);
    if (seen.record?.whole === whole) {
      const lockKey = lockPath(entry.key, waiting.record.run);
      const guard = { verb: 'check-index', key: wholePath(entry.key), index: seen.index } as const;
      this.#submit(waiting, entry, lockKey, guard, undefined);
      return;
    }
    if (seen.locked !== undefined || under === undefined || this.#turning.has(entry.key)) return;
    const now = clock();
    // What is left to the leader keeps nobody waiting.
    const others = [...this.#waiting.values()].filter(
      one => one.job === entry.key && now <= one.record.deadline && mayStart(one.record, entry, under),
    );
    if (others.some(one => wholeOfTrigger(one) === seen.record?.whole || isElder(one, waiting))) return;
    const members = waiting.record.particulars?.member?.count;
    this.#turning.add(entry.key);
    claimer.submit(
      new WholeProposal({
        entry,
        seen,
        next: { v: 1, whole, ...(members !== undefined && { members }) },
        isCurrent: one => job(one.key) === one,
        settled: won => {
          this.#turning.delete(entry.key);
          if (won) this.look();
        },
      }),
    );
  }

  /** Its job, when it falls to this worker now. */
  #claimable({ busy, record, job, bucket, seenAt }: Waiting, under: ClaimContext): JobEntry | undefined {
    const { clock, worker, name, peers, runs } = this.#options;
    // An earlier attempt that this worker has not let go of yet.
    if (busy || runs.has(record.run)) return undefined;
    const now = clock();
    if (now > record.deadline) return undefined;
    const entry = this.#options.job(job);
    if (entry === undefined || entry.uid !== record.jobUid) return undefined;
    if (!mayStart(record, entry, under)) return undefined;
    const only = record.particulars?.member?.worker;
    if (only !== undefined) return only === name ? entry : undefined;
    const rank = peers.ranks(entry.eligibility).rankOf(worker, bucket) ?? lastRank;
    return rank === 0 || now >= lookAt(seenAt, rank, this.#waiting.size) ? entry : undefined;
  }

  /** Whether the run goes on where this worker can reach it, and adopting it falls to this worker now. */
  #adoptable({ busy, bucket, seenAt }: Waiting, trigger: AdoptionTrigger): boolean {
    const { clock, worker, peers, runs } = this.#options;
    const now = clock();
    if (busy || now > trigger.deadline || runs.has(trigger.run)) return false;
    // Without a rank it is not eligible, or not seen as ready yet: an adoption is not so urgent.
    const rank = peers.ranks(peers.classOf(reachOf(trigger))).rankOf(worker, bucket);
    return rank !== undefined && now >= lookAt(seenAt, rank, this.#waiting.size);
  }

  /** A run that goes on keeps its lock, and whoever adopts it takes this one. */
  async #adopt(adoptions: readonly (readonly [Waiting, AdoptionTrigger])[]): Promise<void> {
    if (adoptions.length === 0) return;
    const { coordinator, job, clock, peers, runs } = this.#options;
    const keys = adoptions.map(([, { adopts }]) => adopts.lock);
    const locks = await readKeys(coordinator, keys, this.#stopping.signal);
    adoptions.forEach(([waiting, trigger], i) => {
      const lock = locks[i];
      if (waiting.busy || this.#waiting.get(waiting.key) !== waiting || runs.has(trigger.run)) return;
      if (!isLeftFor(trigger, lock)) return;
      const eligibility = peers.classOf(reachOf(trigger));
      const entry = entryOf(trigger, job(waiting.job), eligibility, clock());
      this.#submit(waiting, entry, trigger.adopts.lock, unchanged(trigger.adopts.lock, lock), undefined);
    });
  }

  #claim(waiting: Waiting, entry: JobEntry, seen: Seen | undefined): void {
    const lockKey = freeLock(entry, waiting.record.run, seen, this.#options.slots, false);
    if (lockKey !== undefined) this.#submit(waiting, entry, lockKey, asSeen(entry, lockKey, seen), seen);
  }

  #submit(
    waiting: Waiting,
    entry: JobEntry,
    lockKey: string,
    guard: Operation | undefined,
    seen: Seen | undefined,
  ): void {
    const { room, slots, claimer, worker } = this.#options;
    const { record } = waiting;
    if (slots.has(lockKey) || slots.isAvoided(lockKey) || !room.take()) return;
    slots.take(lockKey);
    waiting.busy = true;
    const claim: RunClaim = {
      entry,
      run: record.run,
      attempt: record.attempt,
      trigger: record.kind,
      tick: record.tick,
      dueAt: record.dueAt,
      particulars: record.particulars,
      lockKey,
      guard,
      deadline: record.deadline,
      adopts: record.adopts,
    };
    const options = {
      worker,
      isCurrent: (one: JobEntry) => this.#options.job(one.key) === one,
      won: (commit: Commit) => this.#won(waiting, claim, seen, commit),
      lost: (loss: Loss) => this.#lost(waiting, claim, loss),
    };
    claimer.submit(new TriggerProposal(options, { ...waiting, epoch: record.epoch }, claim));
  }

  #won(waiting: Waiting, claim: RunClaim, seen: Seen | undefined, commit: Commit): void {
    const { metrics, runs, losses } = this.#options;
    this.#waiting.delete(waiting.key);
    metrics.claim('won');
    runs.begin(claim, commit);
    // An adopted run's lock was its own.
    if (claim.adopts !== undefined) return;
    const lock = commit.entries?.findLast(entry => entry?.key === claim.lockKey);
    if ((lock?.lockIndex ?? 1) > 1) losses.tookOver(claim, slotOf(claim.entry, claim.lockKey), seen);
  }

  #lost(waiting: Waiting, claim: RunClaim, loss: Loss): void {
    const { slots, room, metrics } = this.#options;
    slots.free(claim.lockKey);
    room.give();
    waiting.busy = false;
    if (loss.why === 'failed') {
      metrics.claim('lost');
      void this.#afterRefusal(waiting, claim, loss.operations);
    } else if (loss.why === 'unanswered') metrics.claim('unanswered');
    // Otherwise the next sweep looks at it again.
  }

  async #afterRefusal(waiting: Waiting, { entry, lockKey }: RunClaim, failed: readonly Operation[]): Promise<void> {
    const { slots, onStaleJob, logger } = this.#options;
    if (failed.some(({ key }) => key === jobPath(entry.key))) onStaleJob(entry.key);
    if (failed.some(({ key }) => key === lockKey)) slots.avoid(lockKey);
    if (!failed.some(({ key }) => key === waiting.key)) return;
    // Claimed by another, or written anew under the same name.
    this.#waiting.delete(waiting.key);
    await this.#read([waiting.key]).catch(error => logger.debug({ err: error }, 'a trigger could not be read again'));
  }
}

const wholeOfTrigger = ({ record }: Waiting): RunId => wholeOf(record.run, record.particulars);

/** Whether what the one is for was due before the other's. */
function isElder(one: Waiting, other: Waiting): boolean {
  const [a, b] = [dueOf(one), dueOf(other)];
  return a < b || (a === b && wholeOfTrigger(one) < wholeOfTrigger(other));
}

const dueOf = ({ record }: Waiting): Instant => record.tick ?? record.dueAt ?? record.requestedAt;

/** Past its deadline or of an older epoch, a trigger is the leader's. */
function mayStart(record: TriggerRecord, entry: JobEntry, under: ClaimContext): boolean {
  if (record.epoch !== under.epoch.number) return false;
  // Claimed before, perhaps, in a past that Consul has lost since: whoever knows is given time to say so.
  if (record.requestedAt <= under.since && !under.settled) return false;
  // Suspending, or a new schedule, fires nothing of the past: nor what waited meanwhile.
  const fromSchedule = record.kind === 'tick' || record.kind === 'catchup';
  return !fromSchedule || !(entry.suspended || (record.tick !== undefined && record.tick <= entry.floor));
}
