import type { Coordinator, Entry } from '../coordination/coordinator.ts';
import { cordonPath, freezeKey } from '../coordination/keys.ts';
import { type CordonRecord, decode, type FreezeRecord } from '../coordination/records.ts';
import { watchKey } from '../coordination/watch.ts';
import { Freezes } from '../domain/policy/freeze.ts';
import { formatInstant } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';

export interface BrakesOptions {
  readonly coordinator: Coordinator;
  /** The worker's configured name. */
  readonly name: string;
  /** Freezes, or the cordon, are others than before. */
  readonly onChange: () => void;
  readonly logger: Logger;
}

/**
 * What keeps this worker from claiming by somebody's wish: freezes of namespaces, and its own cordon. While a key can't
 * be read, what it said last holds; before both were read once, the worker is not ready.
 */
export class Brakes {
  readonly #options: BrakesOptions;
  readonly #stopping = new AbortController();
  #freezes: Freezes | undefined;
  #cordon: CordonRecord | undefined;
  #cordonRead = false;
  #watching: Promise<unknown> = Promise.resolve();

  constructor(options: BrakesOptions) {
    this.#options = options;
  }

  get freezes(): Freezes {
    return this.#freezes ?? none;
  }

  get cordon(): CordonRecord | undefined {
    return this.#cordon;
  }

  /** Why the worker takes no work; undefined when these let it. */
  get reason(): string | undefined {
    if (this.#freezes === undefined || !this.#cordonRead) return 'freezes and its cordon are being read';
    if (this.#cordon === undefined) return undefined;
    const { drain, by, at, reason } = this.#cordon;
    return `${drain ? 'drained' : 'cordoned'} by ${by} at ${formatInstant(at)}${reason === '' ? '' : `: ${reason}`}`;
  }

  start(): void {
    const { coordinator, name, logger } = this.#options;
    const { signal } = this.#stopping;
    const onError = (error: unknown, attempt: number): void => {
      if (attempt === 0) logger.warn({ err: error }, 'freezes or the cordon cannot be read; what they said last holds');
    };
    this.#watching = Promise.all([
      watchKey(coordinator, freezeKey, { signal, onError, onChange: entry => this.#takeFreezes(entry) }),
      watchKey(coordinator, cordonPath(name), { signal, onError, onChange: entry => this.#takeCordon(entry) }),
    ]);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watching;
  }

  /** Consul lost its past: what is there is read anew. */
  async reread(): Promise<void> {
    const { coordinator, name } = this.#options;
    this.#takeFreezes(await coordinator.get(freezeKey, { consistent: true }));
    this.#takeCordon(await coordinator.get(cordonPath(name), { consistent: true }));
  }

  #takeFreezes(entry: Entry | undefined): void {
    const record = this.#decode<FreezeRecord>(entry);
    if (record === 'unreadable') {
      this.#freezes ??= none;
      return;
    }
    const scopes = Object.entries(record?.scopes ?? {});
    this.#freezes = new Freezes(scopes.flatMap(([scope, freezes]) => freezes.map(one => ({ ...one, scope }))));
    this.#options.onChange();
  }

  #takeCordon(entry: Entry | undefined): void {
    const record = this.#decode<CordonRecord>(entry);
    this.#cordonRead = true;
    if (record === 'unreadable') return;
    this.#cordon = record;
    this.#options.onChange();
  }

  #decode<T extends { readonly v: 1 }>(entry: Entry | undefined): T | undefined | 'unreadable' {
    if (entry === undefined) return undefined;
    try {
      return decode<T>(entry);
    } catch (error) {
      this.#options.logger.error({ err: error, key: entry.key }, 'a key cannot be read; what it said last holds');
      return 'unreadable';
    }
  }
}

const none = new Freezes();
