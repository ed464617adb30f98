import {
  type BlockingOptions,
  type CheckStatus,
  CoordinationError,
  type Coordinator,
  type Entry,
  type Indexed,
  type Operation,
  type ReadOptions,
  type ServiceInstance,
  type ServiceRegistration,
  type SessionId,
  type SessionOptions,
  type TransactionResult,
} from '../../src/coordination/coordinator.ts';
import { MemoryCoordinator, type MemorySnapshot } from '../../src/coordination/memory/memory.ts';
import type { Random } from './random.ts';
import { as, type Process } from './virtual-time.ts';

/** How often each mishap befalls a call, 0 to 1. */
export interface Weather {
  /** The server says no; nothing was changed. */
  refused: number;
  /** No answer comes, and it was never carried out. */
  lost: number;
  /** No answer comes, and it was carried out. */
  unheard: number;
  /** No answer comes, and it is carried out later: seconds, now and then tens of them. */
  late: number;
  /** An answer that takes long. */
  slow: number;
  /** A default read shows the past. */
  stale: number;
  /** A blocking read wakes without a reason, hangs until its wait ends, or brings several changes as one. */
  blocking: number;
}

export const calm: Weather = { refused: 0, lost: 0, unheard: 0, late: 0, slow: 0, stale: 0, blocking: 0 };

/** The past that stale reads show is at most this old, in ms. */
const staleBy = 700;

/** Consul on a bad day: the in-memory coordinator, and between it and each process a network that a seed makes. */
export class Consul {
  readonly memory = new MemoryCoordinator();
  weather: Weather = calm;
  readonly #random: Random;
  /** What a server that is behind would say. */
  readonly #behind = new MemoryCoordinator();
  readonly #timer: NodeJS.Timeout;

  constructor(random: Random) {
    this.#random = random;
    this.#timer = setInterval(() => this.#behind.restore(this.memory.snapshot()), staleBy);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.memory.close();
    await this.#behind.close();
  }

  /**
   * Sessions that have ended since come back with a snapshot, and end again by their TTL: here they end at once, since
   * the in-memory coordinator keeps none in a snapshot.
   */
  async restore(snapshot: MemorySnapshot): Promise<void> {
    const keys: [string, MemorySnapshot['keys'][number][1]][] = [];
    for (const [key, { session, ...stored }] of snapshot.keys) {
      const lives = session !== undefined && (await this.memory.sessionExists(session));
      keys.push([key, lives ? { ...stored, session } : stored]);
    }
    this.memory.restore({ ...snapshot, keys });
  }

  /** The way of one process to it. */
  connect(process: Process): Coordinator {
    return new Connection(this, this.#random, this.#behind, process);
  }
}

class Connection implements Coordinator {
  readonly name = 'memory';
  readonly #consul: Consul;
  readonly #random: Random;
  readonly #behind: MemoryCoordinator;
  readonly #process: Process;

  constructor(consul: Consul, random: Random, behind: MemoryCoordinator, process: Process) {
    this.#consul = consul;
    this.#random = random;
    this.#behind = behind;
    this.#process = process;
  }

  get(key: string, options: ReadOptions = {}): Promise<Entry | undefined> {
    return this.#read(options, from => from.get(key));
  }

  list(prefix: string, options: ReadOptions = {}): Promise<readonly Entry[]> {
    return this.#read(options, from => from.list(prefix));
  }

  keys(prefix: string, options: ReadOptions & { readonly separator?: string } = {}): Promise<readonly string[]> {
    const { separator } = options;
    return this.#read(options, from => from.keys(prefix, separator === undefined ? {} : { separator }));
  }

  transact(operations: readonly Operation[], signal?: AbortSignal): Promise<TransactionResult> {
    if (operations.every(({ verb }) => verb.startsWith('get') || verb.startsWith('check'))) {
      return this.#read({ consistent: true, ...(signal !== undefined && { signal }) }, from =>
        from.transact(operations),
      );
    }
    return this.#write(() => this.#consul.memory.transact(operations), signal);
  }

  block(key: string, options: BlockingOptions): Promise<Indexed<Entry | undefined>> {
    return this.#block(options, (from, blocking) => from.block(key, blocking));
  }

  blockList(prefix: string, options: BlockingOptions): Promise<Indexed<readonly Entry[]>> {
    return this.#block(options, (from, blocking) => from.blockList(prefix, blocking));
  }

