import type { Instant } from '../../domain/time.ts';

/** A binary heap of things by their time: the earliest first. */
export class Heap<T extends { readonly at: Instant }> {
  #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    const items = this.#items;
    let place = items.length;
    items.push(item);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = items[parent];
      if (above === undefined || above.at <= item.at) break;
      items[place] = above;
      place = parent;
    }
    items[place] = item;
  }

  pop(): T | undefined {
    const first = this.#items[0];
    const last = this.#items.pop();
    if (last !== undefined && this.#items.length > 0) this.#sink(last, 0);
    return first;
  }

  /** Takes off the earliest if its time has come. */
  popDue(now: Instant): T | undefined {
    const first = this.#items[0];
    return first !== undefined && first.at <= now ? this.pop() : undefined;
  }

  /** Keeps only some, in linear time. */
  retain(keep: (item: T) => boolean): void {
    this.#items = this.#items.filter(keep);
    for (let place = (this.#items.length >> 1) - 1; place >= 0; place--) {
      const item = this.#items[place];
      if (item !== undefined) this.#sink(item, place);
    }
  }

  clear(): void {
    this.#items = [];
  }

  #sink(item: T, start: number): void {
    const items = this.#items;
    let place = start;
    for (;;) {
      let child = 2 * place + 1;
      let below = items[child];
      if (below === undefined) break;
      const right = items[child + 1];
      if (right !== undefined && right.at < below.at) {
        child++;
        below = right;
      }
      if (below.at >= item.at) break;
      items[place] = below;
      place = child;
    }
    items[place] = item;
  }
}
