import { CoordinationError, type Entry, type Index } from '../../coordination/coordinator.ts';
import { doubtKey, epochKey } from '../../coordination/keys.ts';
import { pause } from '../../coordination/pause.ts';
import { type DoubtRecord, decode, type EpochRecord, encode } from '../../coordination/records.ts';
import type { Instant } from '../../domain/time.ts';
import type { StoredEpoch } from '../../store/store.ts';
import type { Observations } from './observations.ts';
import type { Office } from './office.ts';
import type { TickRange } from './tick-ranges.ts';
import type { LeaderTiming } from './timing.ts';

export interface EpochOptions {
  /** This master, for people. */
  readonly master: string;
  readonly observations: Observations;
  /** As the database had it before this office. */
  readonly stored: StoredEpoch | undefined;
  /** Consul lost its past: whatever it held is to be written again. Called before the wait for the next epoch. */
  onPastLost(): Promise<void>;
  /** The database could not be told of a beat. */
  onSaveError(error: unknown): void;
}

/** The epoch in Consul, with what the next check-and-set needs. */
interface Held {
  readonly record: EpochRecord;
  readonly index: Index;
  /** A worker found that Consul lost its past under this epoch. */
  readonly doubted?: boolean;
}

/**
 * Keeps `cron/epoch`: raises its beat each second by check-and-set on its own last write. When that fails, or when a
 * new leader finds less in Consul than the database knows, Consul has lost its past: after lock delay and live window
 * the next epoch begins.
 */
export class EpochKeeper {
  readonly #office: Office;
  readonly #options: EpochOptions;
  #held: Held | undefined;
  /** Values that may have been written although the answer did not come. */
  #unsure: EpochRecord[] = [];
  #saving: Promise<void> | undefined;
  #lostPast: TickRange | undefined;

  constructor(office: Office, options: EpochOptions) {
    this.#office = office;
    this.#options = options;
  }

  /** The epoch in force; undefined while there is none. */
  get epoch(): EpochRecord | undefined {
    return this.#held?.record;
  }

  /** From a minute before the last good beat to just after it: claims of that time may have been lost with Consul's past. */
  get lostPast(): TickRange | undefined {
    return this.#lostPast;
  }

  /** Runs until the office ends. @throws OfficeLostError */
  async run(): Promise<void> {
    const { signal, timing } = this.#office;
    let last = this.#options.stored;
    let lost = false;
    while (!signal.aborted) {
      const held = await this.#answered(() => (lost ? this.#begin(last) : this.#takeOver(last)));
      if (held === 'unanswered') {
        await pause(timing.beatEvery, signal);
      } else if (held !== undefined) {
        this.#inForce(held);
        last = await this.#beatOn(held);
        this.#held = undefined;
        lost = true;
      } else lost = true;
    }
    await this.#saving;
  }