  blockKeys(
    prefix: string,
    options: BlockingOptions & { readonly separator?: string },
  ): Promise<Indexed<readonly string[]>> {
    const { separator } = options;
    return this.#block(options, (from, blocking) =>
      from.blockKeys(prefix, { ...blocking, ...(separator !== undefined && { separator }) }),
    );
  }

  blockService(service: string, options: BlockingOptions): Promise<Indexed<readonly ServiceInstance[]>> {
    return this.#block(options, (_, blocking) => this.#consul.memory.blockService(service, blocking), false);
  }

  createSession(options: SessionOptions): Promise<SessionId> {
    return this.#write(() => this.#consul.memory.createSession(options));
  }

  renewSession(session: SessionId, signal?: AbortSignal): Promise<void> {
    return this.#write(() => this.#consul.memory.renewSession(session), signal);
  }

  destroySession(session: SessionId): Promise<void> {
    return this.#write(() => this.#consul.memory.destroySession(session));
  }

  sessionExists(session: SessionId): Promise<boolean> {
    return this.#read({ consistent: true }, () => this.#consul.memory.sessionExists(session));
  }

  register(registration: ServiceRegistration): Promise<void> {
    return this.#write(() => this.#consul.memory.register(registration));
  }

  deregister(id: string): Promise<void> {
    return this.#write(() => this.#consul.memory.deregister(id));
  }

  setCheck(id: string, status: CheckStatus, note: string): Promise<void> {
    return this.#write(() => this.#consul.memory.setCheck(id, status, note));
  }

  async close(): Promise<void> {}

  /** Any write: may be refused, get no answer, or be carried out long after its sender gave it up. */
  async #write<T>(carryOut: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const random = this.#random;
    const { refused, lost, unheard, late } = this.#consul.weather;
    const dice = random.next();
    await this.#travel();
    signal?.throwIfAborted();
    if (dice < refused) throw new CoordinationError('busy (chaos)', 'refused', 429);
    const noAnswer = async (): Promise<never> => {
      await this.#wait(random.chance(0.2) ? random.between(500, 8_000) : random.between(5, 300));
      throw new CoordinationError('timed out (chaos)', 'unknown');
    };
    if (dice < refused + lost) return await noAnswer();
    if (dice < refused + lost + unheard) {
      await this.#outside(carryOut).catch(() => {});
      return await noAnswer();
    }
    if (dice < refused + lost + unheard + late) {
      const after = random.chance(0.15) ? random.between(3_000, 30_000) : random.between(1, 1_500);
      as(undefined, () => setTimeout(() => void carryOut().catch(() => {}), after));
      return await noAnswer();
    }
    const answer = await this.#outside(carryOut).then(
      value => ({ value }),
      (error: unknown) => ({ error }),
    );
    await this.#travel();
    signal?.throwIfAborted();
    if ('error' in answer) throw answer.error;
    return answer.value;
  }

  async #read<T>(options: ReadOptions, read: (from: MemoryCoordinator) => Promise<T>): Promise<T> {
    const { weather } = this.#consul;
    const dice = this.#random.next();
    const past = options.consistent !== true && this.#random.chance(weather.stale);
    await this.#travel();
    options.signal?.throwIfAborted();
    if (dice < weather.refused) throw new CoordinationError('no leader (chaos)', 'refused', 500);
    if (dice < weather.refused + weather.lost) throw new CoordinationError('timed out (chaos)', 'unknown');
    const value = await this.#outside(() => read(past ? this.#behind : this.#consul.memory));
    await this.#travel();
    options.signal?.throwIfAborted();
    return value;
  }

  async #block<T>(
    options: BlockingOptions,
    read: (from: MemoryCoordinator, blocking: BlockingOptions) => Promise<Indexed<T>>,
    mayBeStale = true,
  ): Promise<Indexed<T>> {
    const { weather, memory } = this.#consul;
    const random = this.#random;
    const { index, wait, signal } = options;
    await this.#travel();
    signal.throwIfAborted();
    if (random.chance(weather.refused)) throw new CoordinationError('no leader (chaos)', 'refused', 500);
    if (mayBeStale && random.chance(weather.stale)) {
      return await this.#outside(() => read(this.#behind, { ...options, index: 0, wait: 0 }));
    }
    const how = random.chance(weather.blocking) ? random.of(['early', 'hangs', 'coalesces'] as const) : 'well';
    if (how === 'hangs') await this.#wait(wait);
    const time = how === 'hangs' ? 0 : how === 'early' ? random.between(0, 200) : wait;
    let answer = await this.#outside(() => read(memory, { index, wait: time, signal }));
    if (how === 'coalesces' && answer.index > index) {
      await this.#wait(random.between(20, 800));
      answer = await this.#outside(() => read(memory, { index, wait: 0, signal }));
    }
    await this.#travel();
    signal.throwIfAborted();
    return answer;
  }

  /** As the world outside: the server's own timers are nobody's. */
  #outside<T>(work: () => Promise<T>): Promise<T> {
    return as(undefined, work);
  }

  /** One way through the network, a millisecond or so. */
  async #travel(): Promise<void> {
    const slow = this.#random.chance(this.#consul.weather.slow);
    await this.#wait(slow ? this.#random.between(20, 2_500) : this.#random.between(0.2, 2));
  }

  async #wait(time: number): Promise<void> {
    await as(undefined, () => new Promise(resolve => setTimeout(resolve, time)));
    await this.#process.awake();
  }
}
