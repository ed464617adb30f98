import type { JobUid } from '../job/job.ts';
import type { RunId, WorkerId } from '../run/run.ts';
import type { Instant } from '../time.ts';

/**
 * Who claims what. Ticks and triggers hash into buckets, and for each bucket the workers are ranked by rendezvous
 * hashing: everybody who knows the same workers knows the same ranks, and a worker that comes or goes moves little.
 */

export const buckets = 1_024;

/** Ranks 0, 1 and 2 have a time of their own to look at a tick; all others share this one. */
export const lastRank = 3;

/** Mixes 32 bits so that each of them depends on all: murmur3's finalizer. */
function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** FNV-1a over UTF-16 units, mixed. */
function hashText(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return mix(h);
}

/** The bucket of a tick (by its instant) or of a trigger (by its run's id). */
export function bucketOf(uid: JobUid, what: Instant | RunId): number {
  const second = typeof what === 'number' ? mix((what | 0) ^ mix(Math.floor(what / 2 ** 32))) : hashText(what);
  return mix(hashText(uid) ^ second) % buckets;
}

/** The ranks of every bucket over one set of workers. Immutable; the order of `workers` does not matter. */
export class RankTable {
  readonly workers: readonly WorkerId[];
  readonly #places: ReadonlyMap<WorkerId, number>;
  /** For each bucket the places of its ranks 0, 1 and 2. */
  readonly #ranked: Uint16Array;

  private constructor(workers: readonly WorkerId[], ranked: Uint16Array) {
    this.workers = workers;
    this.#places = new Map(workers.map((worker, place) => [worker, place]));
    this.#ranked = ranked;
  }

  /** At most 65,535 workers. */
  static build(workers: readonly WorkerId[]): RankTable {
    const sorted = [...new Set(workers)].sort();
    const hashes = sorted.map(hashText);
    const ranked = new Uint16Array(buckets * lastRank);
    // Nobody owns more than its share: plain rendezvous hashing would spread 3 workers' shares by 4% and more.
    const most = Math.ceil(buckets / Math.max(1, sorted.length));
    const owned = new Uint16Array(sorted.length);
    for (let bucket = 0; bucket < buckets; bucket++) {
      const salt = mix(Math.imul(bucket + 1, 0x9e3779b1));
      const order = hashes
        .map((hash, place) => ({ place, score: mix(hash ^ salt) }))
        .sort((a, b) => b.score - a.score || a.place - b.place);
      const first = order.findIndex(({ place }) => (owned[place] ?? 0) < most);
      if (first > 0) order.unshift(...order.splice(first, 1));
      for (let rank = 0; rank < lastRank; rank++) {
        const place = order[rank]?.place;
        if (place === undefined) break;
        if (rank === 0) owned[place] = (owned[place] ?? 0) + 1;
        ranked[bucket * lastRank + rank] = place;
      }
    }
    return new RankTable(sorted, ranked);
  }

  /** 0 to 2, 3 for every later rank, undefined when the worker is not among the ranked. */
  rankOf(worker: WorkerId, bucket: number): number | undefined {
    const place = this.#places.get(worker);
    if (place === undefined) return undefined;
    const ranks = Math.min(lastRank, this.workers.length);
    for (let rank = 0; rank < ranks; rank++) {
      if (this.#ranked[bucket * lastRank + rank] === place) return rank;
    }
    return lastRank;
  }

  /** Who has rank 0. */
  ownerOf(bucket: number): WorkerId | undefined {
    return this.workers[this.#ranked[bucket * lastRank] ?? 0];
  }
}
