import type { Instant } from '../../domain/time.ts';

/** A binary heap of things by the instant at which they are due. An item is in it at most once. */
export class DueHeap<T> {
  readonly #items: { item: T; at: Instant }[] = [];
  readonly #places = new Map<T, number>();

  get size(): number {
    return this.#items.length;
  }

  /** When the first is due. */
  get nextAt(): Instant | undefined {
    return this.#items[0]?.at;
  }

  /** Adds an item, or moves it to another instant. */
  set(item: T, at: Instant): void {
    const place = this.#places.get(item) ?? this.#items.length;
    this.#items[place] = { item, at };
    this.#places.set(item, place);
    this.#up(place);
    this.#down(this.#places.get(item) ?? 0);
  }

  delete(item: T): void {
    const place = this.#places.get(item);
    if (place === undefined) return;
    this.#places.delete(item);
    const last = this.#items.pop();
    if (last === undefined || last.item === item) return;
    this.#put(last, place);
    this.#up(place);
    this.#down(this.#places.get(last.item) ?? 0);
  }

  /** Takes out the first item when it is due by `now`. */
  take(now: Instant): T | undefined {
    const first = this.#items[0];
    if (first === undefined || first.at > now) return undefined;
    this.delete(first.item);
    return first.item;
  }

  #up(from: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      if (!this.#before(place, parent)) return;
      this.#swap(place, parent);
      place = parent;
    }
  }

  #down(from: number): void {
    let place = from;
    for (;;) {
      const left = 2 * place + 1;
      const right = left + 1;
      let least = place;
      if (left < this.#items.length && this.#before(left, least)) least = left;
      if (right < this.#items.length && this.#before(right, least)) least = right;
      if (least === place) return;
      this.#swap(place, least);
      place = least;
    }
  }

  #before(a: number, b: number): boolean {
    return (this.#items[a]?.at ?? 0) < (this.#items[b]?.at ?? 0);
  }

  #swap(a: number, b: number): void {
    const [one, other] = [this.#items[a], this.#items[b]];
    if (one === undefined || other === undefined) return;
    this.#put(one, b);
    this.#put(other, a);
  }

  #put(entry: { item: T; at: Instant }, place: number): void {
    this.#items[place] = entry;
    this.#places.set(entry.item, place);
  }
}
