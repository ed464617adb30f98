import {
  CoordinationError,
  type Coordinator,
  type Entry,
  maxOperations,
  type Operation,
  type TransactionResult,
} from '../../coordination/coordinator.ts';
import { epochKey } from '../../coordination/keys.ts';
import { pause } from '../../coordination/pause.ts';
import { backoffDelay } from '../../domain/backoff.ts';
import { timing } from '../../domain/policy/timing.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Lane } from './lane.ts';
import type { ClaimContext, Loss, Proposal } from './proposal.ts';

export interface ClaimerOptions {
  readonly coordinator: Coordinator;
  /** One transaction at a time in each. */
  readonly lanes: readonly Lane[];
  /** Under what claims are made now; undefined while nothing may be claimed. */
  readonly context: () => ClaimContext | undefined;
  /** Whether the epoch that an answer showed is the one that the claim was sent under, and no earlier state of it. */
  readonly accepts: (epoch: Entry | undefined, sentUnder: ClaimContext['epoch']) => boolean;
  /** Consul answered as only one can that lost its past. */
  readonly onPast: (why: string, under: number) => void;
  /** No claim waits any more. */
  readonly onQuiet: () => void;
  /** Ends every wait: what has no answer by then never gets one. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** The epoch and the lane. */
const overhead = 2;
/** Between questions about a transaction without an answer, and after one that was refused. */
const retry = { initial: 50, maximum: 1_000, factor: 2 } as const;

interface Sent {
  readonly proposal: Proposal;
  readonly operations: readonly Operation[];
}

/**
 * Sends proposals in batched transactions: up to 42 claims each, as many under way as there are lanes. What fails is
 * taken out and the others are sent again; what got no answer is found out before anything is done.
 */
export class Claimer {
  readonly #options: ClaimerOptions;
  readonly #log: Logger;
  #queue: Proposal[] = [];
  #head = 0;
  readonly #free: Lane[];
  #window: NodeJS.Timeout | undefined;
  readonly #idlers: (() => void)[] = [];

  constructor(options: ClaimerOptions) {
    this.#options = options;
    this.#free = [...options.lanes];
    this.#log = options.logger;
  }

  /** Proposals that have not been sent. */
  get waiting(): number {
    return this.#queue.length - this.#head;
  }

  /** Whether nothing waits and nothing is under way. */
  get isIdle(): boolean {
    return this.waiting === 0 && this.#free.length === this.#options.lanes.length;
  }

  submit(proposal: Proposal): void {
    this.#queue.push(proposal);
    // A full transaction need not wait for more.
    if (this.waiting * 3 >= maxOperations - overhead) this.#pump();
    else this.#window ??= setTimeout(() => this.#pump(), timing.batchWindow);
  }

  /** Resolves when nothing waits and nothing is under way. */
  idle(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    return new Promise(resolve => this.#idlers.push(resolve));
  }

  #pump(): void {
    clearTimeout(this.#window);
    this.#window = undefined;
    while (this.waiting > 0) {
      const context = this.#options.context();
      if (context === undefined) {
        this.#turnAway();
        break;
      }
      const lane = this.#free.pop();
      if (lane === undefined) return;
      const batch = this.#take(context);
      if (batch.length === 0) {
        this.#free.push(lane);
        continue;
      }
      this.#run(lane, context, batch);
    }
    this.#quiet();
  }

  #run(lane: Lane, context: ClaimContext, batch: readonly Sent[]): void {
    this.#send(lane, context, batch)
      .catch(error => this.#log.error({ err: error }, 'a claim transaction broke off'))
      .finally(() => {
        this.#free.push(lane);
        this.#pump();
      });
  }

  /** As many waiting proposals as fit into one transaction; those that withdraw are dropped on the way. */
  #take(context: ClaimContext): Sent[] {
    const batch: Sent[] = [];
    let room = maxOperations - overhead;
    while (this.#head < this.#queue.length) {
      const proposal = this.#queue[this.#head];
      if (proposal === undefined) break;
      const operations = proposal.build(context);
      if (operations !== undefined && operations.length > room) break;
      this.#head++;
      if (operations === undefined) proposal.lost({ why: 'withdrawn' });
      else {
        room -= operations.length;
        batch.push({ proposal, operations });
      }
    }
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    }
    return batch;
  }

