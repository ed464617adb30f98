import type { Instant, Milliseconds } from '../../domain/time.ts';
import { type AttemptId, attemptId } from './attempt.ts';
import type { Outlet } from './outlet.ts';

export type OutputStream = 'stdout' | 'stderr' | 'system';

/** Small pieces are gathered for this long, or up to this many characters, into one message. */
const gatherFor: Milliseconds = 50;
const gatherUpTo = 16 * 1024;

/** Messages of one worker about one attempt, at most: 16 KiB each, and a column of 31 bits for 2,000 handovers. */
const sequencesEach = 1_000_000;

/** An attempt's output on its way to the worker: gathered, in order over all streams, counted and stamped. */
export class AttemptOutput {
  readonly #id: AttemptId;
  readonly #outlet: Outlet;
  #pieces: { readonly stream: OutputStream; readonly at: Instant; text: string }[] = [];
  #gathered = 0;
  #sequence: number;
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param handovers whoever adopts an attempt counts on beyond what those before may have sent */
  constructor(id: AttemptId, outlet: Outlet, handovers = 0) {
    this.#id = attemptId(id);
    this.#sequence = handovers * sequencesEach;
    this.#outlet = outlet;
  }

  /** @returns a promise when the worker does not keep up: bring more only when it has resolved */
  add(stream: OutputStream, text: string): Promise<void> | undefined {
    const last = this.#pieces.at(-1);
    if (last?.stream === stream) last.text += text;
    else this.#pieces.push({ stream, at: Date.now(), text });
    this.#gathered += text.length;
    if (this.#gathered >= gatherUpTo) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), gatherFor);
    return this.#outlet.room();
  }

  /** Sends what has been gathered. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#gathered = 0;
    for (const piece of pieces) {
      if (this.#outlet.overflows) this.#dropped += piece.text.length;
      else {
        this.#tellDropped();
        this.#send(piece.stream, piece.at, piece.text);
      }
    }
  }

  /** The last flush, before the attempt is reported as finished. */
  end(): void {
    this.flush();
    this.#tellDropped();
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return;
    const text = `${this.#dropped} characters of output were dropped: the worker did not take them in time\n`;
    this.#dropped = 0;
    this.#send('system', Date.now(), text);
  }

  #send(stream: OutputStream, at: Instant, text: string): void {
    this.#outlet.send({ type: 'output', ...this.#id, sequence: this.#sequence++, stream, at, text });
  }
}