  /** Tries something that needs Consul. */
  async #answered<T>(attempt: () => Promise<T>): Promise<T | 'unanswered'> {
    const sent = this.#office.clock();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof CoordinationError)) throw error;
      this.#options.observations.consulAway(sent);
      this.#office.logger.warn({ err: error }, 'Consul did not answer the keeper of the epoch');
      return 'unanswered';
    }
  }

  /** Goes on with the epoch in Consul where nothing is missing; begins the first where nothing ever was. */
  async #takeOver(stored: StoredEpoch | undefined): Promise<Held | undefined> {
    const found = await this.#read();
    if (found === undefined) {
      if (stored !== undefined) return undefined;
      // Nothing ever ran: there is no past to wait for, and no tick to keep from firing.
      return await this.#write({ v: 1, number: 1, floor: 0, beat: 1, ...this.#stamp() }, 0);
    }
    const { record, index } = found;
    const whole = stored === undefined || (record.number >= stored.number && record.beat >= stored.beat);
    if (!whole) return undefined;
    const held = await this.#write({ ...record, beat: record.beat + 1, ...this.#stamp() }, index);
    // Only this leader writes it: its own first try, which got no answer, came late.
    return held ?? (await this.#takeOver(stored));
  }

  /** Waits until nothing of the lost past can act any more, then writes the next epoch; undefined: Consul changed meanwhile. */
  async #begin(last: StoredEpoch | undefined): Promise<Held | undefined> {
    const { signal, timing, logger, clock } = this.#office;
    const detected = clock();
    const lastBeat = last?.at ?? detected;
    logger.warn({ epoch: last?.number, lastBeat }, 'Consul has lost its past: a new epoch begins after a wait');
    const found = await this.#read();
    await this.#options.onPastLost();
    await pause(detected + timing.epochWait - clock(), signal);
    signal.throwIfAborted();
    const floor = clock();
    const number = Math.max(last?.number ?? 0, found?.record.number ?? 0) + 1;
    const beat = Math.max(last?.beat ?? 0, found?.record.beat ?? 0) + 1;
    const record: EpochRecord = { v: 1, number, floor, beat, ...this.#stamp() };
    const held = await this.#write(record, found?.index ?? 0);
    if (held === undefined) return undefined;
    this.#lostPast = { from: lastBeat - timing.lostAfter, to: lastBeat + timing.beatEvery };
    this.#options.observations.pastLost(Math.min(lastBeat, detected), floor, number);
    logger.warn({ epoch: number, floor }, 'a new epoch has begun');
    return held;
  }

  /** Raises the beat each second until its check-and-set fails for good. Gives the last good one. */
  async #beatOn(first: Held): Promise<EpochRecord> {
    const { signal, timing } = this.#office;
    let held = first;
    while (!signal.aborted && !held.doubted) {
      const sent = performance.now();
      const next = await this.#beat(held);
      if (next === undefined) return held.record;
      held = next;
      this.#held = held;
      await pause(sent + timing.beatEvery - performance.now(), signal);
    }
    return held.record;
  }

  /** One beat. An answer that does not come leaves it as it was; undefined: what is there is not this leader's. */
  async #beat(held: Held): Promise<Held | undefined> {
    const beaten = await this.#answered(async (): Promise<Held | undefined> => {
      const known = this.#unsure.length === 0 ? held : await this.#recognize(held);
      if (known === undefined) return undefined;
      const record: EpochRecord = { ...known.record, beat: known.record.beat + 1, ...this.#stamp() };
      this.#unsure.push(record);
      return (await this.#write(record, known.index)) ?? (await this.#recognize(held));
    });
    if (beaten === 'unanswered') return held;
    this.#unsure = [];
    this.#options.observations.consulBack(this.#office.clock());
    return beaten;
  }

  /** What is in Consul, when it is what this leader wrote last or may have written since. */
  async #recognize(held: Held): Promise<Held | undefined> {
    const found = await this.#read();
    const own = [held.record, ...this.#unsure].map(encode);
    return found !== undefined && own.includes(encode(found.record)) ? found : undefined;
  }

  async #read(): Promise<Held | undefined> {
    const { coordinator, signal } = this.#office;
    const entry = await coordinator.get(epochKey, { consistent: true, signal });
    return entry === undefined ? undefined : { record: this.#decode(entry), index: entry.index };
  }

  /** A value that is no epoch counts as one from before everything: a new epoch begins over it. */
  #decode(entry: Entry): EpochRecord {
    try {
      return decode<EpochRecord>(entry);
    } catch (error) {
      this.#office.logger.error({ err: error }, 'the epoch in Consul is not readable');
      return { v: 1, number: 0, floor: 0, beat: 0, leader: '', at: 0 };
    }
  }

  /** Undefined when the key is not as it was at `index`. */
  async #write(record: EpochRecord, index: Index): Promise<Held | undefined> {
    const result = await this.#office.transact([
      { verb: 'cas', key: epochKey, value: encode(record), index },
      { verb: 'get-or-empty', key: doubtKey },
    ]);
    if (!result.ok) return undefined;
    this.#save(record);
    const [written, doubt] = result.entries;
    const doubted = doubt !== undefined && decode<DoubtRecord>(doubt).number >= record.number;
    return { record, index: written?.index ?? index, ...(doubted && { doubted }) };
  }

  #stamp(): { readonly leader: string; readonly at: Instant } {
    return { leader: this.#options.master, at: this.#office.clock() };
  }

  #inForce(held: Held): void {
    this.#held = held;
    this.#office.metrics.epoch.set(held.record.number);
  }

  /** Tells the database, one beat at a time and never waited for: a slow database must not hold up the next beat. */
  #save({ number, floor, beat, at }: EpochRecord): void {
    if (this.#saving !== undefined) return;
    const { store, term } = this.#office;
    this.#saving = store
      .putEpoch(term, { number, floor, beat, at })
      .catch(error => this.#options.onSaveError(error))
      .finally(() => {
        this.#saving = undefined;
      });
  }
}

/**
 * Ticks at or before it may have been claimed in a past that Consul lost; those after it, up to the floor, were not:
 * workers hold from the loss on, and the loss was found at least the whole wait before the floor.
 */
export function certaintyAfter(epoch: Pick<EpochRecord, 'floor'>, timing: Pick<LeaderTiming, 'epochWait'>): Instant {
  return epoch.floor === 0 ? 0 : epoch.floor - timing.epochWait;
}

/**
 * Nothing is closed as lost before this: after an election, and after Consul was emptied, workers register again and
 * empty their spools.
 */
export function certaintyOfLoss(office: Office, epochs: Pick<EpochKeeper, 'epoch'>): Instant {
  const { startedAt, timing } = office;
  const since = epochs.epoch === undefined ? office.clock() : Math.max(startedAt, epochs.epoch.floor);
  return since + timing.lostGrace;
}
