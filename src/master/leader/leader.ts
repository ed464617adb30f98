import type { Registry } from 'prom-client';
import type { Coordinator } from '../../coordination/coordinator.ts';
import { Election, type Leadership } from '../../coordination/election.ts';
import type { Service } from '../../domain/lifecycle.ts';
import type { Clock, Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Store } from '../../store/store.ts';
import type { Publisher } from '../services/publisher.ts';
import type { WorkerDirectory } from '../services/workers.ts';
import { EpochKeeper } from './epoch.ts';
import { isOver, repeat } from './loop.ts';
import { type LeaderMetrics, leaderMetrics } from './metrics.ts';
import { Observations } from './observations.ts';
import { Office } from './office.ts';
import { type LeaderTiming, leaderTiming } from './timing.ts';

export interface LeaderOptions {
  readonly coordinator: Coordinator;
  readonly store: Store;
  readonly publisher: Publisher;
  readonly workers: WorkerDirectory;
  /** This master, for people: it is the lock's value. */
  readonly master: string;
  readonly logger: Logger;
  /** Whether this master's clock may be trusted to lead: `ClockGuard.clockOk`. Default: it may. */
  readonly clockOk?: () => boolean;
  /** Ended runs, their logs and skips are deleted after this. Default 30 days. */
  readonly retainFor?: Milliseconds;
  /** Gets the leader's metrics. Default: none are kept. */
  readonly registry?: Registry;
  /** Default `Date.now`. */
  readonly clock?: Clock;
  /** For tests. Default: the protocol's. */
  readonly timing?: Partial<LeaderTiming>;
}

/** The role that this leader stands for. */
export const schedulerRole = 'scheduler';

/** Stands for election; while elected, keeps the epoch, accounts for every elapsed tick and clears up. */
export class Leader implements Service {
  readonly #options: LeaderOptions;
  readonly #clock: Clock;
  readonly #timing: LeaderTiming;
  readonly #metrics: LeaderMetrics;
  readonly #observations: Observations;
  readonly #election: Election;

  constructor(options: LeaderOptions) {
    const { coordinator, store, workers, master, logger, clockOk } = options;
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    this.#timing = { ...leaderTiming, ...options.timing };
    this.#metrics = leaderMetrics(options.registry);
    this.#metrics.leader.set({ role: schedulerRole }, 0);
    this.#observations = new Observations(workers.history);
    this.#election = new Election({
      coordinator,
      logger,
      role: schedulerRole,
      candidate: master,
      nextTerm: async () => (await store.nextTerm(schedulerRole, master)).term,
      onElected: leadership => this.#lead(leadership),
      ...(clockOk !== undefined && { eligible: clockOk }),
    });
  }

  /** Resolves at once: the election goes on in the background. */
  async start(): Promise<void> {
    await this.#election.start();
  }

  /** Steps down; resolves when nothing of this leader is under way. */
  async stop(): Promise<void> {
    await this.#election.stop();
  }

  /** Whether this master is the leader now. */
  get leading(): boolean {
    return this.#election.leadership !== undefined;
  }

  async #lead(leadership: Leadership): Promise<void> {
    const { coordinator, store, logger } = this.#options;
    const office = new Office({
      coordinator,
      store,
      leadership,
      clock: this.#clock,
      timing: this.#timing,
      logger: logger.child({ component: 'leader', term: leadership.term }),
      metrics: this.#metrics,
    });
    this.#metrics.leader.set({ role: schedulerRole }, 1);
    await Promise.all(
      this.#tasks(office).map(async task => {
        try {
          await task;
        } catch (error) {
          if (leadership.signal.aborted) return;
          if (!isOver(error)) office.logger.error({ err: error }, 'the leader failed; it steps down');
          this.#election.resign((error as Error).message);
        }
      }),
    );
    this.#metrics.leader.set({ role: schedulerRole }, 0);
  }

  #tasks(office: Office): Promise<void>[] {
    const { publisher, store, master } = this.#options;
    const { signal, timing } = office;
    const epochs = new EpochKeeper(office, {
      master,
      observations: this.#observations,
      onPastLost: async () => void (await store.republishAll()),
      onEpoch: () => {},
      onSaveError: error => {
        if (isOver(error)) this.#election.resign((error as Error).message);
        else office.logger.warn({ err: error }, 'the beat was not saved in the database');
      },
    });
    return [
      epochs.run(),
      repeat(office, 'the sweep of the outbox', timing.sweepEvery, () => publisher.sweep(signal)),
      repeat(office, 'the guard of the clock', timing.beatEvery, async () => {
        if (this.#options.clockOk?.() === false) this.#election.resign("this master's clock is off");
      }),
    ];
  }
}
