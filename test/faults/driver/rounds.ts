/** Does something again and again, one after another, until it is stopped; what fails once is tried at its next turn. */
export class Rounds {
  readonly #every: number;
  readonly #act: () => Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #going: Promise<void> = Promise.resolve();
  #stopped = false;

  /** @param every milliseconds from one beginning to the next, or longer when it takes longer */
  constructor(every: number, act: () => Promise<void>) {
    this.#every = every;
    this.#act = act;
  }

  start(): void {
    this.#next(Date.now());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#going;
  }

  #next(due: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(
      () => {
        this.#going = this.#act()
          .catch(() => {})
          .finally(() => this.#next(Math.max(due + this.#every, Date.now())));
      },
      Math.max(0, due - Date.now()),
    );
  }
}
