import type { Coordinator, Entry } from '../coordination/coordinator.ts';
import { doubtKey, epochKey } from '../coordination/keys.ts';
import { monotonicNow } from '../coordination/monotonic.ts';
import { pause } from '../coordination/pause.ts';
import { type DoubtRecord, decode, type EpochRecord, encode } from '../coordination/records.ts';
import { watchKey } from '../coordination/watch.ts';
import { backoffDelay, defaultBackoff } from '../domain/backoff.ts';
import { timing } from '../domain/policy/timing.ts';
import type { Clock, Instant, Milliseconds } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';

type Known = Pick<EpochRecord, 'number' | 'floor' | 'beat'>;

/** Between reads while there is no epoch. */
const seeking = { initial: 50, maximum: 500, factor: 2 } as const;

export interface EpochGuardOptions {
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Claiming stops, at once. */
  readonly onHeld: (why: string) => void;
  /** Puts everything in order for a new epoch; claiming goes on when it has resolved. Tried again when it throws. */
  readonly prepare: (epoch: EpochRecord) => Promise<void>;
  readonly onWorking: (epoch: EpochRecord) => void;
  /** Each beat of the leader as it arrives. */
  readonly onBeat: (epoch: EpochRecord, arrived: Instant) => void;
}

/**
 * Knows whether Consul's present is one to work in. A process that has just started, or that was cut off or stopped for
 * so long that Consul may have lost meanwhile what it never saw, waits until it has seen the leader's beat rise (only a
 * leader that knows Consul's past raises it); one that finds that Consul lost its past ("held") waits for an epoch with a larger number than any
 * that it has worked under. In both, no claim is sent.
 */
export class EpochGuard {
  readonly #options: EpochGuardOptions;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  #state: 'waiting' | 'held' | 'preparing' | 'working' = 'waiting';
  /** The newest that was seen: never goes back. */
  #highest: EpochRecord | undefined;
  /** Counts holds and preparations: an older preparation ends without effect. */
  #turn = 0;
  /** While waiting: what a read has shown that was sent since the waiting began. */
  #baseline: Known | undefined;
  /** When the newest of this worker's writes was sent of which it knows that it was carried out, on the monotonic clock. */
  #heardAt: Milliseconds = Number.NEGATIVE_INFINITY;
  /** When this worker began to work after it had waited, by the wall clock. */
  #since: Instant = Number.NEGATIVE_INFINITY;
  /** It has waited and not worked since. */
  #unseen = true;
  /** When the leader's newest beat arrived. */
  #beatAt: Instant = Number.NEGATIVE_INFINITY;
  #watching: Promise<void> | undefined;
  /** One after the other: none may undo what a later one did. */
  #preparing: Promise<void> = Promise.resolve();
  #seeking: Promise<void> = Promise.resolve();

  constructor(options: EpochGuardOptions) {
    this.#options = options;
    this.#log = options.logger;
  }