  #turnAway(): void {
    const proposals = this.#queue.slice(this.#head);
    this.#queue = [];
    this.#head = 0;
    for (const proposal of proposals) proposal.lost({ why: 'paused' });
  }

  #quiet(): void {
    if (this.waiting > 0) return;
    this.#options.onQuiet();
    if (this.isIdle) for (const resolve of this.#idlers.splice(0)) resolve();
  }

  async #send(lane: Lane, context: ClaimContext, batch: readonly Sent[]): Promise<void> {
    const { coordinator } = this.#options;
    const raise = lane.raise();
    const own = batch.flatMap(({ operations }) => operations);
    let answer: TransactionResult;
    try {
      answer = await coordinator.transact([{ verb: 'get', key: epochKey }, raise, ...own]);
    } catch (error) {
      if (error instanceof CoordinationError && error.effect === 'refused') {
        lane.refused();
        this.#lose(batch, { why: 'unanswered' });
        await pause(backoffDelay(retry, 2, Math.random()), this.#options.signal);
        return;
      }
      this.#log.warn({ err: error, claims: batch.length }, 'no answer to a claim transaction; its outcome is read');
      await this.#findOut(lane, context, batch);
      return;
    }
    if (!answer.ok) {
      lane.refused();
      await this.#sort(lane, context, batch, answer.failures);
      return;
    }
    const [epoch, raised, ...entries] = answer.entries;
    lane.raised(raised?.index ?? 0);
    this.#settle(context, batch, epoch, raised?.index ?? 0, entries);
  }

  /** A transaction that failed changed nothing: what failed of it is dropped, the rest is sent again. */
  async #sort(
    lane: Lane,
    sentUnder: ClaimContext,
    batch: readonly Sent[],
    failures: readonly { readonly operation: number; readonly message: string }[],
  ) {
    const [fatal] = failures.filter(({ operation }) => operation < overhead);
    if (fatal !== undefined) {
      this.#options.onPast(fatal.message, sentUnder.epoch.number);
      this.#lose(batch, { why: 'paused' });
      return;
    }
    const failed = new Set(failures.map(({ operation }) => operation - overhead));
    const context = this.#options.context();
    const again: Sent[] = [];
    let place = 0;
    for (const { proposal, operations } of batch) {
      const broken = operations.filter((_, i) => failed.has(place + i));
      place += operations.length;
      if (broken.length > 0) proposal.lost({ why: 'failed', operations: broken });
      else if (context === undefined || failed.size === 0) proposal.lost({ why: 'paused' });
      else {
        const anew = proposal.build(context);
        if (anew === undefined) proposal.lost({ why: 'withdrawn' });
        else again.push({ proposal, operations: anew });
      }
    }
    if (context !== undefined && again.length > 0) await this.#send(lane, context, again);
  }

  async #findOut(lane: Lane, context: ClaimContext, batch: readonly Sent[]): Promise<void> {
    const { signal } = this.#options;
    for (let attempt = 0; !signal.aborted; attempt++) {
      await pause(backoffDelay(retry, attempt, Math.random()), signal);
      try {
        const found = await lane.resolve(this.#options.coordinator);
        if (found.outcome === 'open') continue;
        if (found.outcome === 'committed') this.#settle(context, batch, found.epoch, found.index, undefined);
        else if (found.outcome === 'dead') this.#lose(batch, { why: 'unanswered' });
        else {
          this.#options.onPast(`lane ${lane.key} is not what this worker made it`, context.epoch.number);
          this.#lose(batch, { why: 'paused' });
        }
        return;
      } catch (error) {
        this.#log.debug({ err: error, attempt }, 'the outcome of a claim transaction is not known yet');
      }
    }
    this.#lose(batch, { why: 'paused' });
  }

  #settle(
    context: ClaimContext,
    batch: readonly Sent[],
    epoch: Entry | undefined,
    index: number,
    entries: readonly (Entry | undefined)[] | undefined,
  ): void {
    // Carried out, but in a Consul that is not the one it was meant for: nothing is started.
    if (!this.#options.accepts(epoch, context.epoch)) {
      this.#lose(batch, { why: 'paused' });
      return;
    }
    let place = 0;
    for (const { proposal, operations } of batch) {
      const own = entries?.slice(place, place + operations.length);
      place += operations.length;
      proposal.won({ epoch: context.epoch.number, session: context.session, index, entries: own });
    }
  }

  #lose(batch: readonly Sent[], loss: Loss): void {
    for (const { proposal } of batch) proposal.lost(loss);
  }
}
