import type { Readable } from 'node:stream';
import { pause } from '../../../../coordination/pause.ts';
import { backoffDelay, defaultBackoff } from '../../../../domain/backoff.ts';
import type { Milliseconds } from '../../../../domain/time.ts';
import type { ExecutionHooks } from '../../executor.ts';
import type { KubernetesApi } from '../api/api.ts';
import { ApiError, oneLine } from '../api/errors.ts';
import { podsPath } from '../names.ts';
import type { AttemptView } from '../view.ts';
import { LogCursor } from './cursor.ts';
import { Lines } from './lines.ts';
import type { Position } from './position.ts';
import { type ContainerProgress, progressOf } from './progress.ts';

export interface ContainerLogOptions {
  readonly api: KubernetesApi;
  readonly namespace: string;
  readonly view: AttemptView;
  readonly pod: { readonly name: string; readonly uid: string };
  readonly container: string;
  /** Before each line. */
  readonly prefix: string;
  readonly limit: number;
  /** Where another worker left off. */
  readonly position: Position | undefined;
  readonly output: ExecutionHooks['output'];
}

/** An idle stream is opened anew after this time: its connection may be dead. */
const silence: Milliseconds = 600_000;
/** A container has ended, and its stream says nothing and does not end: it is cut, and the rest is read at once. */
const idleAfterEnd: Milliseconds = 2_000;

/** Passes a container's log on, through cut connections and restarts of the container, to its end. */
export class ContainerLog {
  readonly #options: ContainerLogOptions;
  readonly #cursor: LogCursor;
  readonly #lines: Lines;
  readonly #stop = new AbortController();
  readonly #stopped = aborted(this.#stop.signal);
  readonly #done: Promise<void>;
  #last = false;
  /** The restart count whose log has been read to its end. */
  #read = -1;
  #heardAt = performance.now();

  constructor(options: ContainerLogOptions) {
    this.#options = options;
    const { position, prefix, limit } = options;
    this.#cursor = new LogCursor(position);
    const begun = (position?.begun ?? 0) > 0;
    this.#lines = new Lines({ prefix, limit, passed: position?.passed ?? 0, begun });
    this.#done = this.#follow();
  }

  /** When something was read last (`performance.now()`). */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Nothing runs any more: resolves when all of the log has been passed on. */
  async finish(): Promise<void> {
    this.#last = true;
    this.#options.view.wake();
    await this.#done;
  }

  /** Passes on what was read, to the end of it. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#done;
    const { text, note } = this.#lines.end(this.#options.container);
    if (text !== '') await this.#options.output('stdout', text);
    if (note !== undefined) await this.#options.output('system', note);
  }

  /** Lets go of it. @returns where another worker goes on */
  async leave(): Promise<Position> {
    this.#stop.abort();
    await this.#done;
    const text = this.#lines.flush();
    if (text !== '') await this.#options.output('stdout', text);
    return { ...this.#cursor.place, passed: this.#lines.passed };
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    const { view, pod, container } = this.#options;
    for (let failures = 0; !signal.aborted; ) {
      const changed = view.changed();
      const progress = progressOf(view, pod.uid, container);
      // A pod that is gone has no log any more.
      if (!progress) return;
      if (progress.instance <= this.#read || !progress.started) {
        if (this.#last || progress.final) return;
        await Promise.race([changed, this.#stopped]);
        continue;
      }
      try {
        await this.#readOn(progress);
        failures = 0;
        // The stream's end is ordinary when the container has ended; the status may say so a moment later.
        if (!progress.ended) await Promise.race([changed, pause(500, signal)]);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError && error.status === 404) return;
        if (error instanceof ApiError && error.status === 403) {
          void this.#options.output('system', `the output of ${container} cannot be read: ${oneLine(error)}\n`);
          return;
        }
        await Promise.race([pause(backoffDelay(defaultBackoff, failures++, Math.random()), signal), changed]);
      }
    }
  }

  /** One stream. Of a container that has ended it is the last one, since nothing can be missing then. */
  async #readOn({ instance, ended }: ContainerProgress): Promise<void> {
    if (instance > 0 && this.#read < instance - 1) {
      // What the one before said last; only the newest dead one is kept, so this may be refused.
      await this.#stream({ previous: true }, this.#stop.signal).catch(() => {});
      this.#read = instance - 1;
    }
    if (ended) {
      await this.#stream({}, this.#stop.signal);
      this.#read = instance;
      return;
    }
    const idle = new AbortController();
    const over = new AbortController();
    const watching = this.#cutWhenEnded(instance, idle, AbortSignal.any([over.signal, this.#stop.signal]));
    try {
      await this.#stream({ follow: true }, AbortSignal.any([idle.signal, this.#stop.signal]));
    } catch (error) {
      if (!idle.signal.aborted) throw error;
    } finally {
      over.abort();
      await watching;
    }
  }

  async #cutWhenEnded(instance: number, idle: AbortController, signal: AbortSignal): Promise<void> {
    const { view, pod, container } = this.#options;
    const stopped = aborted(signal);
    while (!signal.aborted) {
      const changed = view.changed();
      const progress = progressOf(view, pod.uid, container);
      if (!progress || progress.ended || progress.instance > instance) {
        if (performance.now() - this.#heardAt >= idleAfterEnd) return idle.abort();
        await pause(500, signal);
      } else await Promise.race([changed, stopped]);
    }
  }

  async #stream(query: { readonly follow?: true; readonly previous?: true }, signal: AbortSignal): Promise<void> {
    const { api, namespace, pod, container } = this.#options;
    const body: Readable = await api.stream(`${podsPath(namespace)}/${pod.name}/log`, {
      query: { container, timestamps: true, sinceTime: this.#cursor.sinceTime, ...query },
      signal,
      silence: query.follow ? silence : 15_000,
    });
    this.#cursor.begin();
    this.#heardAt = performance.now();
    for await (const bytes of body) {
      this.#heardAt = performance.now();
      const text = this.#cursor
        .take(bytes as Buffer)
        .map(piece => this.#lines.take(piece))
        .join('');
      if (text !== '') await this.#options.output('stdout', text);
    }
  }
}

/** Resolves when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
}
