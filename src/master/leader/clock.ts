import type { Coordinator, Entry, Index } from '../../coordination/coordinator.ts';
import { epochKey, prefix } from '../../coordination/keys.ts';
import { monotonicNow } from '../../coordination/monotonic.ts';
import { pause } from '../../coordination/pause.ts';
import { decode } from '../../coordination/records.ts';
import type { Service } from '../../domain/lifecycle.ts';
import { timing } from '../../domain/policy/timing.ts';
import type { Clock, Instant, Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';

export interface ClockGuardOptions {
  readonly coordinator: Pick<Coordinator, 'list' | 'get'>;
  readonly logger: Logger;
  /** This master, as it signs the epoch: its own beat says nothing about its clock. */
  readonly master?: string;
  /** Default `Date.now`. */
  readonly clock?: Clock;
  /** Between looks at the peers. Default 2 s. */
  readonly every?: Milliseconds;
}

/** A peer's clock says `at` in a value that it rewrites each second. */
interface Stamped {
  readonly v: 1;
  readonly at?: Instant;
  readonly leader?: string;
}

/** Looks kept of a peer: the more, the nearer the bounds on its offset come to one another. */
const looksKept = 8;
/**
 * Between what a peer's clock is ahead of this one, by one look. It wrote its value before it was read; and, since the value
 * had changed, after the look before was begun. So a Consul that answers late widens them, and makes no clock look wrong.
 */
interface Bounds {
  readonly least: Milliseconds;
  readonly most: Milliseconds;
}

/** Fewer looks judge nothing. */
const looksNeeded = 4;

/** What was seen of one peer. */
interface Peer {
  /** Of its value's last change. */
  readonly index: Index;
  readonly changedAt: Milliseconds;
  /** When the last look began. */
  readonly seenAt: Instant;
  /** Newest last. */
  readonly offsets: readonly Bounds[];
}

/** What one look showed of a peer: its clock's time, and ours before and after it was read. */
interface Look {
  readonly at: Instant;
  readonly index: Index;
  readonly begun: Instant;
  readonly now: Instant;
}

/** A peer whose value has not changed for so long says nothing of its clock now. */
const keepFor: Milliseconds = 30_000;

/**
 * Compares this master's clock with those of the workers (their beats) and of the leader (the epoch's beat). Further
 * than the bound from their median it must neither lead nor stamp.
 */
export class ClockGuard implements Service {
  readonly #options: ClockGuardOptions;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  /** By key. */
  #peers: ReadonlyMap<string, Peer> = new Map();
  #offset: Milliseconds | undefined;
  #ok = true;
  /** Looks that are to be made yet before the clock is trusted again after a step. */
  #doubted = 0;
  /** Wall clock less monotonic clock: it changes when the wall clock is stepped. */
  #difference: Milliseconds;

  constructor(options: ClockGuardOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    this.#difference = this.#clock() - monotonicNow();
  }

  async start(): Promise<void> {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /**
   * Whether this master may lead and stamp. With fewer than two peers it cannot tell, and may. A step is seen here, at
   * once, and doubted until some looks at the peers have judged it: whoever acts meanwhile would do so at a wrong time.
   */
  clockOk = (): boolean => {
    this.#noticeSteps();
    return this.#ok && this.#doubted === 0;
  };

  /** How far the peers' median is ahead of this clock; undefined with fewer than two peers. */
  get offset(): Milliseconds | undefined {
    return this.#offset;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.look();
      } catch (error) {
        if (!signal.aborted) this.#options.logger.debug({ err: error }, 'the clocks of the peers could not be read');
      }
      // Not in step with the beats, so that their age differs from look to look.
      await pause((this.#options.every ?? 2_000) * (0.75 + Math.random() / 2), signal);
    }
  }

  /** One look at all peers. @throws CoordinationError */
  async look(): Promise<void> {
    const { coordinator } = this.#options;
    const { signal } = this.#stopping;
    this.#noticeSteps();
    const begun = this.#clock();
    // What is read late must not be what was written before the look that came first.
    const lanes = await coordinator.list(prefix.lane, { consistent: true, signal });
    const epoch = await coordinator.get(epochKey, { consistent: true, signal });
    const now = this.#clock();
    const beats = lanes.filter(({ key }) => key.endsWith('/beat'));
    const peers = new Map<string, Peer>();
    for (const entry of epoch === undefined ? beats : [...beats, epoch]) {
      const at = this.#shownBy(entry);
      const { key, index } = entry;
      if (at !== undefined) peers.set(key, lookedAt(this.#peers.get(key), { at, index, begun, now }));
    }
    this.#peers = peers;
    this.#doubted = Math.max(0, this.#doubted - 1);
    this.#judge();
  }

  /** What another's clock says there; undefined where it says nothing, or is this master's own. */
  #shownBy(entry: Entry): Instant | undefined {
    try {
      const { at, leader } = decode<Stamped>(entry);
      return typeof at === 'number' && (leader === undefined || leader !== this.#options.master) ? at : undefined;
    } catch {
      // Whoever owns the key says so.
      return undefined;
    }
  }

  #judge(): void {
    const offsets = [...this.#peers.values()]
      .filter(peer => peer.offsets.length >= looksNeeded)
      .map(peer => offsetOf(peer.offsets))
      .sort((a, b) => a - b);
    const middle = offsets.length / 2;
    this.#offset =
      offsets.length < 2 ? undefined : ((offsets[Math.ceil(middle) - 1] ?? 0) + (offsets[Math.floor(middle)] ?? 0)) / 2;
    const ok = this.#offset === undefined || Math.abs(this.#offset) <= timing.clockBound;
    if (ok !== this.#ok) {
      const { logger } = this.#options;
      const fields = { offset: this.#offset, bound: timing.clockBound };
      if (ok) logger.info(fields, "the clock agrees with its peers' again");
      else logger.error(fields, "the clock is off from its peers': this master neither leads nor changes jobs");
    }
    this.#ok = ok;
  }

  /** After a step, or when the machine slept, what was measured before says nothing. */
  #noticeSteps(): void {
    const before = monotonicNow();
    const difference = this.#clock() - before;
    // A process that was held up between the two readings has seen no step.
    if (monotonicNow() - before > timing.clockBound / 4) return;
    const step = difference - this.#difference;
    this.#difference = difference;
    if (Math.abs(step) < timing.clockBound / 2) return;
    this.#options.logger.warn({ step }, 'the clock was set, or the machine slept');
    this.#peers = new Map();
    this.#doubted = looksNeeded;
  }
}

/** What is certain: how far the peer is ahead, or behind, at the least. */
function offsetOf(looks: readonly Bounds[]): Milliseconds {
  const least = Math.max(...looks.map(one => one.least));
  return least >= 0 ? least : Math.min(0, Math.min(...looks.map(one => one.most)));
}

/** A peer after one more look. */
function lookedAt(known: Peer | undefined, { at, index, begun, now }: Look): Peer {
  const anew = { index, changedAt: monotonicNow(), seenAt: begun };
  if (known === undefined) return { ...anew, offsets: [{ least: at - now, most: Number.POSITIVE_INFINITY }] };
  // An index that goes back is no write of the peer: Consul was restored, and shows what was written long before.
  if (index < known.index) return { ...anew, offsets: [] };
  if (index === known.index) {
    const isOld = anew.changedAt - known.changedAt > keepFor;
    return { ...known, seenAt: begun, offsets: isOld ? [] : known.offsets };
  }
  return { ...anew, offsets: [...known.offsets, { least: at - now, most: at - known.seenAt }].slice(-looksKept) };
}
