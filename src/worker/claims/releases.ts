import {
  CoordinationError,
  type Coordinator,
  type Entry,
  maxOperations,
  type Operation,
} from '../../coordination/coordinator.ts';
import { callbackPath, killerPath } from '../../coordination/keys.ts';
import { pause } from '../../coordination/pause.ts';
import { decode, type LockRecord } from '../../coordination/records.ts';
import { backoffDelay, defaultBackoff } from '../../domain/backoff.ts';
import { releasesPerTransaction } from '../../domain/policy/timing.ts';
import type { Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { HeldRun } from './held-run.ts';
import type { HoldUps } from './hold-ups.ts';

export interface ReleasesOptions {
  readonly coordinator: Coordinator;
  /** Claims wait for a transaction: releases can wait for them, a while. */
  readonly claimsWait: () => boolean;
  readonly isKilled: (held: HeldRun) => boolean;
  readonly holdUps: HoldUps;
  /** The lock is no longer this worker's. */
  readonly onReleased: (held: HeldRun) => void;
  /** Ends every wait: locks that are left go with the session. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** Releases that come together go together. */
const window: Milliseconds = 5;
/** Under a constant rush of claims a release waits this long, not longer. */
const patience: Milliseconds = 1_000;

interface Waiting {
  readonly held: HeldRun;
  readonly since: Milliseconds;
}

/** Gives locks back, many in one transaction, together with what is decided at that moment. */
export class Releases {
  readonly #options: ReleasesOptions;
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #busy = false;
  readonly #idlers: (() => void)[] = [];

  constructor(options: ReleasesOptions) {
    this.#options = options;
  }

  add(held: HeldRun): void {
    this.#waiting.push({ held, since: performance.now() });
    this.#arm(window);
  }

  /** Claims have stopped waiting. */
  flush(): void {
    if (this.#waiting.length > 0) this.#arm(0);
  }

  /** Resolves when nothing waits to be released. */
  idle(): Promise<void> {
    if (this.#waiting.length === 0 && !this.#busy) return Promise.resolve();
    return new Promise(resolve => this.#idlers.push(resolve));
  }

  #arm(wait: Milliseconds): void {
    if (this.#options.signal.aborted) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#work();
    }, wait);
  }

  async #work(): Promise<void> {
    const [first] = this.#waiting;
    if (this.#busy || first === undefined) return;
    if (this.#options.claimsWait() && performance.now() - first.since < patience) {
      this.#arm(window);
      return;
    }
    this.#busy = true;
    const batch = this.#waiting.splice(0, releasesPerTransaction).map(({ held }) => held);
    for (let attempt = 0; !this.#options.signal.aborted; attempt++) {
      try {
        await this.#release(batch, attempt > 0);
        break;
      } catch (error) {
        this.#options.logger.warn(
          { err: error, locks: batch.length, attempt },
          'locks could not be released; trying again',
        );
        await pause(backoffDelay(defaultBackoff, attempt, Math.random()), this.#options.signal);
      }
    }
    this.#busy = false;
    if (this.#waiting.length > 0) this.#arm(0);
    else for (const resolve of this.#idlers.splice(0)) resolve();
  }

  /** Each of these steps may be carried out twice. @throws CoordinationError: try again */
  async #release(batch: readonly HeldRun[], again: boolean): Promise<void> {
    const { holdUps, onReleased } = this.#options;
    await holdUps.prepare(batch, again);
    let left: readonly HeldRun[] = batch;
    while (left.length > 0) {
      const { now, later } = this.#fit(left);
      const failed = await this.#send(now);
      const done = now.filter(({ held }) => !failed.has(held)).map(({ held }) => held);
      for (const held of done) onReleased(held);
      left = [...failed, ...later];
    }
  }

  #fit(all: readonly HeldRun[]): {
    now: { held: HeldRun; operations: readonly Operation[] }[];
    later: readonly HeldRun[];
  } {
    const now: { held: HeldRun; operations: readonly Operation[] }[] = [];
    let room = maxOperations;
    for (const held of all) {
      const operations = this.#operations(held);
      if (operations.length > room) break;
      room -= operations.length;
      now.push({ held, operations });
    }
    return { now, later: all.slice(now.length) };
  }

  #operations(held: HeldRun): readonly Operation[] {
    const { entry, run, lockKey, session, index } = held;
    return [
      // What locks it next may have the same session: a release that comes late must not take its lock away.
      ...(entry.slots === undefined && !entry.retries ? [] : ([{ verb: 'check-index', key: lockKey, index }] as const)),
      { verb: 'unlock', key: lockKey, value: '', session },
      { verb: 'delete', key: lockKey },
      ...(this.#options.isKilled(held) ? ([{ verb: 'delete', key: killerPath(entry.key, run) }] as const) : []),
      ...(entry.asynchronous ? ([{ verb: 'delete', key: callbackPath(run) }] as const) : []),
      ...this.#options.holdUps.operations(held),
    ];
  }

  /** Sends one transaction, and again without what fails. Gives those whose cursor moved meanwhile: they are done anew. */
  async #send(batch: readonly { held: HeldRun; operations: readonly Operation[] }[]): Promise<ReadonlySet<HeldRun>> {
    const { coordinator, holdUps } = this.#options;
    const answer = await coordinator.transact(batch.flatMap(({ operations }) => operations));
    if (answer.ok) {
      // What one transaction wrote has one index; the unlocking is always among it.
      const index = answer.entries.find(entry => entry !== undefined)?.index ?? 0;
      for (const { held } of batch) holdUps.committed(held, index);
      return new Set();
    }
    const failedAt = new Set(answer.failures.map(({ operation }) => operation));
    if (failedAt.size === 0) throw new CoordinationError('a release failed without a reason', 'refused');
    const stale: HeldRun[] = [];
    const gone: HeldRun[] = [];
    const fine: { held: HeldRun; operations: readonly Operation[] }[] = [];
    let place = 0;
    for (const one of batch) {
      const failed = one.operations.filter((_, i) => failedAt.has(place + i));
      place += one.operations.length;
      if (failed.length === 0) fine.push(one);
      else if (failed.some(({ key }) => key === one.held.lockKey)) gone.push(one.held);
      else stale.push(one.held);
    }
    for (const held of gone) await this.#releaseOrphan(held);
    if (stale.length > 0) await holdUps.prepare(stale, true);
    const again = fine.length > 0 ? await this.#send(fine) : new Set<HeldRun>();
    return new Set([...again, ...stale]);
  }

  /** The lock is not this session's: released before by a transaction without an answer, an orphan, or another's. */
  async #releaseOrphan(held: HeldRun): Promise<void> {
    const entry = await this.#options.coordinator.get(held.lockKey, { consistent: true });
    if (entry === undefined || entry.session !== undefined || !isOf(entry, held)) return;
    await this.#options.coordinator.transact([{ verb: 'delete-cas', key: entry.key, index: entry.index }]);
  }
}

function isOf(entry: Entry, held: HeldRun): boolean {
  try {
    const { run, attempt } = decode<LockRecord>(entry);
    return run === held.run && attempt === held.attempt;
  } catch {
    return false;
  }
}
