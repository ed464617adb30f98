/** Places for runs: those claimed, asked for and going, up to the worker's capacity. */
export class Room {
  readonly capacity: number;
  readonly #onFree: () => void;
  #used = 0;
  #announcing = false;

  /** `onFree` is called, once for any number of places, after some were given back. */
  constructor(capacity: number, onFree: () => void) {
    this.capacity = capacity;
    this.#onFree = onFree;
  }

  get used(): number {
    return this.#used;
  }

  get free(): number {
    return this.capacity - this.#used;
  }

  take(): boolean {
    if (this.#used >= this.capacity) return false;
    this.#used++;
    return true;
  }

  give(): void {
    this.#used--;
    if (this.#announcing) return;
    this.#announcing = true;
    setImmediate(() => {
      this.#announcing = false;
      this.#onFree();
    });
  }
}
