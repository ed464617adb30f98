import { CoordinationError, type Coordinator, type Entry } from '../coordination/coordinator.ts';
import { epochKey, lanePath } from '../coordination/keys.ts';
import { monotonicNow } from '../coordination/monotonic.ts';
import { decode, type LaneRecord } from '../coordination/records.ts';
import { timing } from '../domain/policy/timing.ts';
import type { WorkerId } from '../domain/run/run.ts';
import type { Clock, Instant, Milliseconds } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';
import type { Lane } from './claims/lane.ts';
import type { ClaimContext } from './claims/proposal.ts';
import { readKeys } from './claims/reader.ts';

export interface BeatOptions {
  readonly coordinator: Coordinator;
  /** Raised by nothing else. */
  readonly lane: Lane;
  readonly clock: Clock;
  /** The epoch to beat under; undefined while it may not, since Consul is known to have lost its past. */
  readonly epoch: () => ClaimContext['epoch'] | undefined;
  /** The lane was raised by something that was sent then (monotonic), under that epoch; it showed this one. */
  readonly onHeard: (shown: Entry | undefined, under: ClaimContext['epoch'], sent: Milliseconds) => void;
  readonly onPast: (why: string, under: number) => void;
  /** What the masters are told of this worker with each beat. */
  readonly standing: () => Pick<LaneRecord, 'running' | 'cordoned'>;
  /** The others, whose clocks are looked at. */
  readonly peers: () => readonly WorkerId[];
  /** `source` showed this time when the own clock showed `ours`. */
  readonly onClock: (source: string, shown: Instant, ours: Instant) => void;
  readonly logger: Logger;
}

/** Enough for a median. */
const mostPeers = 15;

/**
 * Each second raises the worker's beat lane, with its wall clock as value: an idle worker too must notice a Consul that
 * lost its past. And reads the beats of some peers, for their clocks.
 */
export class Beat {
  readonly #options: BeatOptions;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #unanswered = false;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: BeatOptions) {
    this.#options = options;
  }

  start(): void {
    this.#next(0);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#turn;
  }

  #next(wait: Milliseconds): void {
    this.#timer = setTimeout(() => {
      this.#turn = this.#beat().finally(() => {
        // Not in step with the peers: a reading is the better the shorter after their beat it comes.
        if (!this.#stopping.signal.aborted) this.#next(timing.beatEvery * (0.85 + 0.3 * Math.random()));
      });
    }, wait);
  }

  /** Resolves when no beat is under way. */
  idle(): Promise<void> {
    return this.#turn;
  }

  async #beat(): Promise<void> {
    const epoch = this.#options.epoch();
    if (epoch === undefined) {
      this.#unanswered = false;
      return;
    }
    try {
      await (this.#unanswered ? this.#settle(epoch.number) : this.#raise(epoch));
      await this.#readPeers();
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#options.logger.debug({ err: error }, 'a beat got no answer');
    }
  }

  async #raise(epoch: ClaimContext['epoch']): Promise<void> {
    const { coordinator, lane, clock, onHeard, onPast, standing } = this.#options;
    const sent = monotonicNow();
    try {
      const read = { verb: 'get-or-empty', key: epochKey } as const;
      const answer = await coordinator.transact([read, lane.raise({ at: clock(), ...standing() })]);
      if (answer.ok) {
        const [shown, raised] = answer.entries;
        lane.raised(raised?.index ?? 0);
        onHeard(shown, epoch, sent);
      } else {
        lane.refused();
        onPast(answer.failures[0]?.message ?? 'the beat was refused', epoch.number);
      }
    } catch (error) {
      if (error instanceof CoordinationError && error.effect === 'refused') lane.refused();
      else this.#unanswered = true;
      throw error;
    }
  }

  async #settle(epoch: number): Promise<void> {
    const { coordinator, lane, onPast } = this.#options;
    const { outcome } = await lane.resolve(coordinator);
    if (outcome === 'open') return;
    this.#unanswered = false;
    if (outcome === 'past') onPast(`lane ${lane.key} is not what this worker made it`, epoch);
  }

  async #readPeers(): Promise<void> {
    const { coordinator, clock, peers, onClock } = this.#options;
    const others = peers();
    const first = Math.floor(Math.random() * others.length);
    const some = [...others.slice(first), ...others.slice(0, first)].slice(0, mostPeers);
    if (some.length === 0) return;
    const sent = clock();
    const keys = some.map(id => lanePath(id, 'beat'));
    const entries = await readKeys(coordinator, keys, this.#stopping.signal);
    const ours = (sent + clock()) / 2;
    entries.forEach((entry, i) => {
      const { at } = entry === undefined ? {} : decode<LaneRecord>(entry);
      if (at !== undefined) onClock(`worker ${some[i]}`, at, ours);
    });
  }
}
