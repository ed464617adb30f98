import { setImmediate as turn } from 'node:timers/promises';
import { slotPath } from '../../coordination/locks.ts';
import type { JobKey } from '../../domain/job/job.ts';
import { backlogAt, lookAt } from '../../domain/policy/claiming.ts';
import { isSpread } from '../../domain/policy/members.ts';
import { lastRank } from '../../domain/policy/ranks.ts';
import { timing } from '../../domain/policy/timing.ts';
import type { WorkerId } from '../../domain/run/run.ts';
import type { Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Due } from '../agenda/due.ts';
import type { JobEntry } from '../agenda/entry.ts';
import type { Alarm } from '../alarm.ts';
import type { Peers } from '../peers.ts';
import type { HeldRun } from './held-run.ts';
import { Looks } from './looks.ts';
import type { Reader } from './reader.ts';
import { Recent, secondOf } from './recent.ts';
import type { Seen } from './seen.ts';
import { TickClaims, type TickClaimsOptions } from './tick-claims.ts';

export interface DispatcherOptions extends TickClaimsOptions {
  readonly alarm: Alarm;
  readonly peers: Pick<Peers, 'ranks' | 'names'>;
  readonly reader: Reader;
  readonly logger: Logger;
}

/** Between two looks at a herd whose owner still makes progress: reading it must not slow its owner down. */
const herdPause: Milliseconds = 150;
const herdPausePerTick: Milliseconds = 0.3;
/** After reads that got no answer. */
const pauseAfterError: Milliseconds = 200;
/** Ticks dispatched before others get a turn. */
const slice = 256;

