import type { Coordinator, Index, Operation } from '../../coordination/coordinator.ts';
import { jobOfPath, jobPath, lockPath, prefix, wholePath } from '../../coordination/keys.ts';
import { decode, type TriggerRecord } from '../../coordination/records.ts';
import { mayStart } from '../../coordination/waiting.ts';
import { watchKeys } from '../../coordination/watch.ts';
import { type JobKey, splitJobKey } from '../../domain/job/job.ts';
import { lookAt } from '../../domain/policy/claiming.ts';
import { wholeOf } from '../../domain/policy/members.ts';
import { bucketOf, lastRank } from '../../domain/policy/ranks.ts';
import { placeOf } from '../../domain/policy/turn.ts';
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
import type { Replacing } from './replacing.ts';
import type { Room } from './room.ts';
import type { Runs } from './runs.ts';
import type { Seen, SeenWhole } from './seen.ts';
import { asSeen, freeLock, slotOf, unchanged } from './slot-choice.ts';
import type { Slots } from './slots.ts';
import { isFrozen, TriggerProposal } from './trigger-proposal.ts';
import { inTurn, isUnseen } from './waiting.ts';
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
  readonly replacing: Replacing;
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
/** Of so many jobs with limited slots the locks are read in one look; what waits of others has its turn in the next ones. */
const locksAtOnce = 256;
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
    const locks = new Set<string>();
    const turns = this.#turns(context());
    for (const waiting of this.#waiting.values()) {
      const under = context();
      if (under === undefined) break;
      // A run to be replaced is killed by whoever finds it: its end may make the room that there is not.
      const policy = this.#options.job(waiting.job)?.policy;
      if (room.free === 0 && policy !== 'Replace') continue;
      if (isAdoption(waiting.record)) {
        if (locks.size >= locksAtOnce || !this.#adoptable(waiting, waiting.record)) continue;
        adoptions.push([waiting, waiting.record]);
        locks.add(waiting.record.adopts.lock);
        continue;
      }
      const entry = this.#claimable(waiting, under);
      if (entry === undefined || (turns.get(entry.key) ?? waiting) !== waiting) continue;
      if (entry.slots === undefined && !entry.wholes) this.#claim(waiting, entry, undefined);
      else if (locks.size < locksAtOnce) {
        limited.push([waiting, entry]);
        locks.add(entry.key);
      }
    }
    if (locks.size >= locksAtOnce) this.#putLast([...limited, ...adoptions].map(([waiting]) => waiting));
    await this.#adopt(adoptions);
    if (limited.length > 0) await this.#claimLimited(limited);
  }

  /** Others have their turn at the next look: most of these may be waiting for what is held for long. */
  #putLast(looked: readonly Waiting[]): void {
    for (const waiting of looked) {
      this.#waiting.delete(waiting.key);
      this.#waiting.set(waiting.key, waiting);
    }
  }

  /** Of each job whose runs take turns, the trigger whose turn it is. */
  #turns(under: ClaimContext | undefined): ReadonlyMap<JobKey, Waiting> {
    const turns = new Map<JobKey, Waiting>();
    if (under === undefined) return turns;
    for (const [job, entry, triggers] of this.#byJob()) {
      const first = inTurn(
        triggers.map(({ record }) => record),
        entry,
        under,
      );
      const waiting = triggers.find(({ record }) => record === first);
      if (waiting !== undefined) turns.set(job, waiting);
    }
    return turns;
  }

  /** The triggers of each job whose runs take turns. */
  #byJob(): [JobKey, JobEntry, Waiting[]][] {
    const jobs = new Map<JobKey, [JobKey, JobEntry, Waiting[]]>();
    for (const waiting of this.#waiting.values()) {
      const entry = this.#options.job(waiting.job);
      if (entry?.policy !== 'Queue' && entry?.policy !== 'Replace') continue;
      const known = jobs.get(waiting.job);
      if (known === undefined) jobs.set(waiting.job, [waiting.job, entry, [waiting]]);
      else known[2].push(waiting);
    }
    return [...jobs.values()];
  }

  async #claimLimited(limited: readonly (readonly [Waiting, JobEntry])[]): Promise<void> {
    const { reader, replacing, slots } = this.#options;
    const { signal } = this.#stopping;
    const jobs = limited.map(([, entry]) => entry);
    const seen = await reader.read(jobs, signal);
    const queues = limited.filter(([{ record }, entry]) => {
      return entry.policy === 'Queue' && freeLock(entry, record.run, seen.get(entry.key), slots, false) !== undefined;
    });
    // An earlier run may have come that the watch has not told of yet.
    const triggers = await reader.triggers(
      queues.map(([, entry]) => entry),
      signal,
    );
    const under = this.#options.context();
    if (under === undefined) return;
    for (const [waiting, entry] of limited) {
      const one = seen.get(entry.key);
      if (one === undefined || waiting.busy || this.#waiting.get(waiting.key) !== waiting) continue;
      const { record } = waiting;
      if (one.whole !== undefined) {
        this.#claimOfWhole(waiting, entry, one.whole);
        continue;
      }
      if (entry.policy === 'Queue' && inTurn(triggers.get(entry.key) ?? [], entry, under)?.run !== record.run) continue;
      if (entry.policy === 'Replace' && !replacing.mayGo(record, entry, one)) continue;
      this.#claim(waiting, entry, one);
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
      ({ job: of, record }) =>
        of === entry.key &&
        mayStart(record, entry, under.epoch.number, now) &&
        !isUnseen(record, under) &&
        !isFrozen(under, record.kind, splitJobKey(of).namespace),
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
    const entry = this.#options.job(job);
    if (entry === undefined || !mayStart(record, entry, under.epoch.number, now) || isUnseen(record, under)) {
      return undefined;
    }
    if (isFrozen(under, record.kind, splitJobKey(entry.key).namespace)) return undefined;
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
      const entry = entryOf(trigger, waiting.job, job(waiting.job), eligibility, clock());
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
      marks: entry.policy === 'Replace' && record.adopts === undefined ? this.#marks(waiting) : [],
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

  #marks({ job, record }: Waiting): readonly Operation[] {
    const others = [...this.#waiting.values()].filter(one => one.job === job && !one.busy);
    return this.#options.replacing.marks(record, others);
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
      void this.#afterRefusal(claim, loss.operations);
    } else if (loss.why === 'unanswered') metrics.claim('unanswered');
    // Otherwise the next sweep looks at it again.
  }

  async #afterRefusal({ entry, lockKey }: RunClaim, failed: readonly Operation[]): Promise<void> {
    const { slots, onStaleJob, logger } = this.#options;
    if (failed.some(({ key }) => key === jobPath(entry.key))) onStaleJob(entry.key);
    if (failed.some(({ key }) => key === lockKey)) slots.avoid(lockKey);
    // Claimed by another, or written anew under the same name.
    const stale = failed.map(({ key }) => key).filter(key => this.#waiting.has(key));
    for (const key of stale) this.#waiting.delete(key);
    await this.#read(stale).catch(error => logger.debug({ err: error }, 'a trigger could not be read again'));
  }
}

const wholeOfTrigger = ({ record }: Waiting): RunId => wholeOf(record.run, record.particulars);

/** Whether what the one is for was due before the other's. */
function isElder(one: Waiting, other: Waiting): boolean {
  const [a, b] = [placeOf(one.record), placeOf(other.record)];
  return a < b || (a === b && wholeOfTrigger(one) < wholeOfTrigger(other));
}
