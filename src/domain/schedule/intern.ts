/** Far more than the fields that people write; hashes add at most one for each number. */
const most = 20_000;

/**
 * Keeps equal immutable things once: a million schedules share a few thousand field sets. It is a cache only: when it
 * is full it starts anew, and what was shared stays shared among those that have it.
 */
export class Interned<T> {
  private readonly kept = new Map<string, T>();
  private readonly limit: number;

  constructor(limit = most) {
    this.limit = limit;
  }

  get(key: string, make: () => T): T {
    const known = this.kept.get(key);
    if (known !== undefined) return known;
    const made = make();
    if (this.kept.size >= this.limit) this.kept.clear();
    this.kept.set(key, made);
    return made;
  }
}