/**
 * Decides when this worker looks at each tick that is due: rank 0 at once, the others later, and again when ranks,
 * room, a lock or the worker's own standing have changed.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #recent = new Recent();
  readonly #looks: Looks;
  readonly #claims: TickClaims;
  /** Ticks that are left until there is room. */
  #waiting: Due[] = [];
  /** Ticks of `Forbid` jobs that this worker itself runs, by their lock: looked at when it is released. */
  readonly #blocked = new Map<string, Due[]>();
  readonly #stopping = new AbortController();

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#looks = new Looks(options.alarm, dues => void this.#look(dues));
    this.#claims = new TickClaims(options, {
      look: dues => void this.#look(dues),
      lookLater: (due, wait) => this.#looks.at(options.clock() + wait, due),
      hasOthers: due => options.peers.ranks(due.entry.eligibility).workers.length > 1,
      wait: due => this.#wait(due),
      blocked: due => void this.#block(due),
    });
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** Reads ahead what claims of the coming ticks will need. */
  ahead(dues: readonly Due[]): void {
    if (this.#options.context() === undefined) return;
    // Who waits in a queue is read at the tick, and the rest with it.
    const early = dues.filter(({ entry }) => entry.policy !== 'Queue');
    const own = early.filter(due => this.#rank(due) === 0).map(({ entry }) => entry);
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
    void this.#look(orphans.filter(due => this.#rank(due) === 0));
  }

  /** Claiming begins (again): everything undecided is looked at, in the order of ranks. */
  resume(): void {
    const now = this.#options.clock();
    const own: Due[] = [];
    for (const due of this.#recent.open(now)) {
      if (this.#rank(due) === 0) own.push(due);
      else this.#looks.at(lookAt(now, due.rank, 0), due);
    }
    void this.#look(own);
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
    const dues = this.#blocked.get(held.lockKey);
    if (dues === undefined || this.#options.slots.has(held.lockKey)) return;
    this.#blocked.delete(held.lockKey);
    void this.#look(dues);
  }

  async #dispatch(dues: readonly Due[]): Promise<void> {
    const unseen: Due[] = [];
    for (const [i, due] of dues.entries()) {
      // The first transactions of a herd go out while the last of it is still looked at.
      if (i % slice === slice - 1) await turn();
      if (due.state !== 'open') continue;
      const rank = this.#rank(due);
      // In a group, whose run it is must be read first.
      if (due.entry.group === undefined && this.#block(due)) continue;
      const seen = rank === 0 ? this.#options.cache.get(due.entry.key) : undefined;
      if (rank > 0) this.#looks.at(lookAt(due.tick, rank, this.#recent.countWith(due.tick)), due);
      else if (seen === undefined) unseen.push(due);
      else this.#claims.attempt(due, seen, false);
    }
    await this.#look(unseen);
  }

  /** Ranks the tick by the workers that are ready now. */
  #rank(due: Due): number {
    const table = this.#options.peers.ranks(due.entry.eligibility);
    due.owner = table.ownerOf(due.bucket);
    due.rank = table.rankOf(this.#options.worker, due.bucket) ?? lastRank;
    return due.rank;
  }

  /** This worker runs the `Forbid` job itself: nobody decides the tick before the lock is released. */
  #block(due: Due): boolean {
    const { entry } = due;
    const lockKey = slotPath(entry.key, entry.group, 0);
    if (entry.policy !== 'Forbid' || !this.#options.slots.has(lockKey)) return false;
    const others = this.#blocked.get(lockKey)?.filter(({ tick }) => due.tick - tick < timing.liveWindow) ?? [];
    this.#blocked.set(lockKey, [...others, due]);
    return true;
  }

  #wait(due: Due): void {
    if (due.isWaiting) return;
    due.isWaiting = true;
    this.#waiting.push(due);
    const at = backlogAt(due.tick, due.rank);
    if (at > this.#options.clock()) this.#looks.at(at, due);
  }

  /** Reads what is known of ticks, and goes on with those that are undecided. */
  async #look(dues: readonly Due[]): Promise<void> {
    const { agenda, clock, room, context } = this.#options;
    const now = clock();
    if (context() === undefined) return;
    const useful: Due[] = [];
    for (const due of dues) {
      if (due.state !== 'open' || now - due.tick > timing.liveWindow || !agenda.isCurrent(due.entry)) continue;
      // Without room there is nothing to be claimed, but what has waited long becomes a trigger, or is several at once.
      if (room.free > 0 || isSpread(due.entry.spread) || now >= backlogAt(due.tick, due.rank)) useful.push(due);
      else this.#wait(due);
    }
    if (useful.length === 0) return;
    for (const due of useful) due.state = 'busy';
    const entries = useful.map(({ entry }) => entry);
    const seen = await this.#read(entries).catch(() => undefined);
    for (const due of useful) due.state = 'open';
    if (this.#stopping.signal.aborted) return;
    if (seen !== undefined) this.#judge(useful, seen);
    else for (const due of useful) this.#looks.at(clock() + pauseAfterError, due);
  }

  /** What claims need and, of jobs with a queue, what waits in it. @throws CoordinationError */
  async #read(entries: readonly JobEntry[]): Promise<ReadonlyMap<JobKey, Seen>> {
    const { reader } = this.#options;
    const { signal } = this.#stopping;
    const seen = await reader.read(entries, signal);
    const queues = entries.filter(({ policy }) => policy === 'Queue');
    if (queues.length === 0) return seen;
    const triggers = await reader.triggers(queues, signal);
    return new Map(
      Array.from(seen, ([job, one]) => {
        const own = triggers.get(job);
        return [job, own === undefined ? one : { ...one, triggers: own }] as const;
      }),
    );
  }

  #judge(dues: readonly Due[], seen: ReadonlyMap<JobKey, Seen>): void {
    const { clock, worker } = this.#options;
    /** Owners, by second, that have decided ticks since they were looked at last. */
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
    const again = clock() + herdPause + herdPausePerTick * undecided.length;
    for (const [due, one] of undecided) {
      // An owner that is still at it will come to this one too.
      if (due.rank > 0 && due.owner !== worker && progress.has(`${due.owner} ${secondOf(due.tick)}`)) {
        this.#looks.at(again, due);
      } else this.#claims.attempt(due, one, true);
    }
  }
}
