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
 * How long a beat waits for its answer: twice what the last one took, within these bounds, and twice as long after none.
 * A request can hang at a leader that Consul has replaced since: who waited 5 s for it would count as cut off.
 */
const patience = { least: 1_000, most: 5_000 } as const;
/** Before it is tried again without an answer. */
const againAfter: Milliseconds = 250;

/**
 * Each second raises the worker's beat lane, with its wall clock as value: an idle worker too must notice a Consul that
 * lost its past. And reads the beats of some peers, for their clocks.
 */
export class Beat {
  readonly #options: BeatOptions;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #unanswered = false;
  #patience: Milliseconds = patience.least;
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
        const wait = this.#unanswered ? againAfter : timing.beatEvery * (0.85 + 0.3 * Math.random());
        if (!this.#stopping.signal.aborted) this.#next(wait);
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
      if (this.#unanswered && !(await this.#settle(epoch.number))) return;
      await this.#raise(epoch);
      await this.#readPeers();
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#options.logger.debug({ err: error }, 'a beat got no answer');
    }
  }

  async #raise(epoch: ClaimContext['epoch']): Promise<void> {
    const { lane, clock, onHeard, onPast, standing } = this.#options;
    const sent = monotonicNow();
    try {
      const read = { verb: 'get-or-empty', key: epochKey } as const;
      const answer = await this.#transact([read, lane.raise({ at: clock(), ...standing() })]);
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

  /** Finds out about a beat without an answer; false where the next one cannot follow it yet. */
  async #settle(epoch: number): Promise<boolean> {
    const { lane, onPast } = this.#options;
    const { outcome } = await lane.resolve({ transact: this.#transact });
    if (outcome === 'open') return false;
    this.#unanswered = false;
    if (outcome === 'past') onPast(`lane ${lane.key} is not what this worker made it`, epoch);
    return outcome !== 'past';
  }

  readonly #transact: Coordinator['transact'] = async operations => {
    const sent = monotonicNow();
    try {
      const answer = await this.#options.coordinator.transact(operations, AbortSignal.timeout(this.#patience));
      this.#patience = Math.round(Math.max(patience.least, Math.min(patience.most, 2 * (monotonicNow() - sent))));
      return answer;
    } catch (error) {
      this.#patience = Math.min(patience.most, 2 * this.#patience);
      throw error;
    }
  };

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
