/** Places for runs: those claimed, asked for and going, up to the worker's capacity. */
export class Room {
  #capacity: number;
  readonly #onFree: () => void;
  #used = 0;
  #announcing = false;

  /** `onFree` is called, once for any number of places, after some were given back. */
  constructor(capacity: number, onFree: () => void) {
    this.#capacity = capacity;
    this.#onFree = onFree;
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** What goes on beyond a smaller capacity goes on to its end. */
  set capacity(capacity: number) {
    const more = capacity > this.#capacity;
    this.#capacity = capacity;
    if (more) this.#announce();
  }

  get used(): number {
    return this.#used;
  }

  get free(): number {
    return Math.max(0, this.#capacity - this.#used);
  }

  take(): boolean {
    if (this.#used >= this.#capacity) return false;
    this.#used++;
    return true;
  }

  give(): void {
    this.#used--;
    this.#announce();
  }

  #announce(): void {
    if (this.#announcing) return;
    this.#announcing = true;
    setImmediate(() => {
      this.#announcing = false;
      this.#onFree();
    });
  }
}
