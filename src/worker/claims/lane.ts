import type { Coordinator, Entry, Index, Operation } from '../../coordination/coordinator.ts';
import { epochKey } from '../../coordination/keys.ts';
import { decode, encode, type LaneRecord } from '../../coordination/records.ts';

/** What is found out about a raise whose answer never came. */
export type Resolution =
  | { readonly outcome: 'committed'; readonly index: Index; readonly epoch: Entry | undefined }
  /** And never will be: the lane has been raised past it. */
  | { readonly outcome: 'dead' }
  /** The lane is not what this worker made it: Consul lost its past. */
  | { readonly outcome: 'past' }
  /** Not known yet: ask again. */
  | { readonly outcome: 'open' };

/**
 * A counter that only this worker writes, always by check-and-set: each of its claim transactions raises it, so that a
 * Consul that lost its past refuses them. It also settles a transaction without an answer: all of it was carried out if
 * the lane shows its count, and once the lane was raised past it, it never will be.
 */
export class Lane {
  readonly key: string;
  #index: Index = 0;
  #count = 0;
  /** Written by a raise that may yet be carried out. */
  #pending: number[] = [];

  constructor(key: string) {
    this.key = key;
  }

  /** The operation that raises it. One raise at a time. */
  raise(extra: Partial<Omit<LaneRecord, 'v' | 'count'>> = {}): Operation {
    this.#count++;
    this.#pending.push(this.#count);
    return {
      verb: 'cas',
      key: this.key,
      value: encode<LaneRecord>({ v: 1, count: this.#count, ...extra }),
      index: this.#index,
    };
  }

  /** The raise was carried out, at this index. */
  raised(index: Index): void {
    this.#index = index;
    this.#pending = [];
  }

  /** The raise was refused for sure. */
  refused(): void {
    this.#pending = [];
  }

  /** Takes over what is stored: at the beginning, and after Consul lost its past. */
  adopt(entry: Entry | undefined): void {
    this.#index = entry?.index ?? 0;
    if (entry !== undefined) this.#count = Math.max(this.#count, decode<LaneRecord>(entry).count);
    this.#pending = [];
  }

  /** Finds out about a raise without an answer. @throws CoordinationError: ask again */
  async resolve(coordinator: Pick<Coordinator, 'transact'>): Promise<Resolution> {
    const [asked] = this.#pending;
    const read = await coordinator.transact([
      { verb: 'get-or-empty', key: epochKey },
      { verb: 'get-or-empty', key: this.key },
    ]);
    const [epoch, entry] = read.ok ? read.entries : [];
    if ((entry?.index ?? 0) === this.#index) {
      // It may still be on its way. Whoever comes second fails, so raise the lane, then it is too late for it.
      const raise = await coordinator.transact([this.raise()]);
      if (!raise.ok) return { outcome: 'open' };
      this.raised(raise.entries[0]?.index ?? 0);
      return { outcome: 'dead' };
    }
    if (entry === undefined || entry.index < this.#index) return { outcome: 'past' };
    const { count } = decode<LaneRecord>(entry);
    if (!this.#pending.includes(count)) return { outcome: 'past' };
    this.raised(entry.index);
    return count === asked ? { outcome: 'committed', index: entry.index, epoch } : { outcome: 'dead' };
  }
}
