import { Gauge, type Registry } from 'prom-client';
import type { Coordinator } from '../../coordination/coordinator.ts';
import { freezeKey } from '../../coordination/keys.ts';
import { encode, type FreezeRecord } from '../../coordination/records.ts';
import { CronmeshError } from '../../domain/errors.ts';
import { covers, endOf, everything, type Freeze, Freezes } from '../../domain/policy/freeze.ts';
import { type Clock, formatInstant, type Instant, type Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Store } from '../../store/store.ts';
import { within } from './within.ts';

export interface FreezeServiceDependencies {
  readonly store: Pick<Store, 'freeze' | 'thaw' | 'listFreezes' | 'freezesPublished'>;
  readonly coordinator: Pick<Coordinator, 'get' | 'transact'>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Whether this master's clock may stamp: which ticks are frozen depends on it. */
  readonly clockOk: () => boolean;
  /** Gets `cronmesh_freezes`. Default: none is kept. */
  readonly registry?: Registry;
}

/** `Pending`: Consul has not been told yet, and workers go on. */
export type FreezeState = 'Pending' | 'InForce' | 'Over';

/** A change of freezes, and whether Consul has it: only then do workers keep to it. */
export interface FreezeChange {
  readonly freeze: Freeze;
  readonly published: boolean;
}

/** How long an answer waits for Consul. */
const patience: Milliseconds = 3_000;
/** A freeze that is over stays in Consul this long: ticks of it may still be in a worker's live window. */
const keepEnded: Milliseconds = 10 * 60_000;
const maxTries = 10;

/**
 * Freezes of namespaces, and of everything: committed in the database, published to Consul at once, and published again
 * by the leader until Consul has them. Ticks in a freeze are no runs; the leader records them as skipped.
 */
export class FreezeService {
  readonly #deps: FreezeServiceDependencies;
  #inForce = 0;

  constructor(deps: FreezeServiceDependencies) {
    this.#deps = deps;
    if (deps.registry === undefined) return;
    const inForce = (): number => this.#inForce;
    new Gauge({
      name: 'cronmesh_freezes',
      help: 'Freezes in force (of everything, and of namespaces), as this master saw them last.',
      registers: [deps.registry],
      collect() {
        this.set(inForce());
      },
    });
  }

  /**
   * Freezes a namespace (`*`: everything) from now on, until `until` or a thaw. Where it is frozen already, that freeze
   * gets the new end and reason.
   *
   * @throws CronmeshError InvalidInput, Unavailable
   */
  async freeze(scope: string, wanted: { reason: string; until?: Instant; by: string }): Promise<FreezeChange> {
    const now = this.#now();
    const { until } = wanted;
    if (until !== undefined && until <= now) {
      const message = `must lie in the future; it is ${formatInstant(now)} now`;
      const problem = { field: 'until', value: JSON.stringify(formatInstant(until)), message };
      throw new CronmeshError('InvalidInput', `until ${message}`, { problems: [problem] });
    }
    const freeze = await this.#deps.store.freeze({ scope, now, ...wanted });
    this.#deps.logger.info({ scope, by: freeze.by, reason: freeze.reason, until: freeze.until }, 'frozen');
    return await this.#told(freeze);
  }

  /** Ends the freeze of a scope; what lay in it is not made up for. @throws CronmeshError NotFound, Unavailable */
  async thaw(scope: string, by: string): Promise<FreezeChange> {
    const freeze = await this.#deps.store.thaw(scope, this.#now());
    if (freeze === undefined) throw new CronmeshError('NotFound', `${nameOf(scope)} is not frozen`);
    this.#deps.logger.info({ scope, by }, 'thawed');
    return await this.#told(freeze);
  }

  stateOf(freeze: Freeze): FreezeState {
    if (endOf(freeze) <= this.#deps.clock()) return 'Over';
    return freeze.publishedAt === undefined ? 'Pending' : 'InForce';
  }

  /** All that are known, those that are over too. */
  async known(): Promise<Freezes> {
    const freezes = new Freezes(await this.#deps.store.listFreezes());
    const now = this.#deps.clock();
    this.#inForce = freezes.all.filter(freeze => covers(freeze, now)).length;
    return freezes;
  }

  /**
   * Writes them to Consul where it does not have them. The key is read before the database, and written as it was read:
   * a master that was stopped in between can't publish the past. @throws CoordinationError, CronmeshError Unavailable
   */
  async publish(): Promise<void> {
    const { coordinator, store, clock } = this.#deps;
    for (let tries = 0; tries < maxTries; tries++) {
      const entry = await coordinator.get(freezeKey, { consistent: true });
      const { all } = await this.known();
      const now = clock();
      const value = encode(recordOf(all, now));
      if (entry?.value !== value && !(entry === undefined && all.length === 0)) {
        const operation = { verb: 'cas', key: freezeKey, value, index: entry?.index ?? 0 } as const;
        if (!(await coordinator.transact([operation])).ok) continue;
      }
      await store.freezesPublished(
        all.filter(({ publishedAt }) => publishedAt === undefined),
        clock(),
      );
      return;
    }
    throw new CronmeshError('Unavailable', 'freezes were changed by others all the time', { retryable: true });
  }

  async #told(freeze: Freeze): Promise<FreezeChange> {
    try {
      await within(patience, this.publish());
      return { freeze: { publishedAt: this.#deps.clock(), ...freeze }, published: true };
    } catch (error) {
      this.#deps.logger.warn({ err: error, scope: freeze.scope }, 'Consul has not been told of a freeze or thaw yet');
      return { freeze, published: false };
    }
  }

  #now(): Instant {
    if (this.#deps.clockOk()) return this.#deps.clock();
    throw new CronmeshError('Unavailable', "this master's clock is off from its peers'; ask another master", {
      retryable: true,
    });
  }
}

export function nameOf(scope: string): string {
  return scope === everything ? 'everything' : `the namespace ${scope}`;
}

function recordOf(all: readonly Freeze[], now: Instant): FreezeRecord {
  const scopes: Record<string, Omit<Freeze, 'scope'>[]> = {};
  const sorted = all
    .filter(freeze => endOf(freeze) > now - keepEnded)
    .toSorted((a, b) => (a.scope < b.scope ? -1 : a.scope > b.scope ? 1 : a.since - b.since));
  for (const { scope, since, until, by, reason, endedAt } of sorted) {
    scopes[scope] ??= [];
    scopes[scope].push({
      since,
      by,
      reason,
      ...(until !== undefined && { until }),
      ...(endedAt !== undefined && { endedAt }),
    });
  }
  return { v: 1, scopes };
}
