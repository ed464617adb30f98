import { CoordinationError, type Index } from '../coordinator.ts';

export interface SavedKey {
  readonly key: string;
  readonly value: string;
  readonly index: Index;
}

export interface KeyChange {
  readonly key: string;
  /** Absent: the key is deleted. */
  readonly value?: string;
  readonly index: Index;
}

/** Where keys outlive the process: the embedded store. `save` commits all changes or none. */
export interface Persistence {
  load(): Promise<readonly SavedKey[]>;
  save(changes: readonly KeyChange[]): Promise<void>;
}

/** Holds the highest index ever given: it must not go back when the newest change was a delete. */
const indexKey = 'memory/index';

/** Group commit: one save is under way, the next one collects what comes meanwhile. */
export class Saver {
  readonly #persistence: Persistence;
  #pending = new Map<string, KeyChange>();
  #waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  #running: Promise<void> | undefined;

  constructor(persistence: Persistence) {
    this.#persistence = persistence;
  }

  async load(): Promise<{ keys: SavedKey[]; index: Index }> {
    const all = await this.#persistence.load();
    let index = 1;
    for (const saved of all) index = Math.max(index, saved.index);
    return { keys: all.filter(saved => saved.key !== indexKey), index };
  }

  /** Resolves when these changes, and all before them, are saved. @throws CoordinationError unknown */
  save(changes: readonly KeyChange[]): Promise<void> {
    for (const change of changes) {
      this.#pending.set(change.key, change);
      this.#pending.set(indexKey, { key: indexKey, value: String(change.index), index: change.index });
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // Lets all transactions of this turn of the event loop share the first save.
    await new Promise(setImmediate);
    while (this.#waiting.length > 0) {
      const changes = this.#pending;
      const waiting = this.#waiting;
      this.#pending = new Map();
      this.#waiting = [];
      try {
        await this.#persistence.save([...changes.values()]);
        for (const { resolve } of waiting) resolve();
      } catch (cause) {
        // They stay in memory, so the next save must carry them: newer changes of the same keys win.
        this.#pending = new Map([...changes, ...this.#pending]);
        const error = new CoordinationError(`keys could not be saved: ${cause}`, 'unknown', 500, cause);
        for (const { reject } of waiting) reject(error);
      }
    }
    this.#running = undefined;
  }
}
