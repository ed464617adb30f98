import type { Coordinator, SessionId } from '../coordination/coordinator.ts';
import { monotonicNow } from '../coordination/monotonic.ts';
import { SessionKeeper, type SessionLease } from '../coordination/session.ts';
import { timing } from '../domain/policy/timing.ts';
import type { WorkerId } from '../domain/run/run.ts';
import type { Clock, Milliseconds } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';
import type { Supervisor } from './ports.ts';
import { aliveCheck } from './registration.ts';

export interface WorkerSessionOptions {
  readonly coordinator: Coordinator;
  readonly id: WorkerId;
  readonly supervisor: Pick<Supervisor, 'session' | 'lease'>;
  /** The highest epoch known. */
  readonly epoch: () => number | undefined;
  readonly onLost: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The worker's session, and what follows from each renewal: the lease that fences the supervisor, counted from when
 * the renewal was sent.
 */
export class WorkerSession {
  readonly #options: WorkerSessionOptions;
  readonly #keeper: SessionKeeper;
  #leaseUntil: Milliseconds = Number.NEGATIVE_INFINITY;

  constructor(options: WorkerSessionOptions) {
    const { coordinator, id, clock, logger, supervisor, epoch } = options;
    this.#options = options;
    this.#keeper = new SessionKeeper({
      coordinator,
      logger,
      clock,
      session: { name: id, ttl: timing.sessionTtl, lockDelay: timing.lockDelay, serviceChecks: [aliveCheck(id)] },
      onSession: session => supervisor.session(session, epoch()),
      onLease: lease => this.#extend(lease),
      onLost: () => this.#lose(),
    });
  }

  get id(): SessionId | undefined {
    return this.#keeper.session;
  }

  /** The session while its lease is good for new runs: an exclusive one must not be ended as soon as it is started. */
  get valid(): SessionId | undefined {
    return monotonicNow() < this.#leaseUntil - timing.fenceGrace ? this.#keeper.session : undefined;
  }

  /** Resolves when there is a session, or at `stop`. */
  start(): Promise<void> {
    return this.#keeper.start();
  }

  /** Stops renewing; the session stays. */
  stop(): Promise<void> {
    return this.#keeper.stop();
  }

  /** Ends the session: after its locks are released, since a lock that it still holds is delayed. */
  async destroy(): Promise<void> {
    const session = this.#keeper.session;
    if (session !== undefined) await this.#options.coordinator.destroySession(session);
  }

  /** Renews at once: the session may be gone. */
  renewNow(): void {
    this.#keeper.renewNow();
  }

  #extend({ session, sentMonotonic, sentWall }: SessionLease): void {
    if (session !== this.#keeper.session) return;
    this.#leaseUntil = sentMonotonic + timing.fence;
    this.#options.supervisor.lease({ monotonic: this.#leaseUntil, wall: sentWall + timing.fence });
  }

  /** Its locks are gone with it: the supervisor ends what is exclusive. */
  #lose(): void {
    this.#leaseUntil = Number.NEGATIVE_INFINITY;
    this.#options.supervisor.session(undefined, this.#options.epoch());
    this.#options.onLost();
  }
}
