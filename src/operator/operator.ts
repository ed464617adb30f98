import type { Registry } from 'prom-client';
import type { Coordinator } from '../coordination/coordinator.ts';
import { Election, type Leadership } from '../coordination/election.ts';
import type { Service } from '../domain/lifecycle.ts';
import type { Clock, Milliseconds } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';
import type { Term } from '../store/store.ts';
import type { KubernetesConnection } from './kubernetes/connection.ts';
import { type OperatorMetrics, operatorMetrics } from './metrics.ts';
import { Office } from './office.ts';
import type { ResourceJobs, ResourceRuns } from './ports.ts';

export interface OperatorOptions {
  readonly connection: KubernetesConnection;
  readonly coordinator: Coordinator;
  readonly jobs: ResourceJobs;
  readonly runs: ResourceRuns;
  /** The next term of the role, from the database. */
  nextTerm(role: string, operator: string): Promise<Term>;
  /** This operator, for people: it is the lock's value. */
  readonly name: string;
  /** The uid of the operator's own namespace. */
  readonly cluster: string;
  /** Those watched; empty: all. */
  readonly namespaces: readonly string[];
  readonly resyncEvery: Milliseconds;
  readonly finalizerTimeout: Milliseconds;
  readonly logger: Logger;
  /** Gets the operator's metrics. Default: none are kept. */
  readonly registry?: Registry;
  /** Whether this process's clock may stamp jobs. Default: it may. */
  readonly clockOk?: () => boolean;
  /** Default `Date.now`. */
  readonly clock?: Clock;
}

/** The role that operators stand for: `cron/leader/operator`. */
export const operatorRole = 'operator';

/** Stands for election; while elected, makes jobs of CronJob resources and tells their status. */
export class Operator implements Service {
  readonly #options: OperatorOptions;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #metrics: OperatorMetrics;
  readonly #election: Election;
  #office: Office | undefined;

  constructor(options: OperatorOptions) {
    const { coordinator, logger, name, clockOk } = options;
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    this.#startedAt = this.#clock();
    this.#metrics = operatorMetrics(
      {
        leading: () => this.leading,
        queueDepth: () => this.#office?.queueDepth ?? 0,
        resources: () => this.#office?.resources() ?? { ready: 0, unready: 0 },
      },
      options.registry,
    );
    this.#election = new Election({
      coordinator,
      logger,
      role: operatorRole,
      candidate: name,
      nextTerm: async () => (await options.nextTerm(operatorRole, name)).term,
      onElected: leadership => this.#lead(leadership),
      ...(clockOk !== undefined && { eligible: clockOk }),
    });
  }

  /** Resolves at once: the election goes on in the background. */
  async start(): Promise<void> {
    await this.#election.start();
  }

  /** Steps down; resolves when what was under way is finished. */
  async stop(): Promise<void> {
    await this.#election.stop();
  }

  /** Whether this operator is the one that reconciles. */
  get leading(): boolean {
    return this.#election.leadership !== undefined;
  }

  /** Why it does not do its work now; empty for one that stands by. */
  get problems(): readonly string[] {
    return this.#office?.problems ?? [];
  }

  async #lead(leadership: Leadership): Promise<void> {
    const logger = this.#options.logger.child({ component: 'operator', term: leadership.term });
    this.#office = new Office({
      ...this.#options,
      logger,
      clock: this.#clock,
      startedAt: this.#startedAt,
      metrics: this.#metrics,
      leads: () => leadership.valid,
    });
    try {
      await this.#office.run(leadership.signal);
    } catch (error) {
      logger.error({ err: error }, 'the operator failed; it steps down');
      this.#election.resign((error as Error).message);
    } finally {
      this.#office = undefined;
    }
  }
}
