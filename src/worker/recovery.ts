import type { Coordinator, Entry, Operation, SessionId } from '../coordination/coordinator.ts';
import { adoptionOf, isOutliving, letGo } from '../coordination/handover.ts';
import { prefix } from '../coordination/keys.ts';
import { monotonicNow } from '../coordination/monotonic.ts';
import { decode, type EpochRecord, type LockRecord } from '../coordination/records.ts';
import type { Clock, Milliseconds } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';
import { isExclusive } from './agenda/entry.ts';
import type { Beat } from './beat.ts';
import type { Brakes } from './brakes.ts';
import type { Claimer } from './claims/claimer.ts';
import type { HeldRun } from './claims/held-run.ts';
import type { Lane } from './claims/lane.ts';
import { readKeys } from './claims/reader.ts';
import type { Runs } from './claims/runs.ts';
import type { SeenCache } from './claims/seen.ts';
import type { Slots } from './claims/slots.ts';
import type { Triggers } from './claims/triggers.ts';
import type { JobIntake } from './job-intake.ts';
import type { Supervisor } from './ports.ts';
import type { WorkerSession } from './worker-session.ts';

export interface RecoveryOptions {
  readonly coordinator: Coordinator;
  readonly lanes: readonly Lane[];
  readonly claimer: Pick<Claimer, 'idle'>;
  readonly beat: Pick<Beat, 'idle'>;
  readonly session: Pick<WorkerSession, 'id' | 'renewNow' | 'destroy'>;
  readonly supervisor: Pick<Supervisor, 'session'>;
  readonly cache: SeenCache;
  readonly intake: Pick<JobIntake, 'reread'>;
  readonly brakes: Pick<Brakes, 'reread'>;
  readonly triggers: Pick<Triggers, 'reread'>;
  readonly slots: Slots;
  readonly runs: Pick<Runs, 'values' | 'endUnlocked'>;
  /** All lanes were raised by something that was sent then, on the monotonic clock. */
  readonly onHeard: (sent: Milliseconds) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Brings what this worker believes it holds, and what Consul says it does, together again. */
export class Recovery {
  readonly #options: RecoveryOptions;
  /** A new process has just read everything. */
  #first = true;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** Makes the worker fit to claim under an epoch that it has not worked under. @throws Error: try again */
  async prepare({ number }: EpochRecord): Promise<void> {
    const { coordinator, claimer, beat, session, cache, intake, brakes, triggers, supervisor } = this.#options;
    // What is under way settles its lane first, and would otherwise do so over the new state.
    await Promise.all([claimer.idle(), beat.idle()]);
    const { id } = session;
    if (id === undefined || !(await coordinator.sessionExists(id))) {
      session.renewNow();
      throw new Error('there is no session yet');
    }
    await this.#settleLocks(id);
    cache.clear();
    if (!this.#first) {
      await brakes.reread();
      await intake.reread();
      await triggers.reread();
    }
    await this.#adoptLanes();
    this.#first = false;
    supervisor.session(id, number);
  }

  /** The worker's locks are gone: what is left are the session and the lanes, which nobody else removes. */
  async leave(): Promise<void> {
    const { coordinator, session, lanes, logger } = this.#options;
    try {
      await session.destroy();
      await coordinator.transact(lanes.map(({ key }) => ({ verb: 'delete', key })));
    } catch (error) {
      logger.warn({ err: error }, 'the session ends by its time-out: it could not be destroyed');
    }
  }

  /** Takes the lanes over as they are now and raises each: whatever was sent before and is still on its way then fails. */
  async #adoptLanes(): Promise<void> {
    const { coordinator, lanes } = this.#options;
    const entries = await readKeys(
      coordinator,
      lanes.map(({ key }) => key),
      new AbortController().signal,
    );
    lanes.forEach((lane, i) => {
      lane.adopt(entries[i]);
    });
    const sent = monotonicNow();
    const answer = await coordinator.transact(lanes.map(lane => lane.raise()));
    if (!answer.ok) throw new Error('a lane has moved while it was taken over');
    lanes.forEach((lane, i) => {
      lane.raised(answer.entries[i]?.index ?? 0);
    });
    this.#options.onHeard(sent);
  }

  /**
   * Releases locks of the session that this worker knows nothing of: they have come back from the past. Ends exclusive
   * runs whose lock is not there any more.
   */
  async #settleLocks(session: SessionId): Promise<void> {
    const { coordinator, slots, logger } = this.#options;
    const exclusive = this.#exclusive();
    const own = (await coordinator.list(prefix.lock, { consistent: true })).filter(entry => entry.session === session);
    for (const entry of own.filter(({ key }) => !slots.has(key))) {
      logger.warn({ lock: entry.key }, 'released a lock that this worker knows nothing of');
      await coordinator.transact(this.#releaseUnknown(entry, session));
    }
    this.#endUnlocked(exclusive, own);
  }

  #releaseUnknown(entry: Entry, session: SessionId): readonly Operation[] {
    const { key, value, index } = entry;
    const lock = recordOf(entry);
    // An adoption that was carried out just when an epoch began, say: nothing came of it here, and the run goes on.
    if (lock !== undefined && isOutliving(lock) && lock.outlives.handovers > 0) {
      const trigger = adoptionOf(key, lock, `let go of by ${lock.worker}`, this.#options.clock());
      return [...letGo(entry, session), { verb: 'set', ...trigger }];
    }
    return [
      { verb: 'check-index', key, index },
      { verb: 'unlock', key, value, session },
      { verb: 'delete', key },
    ];
  }

  /** Ends exclusive runs whose lock is not there any more. @throws CoordinationError */
  async checkLocks(): Promise<void> {
    const session = this.#options.session.id;
    // Without a session the supervisor has ended them already.
    if (session === undefined) return;
    const exclusive = this.#exclusive();
    const keys = exclusive.map(({ lockKey }) => lockKey);
    const entries = await readKeys(this.#options.coordinator, keys, new AbortController().signal);
    const own = entries.filter(entry => entry !== undefined).filter(entry => entry.session === session);
    this.#endUnlocked(exclusive, own);
  }

  /** `were`: the runs of which the locks were read. Those that began meanwhile have theirs by a later write. */
  #endUnlocked(were: readonly HeldRun[], own: readonly Entry[]): void {
    const locks = new Map(own.map(entry => [entry.key, entry]));
    const are = new Set(this.#exclusive());
    for (const held of were.filter(one => are.has(one))) {
      const entry = locks.get(held.lockKey);
      if (entry === undefined || decode<LockRecord>(entry).run !== held.run) this.#options.runs.endUnlocked(held);
    }
  }

  #exclusive(): HeldRun[] {
    return [...this.#options.runs.values()].filter(({ entry }) => isExclusive(entry));
  }
}

/** Undefined where it is not readable. */
function recordOf(entry: Entry): LockRecord | undefined {
  try {
    return decode<LockRecord>(entry);
  } catch {
    return undefined;
  }
}
