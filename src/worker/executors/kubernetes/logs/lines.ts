import { droppedNote, LimitedText } from '../../text.ts';

/** A line that is longer goes on in pieces, which other containers' lines may come between. */
const longestHeld = 16 * 1024;
const newline = 0x0a;

export interface LinesOptions {
  /** Before each line, so that several containers are told apart; `''` for none. */
  readonly prefix: string;
  /** Bytes passed on, at most. */
  readonly limit: number;
  /** Of them, those that another worker has passed on. */
  readonly passed: number;
  /** Whether it had begun a line. */
  readonly begun: boolean;
}

/** Makes text of a container's log: whole lines, prefixed, valid everywhere, up to the limit. */
export class Lines {
  readonly #prefix: string;
  readonly #limit: number;
  readonly #text: LimitedText;
  #passed: number;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #atStart: boolean;

  constructor({ prefix, limit, passed, begun }: LinesOptions) {
    this.#prefix = prefix;
    this.#limit = limit;
    this.#passed = Math.min(passed, limit);
    this.#text = new LimitedText(limit - this.#passed);
    this.#atStart = !begun;
  }

  /** Bytes that count against the limit, so far. */
  get passed(): number {
    return this.#passed;
  }

  /** @param piece a line or a part of one. @returns what may be passed on now */
  take(piece: Buffer): string {
    this.#held.push(piece);
    this.#heldBytes += piece.length;
    return piece.at(-1) === newline || this.#heldBytes >= longestHeld ? this.flush() : '';
  }

  /** What is held of a line that is not complete. */
  flush(): string {
    const bytes = this.#held.length === 1 && this.#held[0] ? this.#held[0] : Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    if (bytes.length === 0) return '';
    const before = this.#text.dropped;
    const text = this.#text.take(bytes);
    this.#passed += bytes.length - (this.#text.dropped - before);
    if (text === '') return '';
    const prefix = this.#atStart ? this.#prefix : '';
    this.#atStart = text.endsWith('\n');
    return `${prefix}${text}`;
  }

  /** The last piece, and what is to be said on the system stream. */
  end(container: string): { readonly text: string; readonly note: string | undefined } {
    const text = `${this.flush()}${this.#text.end()}`;
    // Another container's line must not go on in this one.
    const closed = this.#prefix !== '' && (text === '' ? !this.#atStart : !text.endsWith('\n')) ? `${text}\n` : text;
    return { text: closed, note: droppedNote(`container ${container}`, this.#text.dropped, this.#limit) };
  }
}
