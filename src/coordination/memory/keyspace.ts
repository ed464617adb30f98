import type { Entry, Index, SessionId } from '../coordinator.ts';

/** An entry without its key. */
export interface Stored {
  readonly value: string;
  readonly index: Index;
  readonly lockIndex: number;
  readonly session?: SessionId;
}

/** Tombstones kept, so that a deleted key's index is exact; older ones fold into one low-water mark. */
const maxTombstones = 10_000;

export function toEntry(key: string, stored: Stored): Entry {
  return { key, ...stored };
}

/** Keys in order, with the index of each, of what was deleted, and of every prefix. */
export class KeySpace {
  readonly #entries = new Map<string, Stored>();
  /** All keys in order; a splice of 100,000 pointers costs microseconds. */
  #sorted: string[] = [];
  #tombstones = new Map<string, Index>();
  /** Index of the newest deletion whose tombstone was dropped. */
  #forgotten: Index = 1;

  get(key: string): Stored | undefined {
    return this.#entries.get(key);
  }

  /** Fills an empty space at once. */
  load(entries: Iterable<readonly [string, Stored]>): void {
    for (const [key, stored] of entries) this.#entries.set(key, stored);
    this.#sorted = [...this.#entries.keys()].sort(compare);
  }

  entries(): Iterable<readonly [string, Stored]> {
    return this.#entries;
  }

  put(key: string, stored: Stored): void {
    if (!this.#entries.has(key)) this.#sorted.splice(this.#position(key), 0, key);
    this.#entries.set(key, stored);
    this.#tombstones.delete(key);
  }

  delete(key: string, index: Index): void {
    if (!this.#entries.delete(key)) return;
    this.#sorted.splice(this.#position(key), 1);
    this.#tombstones.set(key, index);
    if (this.#tombstones.size > maxTombstones) this.#dropTombstones();
  }

  /** Keys below a prefix, in order. */
  below(prefix: string): string[] {
    const found: string[] = [];
    for (let i = this.#position(prefix); i < this.#sorted.length; i++) {
      const key = this.#sorted[i];
      if (key === undefined || !key.startsWith(prefix)) break;
      found.push(key);
    }
    return found;
  }

  /** Index of the last change of a key: its write, its deletion, or the oldest that is known. */
  indexOf(key: string): Index {
    return this.#entries.get(key)?.index ?? this.#tombstones.get(key) ?? this.#forgotten;
  }

  /** Index of the last change below a prefix. */
  indexBelow(prefix: string): Index {
    let index = this.#forgotten;
    for (const key of this.below(prefix)) index = Math.max(index, this.#entries.get(key)?.index ?? 0);
    for (const [key, deleted] of this.#tombstones) if (key.startsWith(prefix)) index = Math.max(index, deleted);
    return index;
  }

  #dropTombstones(): void {
    const byAge = [...this.#tombstones].sort((a, b) => a[1] - b[1]);
    const dropped = byAge.splice(0, maxTombstones / 2);
    for (const [, index] of dropped) this.#forgotten = Math.max(this.#forgotten, index);
    this.#tombstones = new Map(byAge);
  }

  /** Where a key is, or would be. */
  #position(key: string): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.#sorted[middle] ?? '', key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