  /** Under which claims may be made now. */
  get working(): Known | undefined {
    if (this.#state === 'working' && monotonicNow() - this.#heardAt > timing.silence) this.#doze();
    return this.#state === 'working' ? this.#highest : undefined;
  }

  /**
   * Since when this worker has seen Consul without a break. What was committed before and was lost again by a restore,
   * others may know of; this worker does not.
   */
  get since(): Instant {
    return this.#since;
  }

  /** Whether the leader went on with its beats for so long since then that nobody has found a lost past. */
  get settled(): boolean {
    return this.#beatAt - this.#since >= timing.doubtWithin;
  }

  get held(): boolean {
    return this.#state === 'held';
  }

  /** The highest number seen. */
  get number(): number | undefined {
    return this.#highest?.number;
  }

  /** Why nothing is claimed; undefined while it is. */
  get reason(): string | undefined {
    if (this.#state === 'working') return undefined;
    if (this.#state === 'held') return 'held: Consul lost its past, and no new epoch has begun';
    if (this.#state === 'preparing') return 'preparing for the epoch: jobs and locks are being read';
    return this.#highest ? "the leader's beat has not been seen to rise yet" : 'there is no epoch yet: no master leads';
  }

  start(): void {
    this.#seeking = this.#seekBaseline();
    const { coordinator } = this.#options;
    this.#watching = watchKey(coordinator, epochKey, {
      signal: this.#stopping.signal,
      onChange: async (entry, meta) => {
        if (!this.#isOlder(entry) && !(meta.reset && this.#state === 'working')) this.#observe(entry);
        else await this.#confirm();
      },
      onError: (error, attempt) => this.#log.warn({ err: error, attempt }, 'the epoch cannot be read'),
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#turn++;
    await this.#watching;
    await this.#preparing;
    await this.#seeking;
  }

  /** A lane of this worker was raised by something that was sent then. */
  heard(sent: Milliseconds): void {
    this.#heardAt = Math.max(this.#heardAt, sent);
  }

  /** Evidence that Consul lost its past, found by something that was sent under the epoch `under`. */
  hold(why: string, under: number): void {
    if (this.#state === 'held' || this.#state === 'waiting') return;
    // A new epoch has begun since: that past is dealt with.
    if (under < (this.#highest?.number ?? 0)) return;
    this.#state = 'held';
    this.#turn++;
    this.#log.error(
      { why, epoch: this.#highest?.number },
      'Consul lost its past: nothing is claimed until a new epoch begins',
    );
    this.#options.onHeld(why);
    this.#preparing = this.#preparing.then(() => this.#doubt(this.#highest?.number ?? under));
  }

  /** Tells the leader, which may have noticed nothing, until a new epoch begins. */
  async #doubt(number: number): Promise<void> {
    const { coordinator, logger } = this.#options;
    const doubt: DoubtRecord = { v: 1, number };
    while (this.#state === 'held' && !this.#stopping.signal.aborted) {
      await coordinator.transact([{ verb: 'set', key: doubtKey, value: encode(doubt) }]).catch(error => {
        logger.warn({ err: error }, 'the leader cannot be told that Consul lost its past');
      });
      await pause(timing.beatEvery, this.#stopping.signal);
    }
  }

  /** Whether a transaction's answer shows the epoch that it was sent under, or a later state of it. */
  accepts(entry: Entry | undefined, sentUnder: Known): boolean {
    const shown = entry && decode<EpochRecord>(entry);
    if (shown !== undefined && shown.number > sentUnder.number) {
      this.#observe(entry);
      return false;
    }
    // Compared with what was known at its sending: the watch may have shown later beats since.
    if (shown === undefined || shown.number < sentUnder.number || shown.beat < sentUnder.beat) {
      const what = shown ? `beat ${shown.beat} of epoch ${shown.number}` : 'no epoch';
      this.hold(`a transaction showed ${what}`, sentUnder.number);
      return false;
    }
    // A watch may hang for seconds: the later the beat that is known, the younger a past that can come back unnoticed.
    this.#observe(entry);
    return true;
  }

  /**
   * Not heard for so long: Consul may have lost, and others done, what this worker never saw, and its lanes would not
   * show it. It is as one that has just started.
   */
  #doze(): void {
    this.#state = 'waiting';
    this.#turn++;
    this.#baseline = undefined;
    this.#log.warn(
      { epoch: this.#highest?.number },
      "cut off from Consul: nothing is claimed until the leader's next beat",
    );
    this.#options.onHeld('cut off from Consul');
    this.#seeking = this.#seeking.then(() => this.#seekBaseline());
  }

  async #seekBaseline(): Promise<void> {
    const { coordinator } = this.#options;
    const { signal } = this.#stopping;
    const turn = this.#turn;
    for (let attempt = 0; turn === this.#turn && !signal.aborted; attempt++) {
      try {
        const entry = await coordinator.get(epochKey, { consistent: true, signal });
        if (turn !== this.#turn) return;
        if (entry !== undefined) {
          this.#baseline = decode<EpochRecord>(entry);
          return;
        }
      } catch (error) {
        if (!signal.aborted) this.#log.debug({ err: error, attempt }, 'the epoch cannot be read');
      }
      await pause(backoffDelay(seeking, attempt, Math.random()), signal);
    }
  }

  #isOlder(entry: Entry | undefined): boolean {
    if (this.#highest === undefined) return false;
    if (entry === undefined) return true;
    const { number, beat } = decode<EpochRecord>(entry);
    return number < this.#highest.number || (number === this.#highest.number && beat < this.#highest.beat);
  }

  /** A watch may show an old state for other reasons than a lost past; a consistent read does not. */
  async #confirm(): Promise<void> {
    const known = this.#highest;
    const entry = await this.#options.coordinator.get(epochKey, { consistent: true, signal: this.#stopping.signal });
    const shown = entry && decode<EpochRecord>(entry);
    if (known !== undefined && (shown === undefined || shown.number < known.number || shown.beat < known.beat)) {
      this.hold(
        shown ? `the epoch is back at beat ${shown.beat} of ${shown.number}` : 'the epoch is gone',
        known.number,
      );
    } else if (shown !== undefined) this.#observe(entry);
  }

  #observe(entry: Entry | undefined): void {
    if (entry === undefined) return;
    const shown = decode<EpochRecord>(entry);
    const known = this.#highest;
    const newer = known === undefined || shown.number > known.number;
    const risen = known !== undefined && (newer || shown.beat > known.beat);
    if (!newer && !risen) return;
    this.#highest = shown;
    if (risen) {
      this.#beatAt = this.#options.clock();
      this.#options.onBeat(shown, this.#beatAt);
    }
    if (this.#state === 'waiting' ? this.#isAfterBaseline(shown) : newer) this.#enter(shown);
  }

  #isAfterBaseline(shown: EpochRecord): boolean {
    const baseline = this.#baseline;
    return baseline !== undefined && (shown.number > baseline.number || shown.beat > baseline.beat);
  }

  #enter(epoch: EpochRecord): void {
    if (this.#state === 'working' || this.#state === 'preparing') this.#options.onHeld('a new epoch begins');
    if (this.#state === 'waiting') this.#unseen = true;
    this.#state = 'preparing';
    this.#turn++;
    this.#log.info({ epoch: epoch.number }, 'preparing to work under this epoch');
    const turn = this.#turn;
    this.#preparing = this.#preparing.then(() => this.#prepare(epoch, turn));
  }

  async #prepare(epoch: EpochRecord, turn: number): Promise<void> {
    for (let attempt = 0; turn === this.#turn; attempt++) {
      try {
        await this.#options.prepare(epoch);
        if (turn !== this.#turn) return;
        if (this.#unseen) this.#since = this.#options.clock();
        this.#unseen = false;
        this.#state = 'working';
        this.#log.info({ epoch: epoch.number }, 'working');
        this.#options.onWorking(this.#highest ?? epoch);
        return;
      } catch (error) {
        if (turn !== this.#turn) return;
        this.#log.warn({ err: error, attempt }, 'the preparation for the epoch failed; trying again');
        await pause(backoffDelay(defaultBackoff, attempt, Math.random()), this.#stopping.signal);
      }
    }
  }
}
