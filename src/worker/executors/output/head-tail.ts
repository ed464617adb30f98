import { withoutNul } from '../text.ts';

/** What is left of a stream at its end. */
export interface Rest {
  /** Bytes that were left out between what came before and `text`. */
  readonly dropped: number;
  readonly text: string;
}

/**
 * Keeps the first and the last half of a stream's bytes, as text that is valid everywhere (UTF-8; bytes that are not,
 * and NUL, become U+FFFD). The first half is given at once, the last at the end; a stream that fits loses nothing. Never
 * cuts inside a character. Takes no more memory than half the limit, and none before the first half is full.
 *
 * @example
 * const text = new HeadTail(4);
 * text.take(Buffer.from('abcdefgh')); // 'ab'
 * text.end();                         // { dropped: 4, text: 'gh' }
 */
export class HeadTail {
  readonly #tail: Ring;
  #room: number;
  /** The beginning of a character whose end has not come. */
  #begun: Buffer = Buffer.alloc(0);

  /** @param limit bytes kept at most */
  constructor(limit: number) {
    this.#room = Math.ceil(limit / 2);
    this.#tail = new Ring(Math.floor(limit / 2));
  }

  /** What may be passed on now; `''` when the first half is full. */
  take(bytes: Buffer): string {
    const head = bytes.subarray(0, this.#room);
    this.#room -= head.length;
    if (head.length < bytes.length) this.#tail.push(bytes.subarray(head.length));
    if (head.length === 0) return '';
    const all = this.#begun.length === 0 ? head : Buffer.concat([this.#begun, head]);
    const whole = all.length - unfinished(all);
    this.#begun = Buffer.from(all.subarray(whole));
    return withoutNul(all.toString('utf8', 0, whole));
  }

  /** The last half, once the stream has ended. */
  end(): Rest {
    const last = this.#tail.content();
    const { dropped } = this.#tail;
    if (dropped === 0) return { dropped, text: withoutNul(Buffer.concat([this.#begun, last]).toString()) };
    // What is left of characters that were cut is left out as well.
    const cut = continuation(last);
    return { dropped: dropped + this.#begun.length + cut, text: withoutNul(last.toString('utf8', cut)) };
  }
}

/** Bytes at the end that begin a character and do not finish it. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length =
      byte >= 0xf0 && byte < 0xf5 ? 4 : byte >= 0xe0 && byte < 0xf0 ? 3 : byte >= 0xc2 && byte < 0xe0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

/** Bytes at the beginning that go on with a character: at most three do. */
function continuation(bytes: Buffer): number {
  let count = 0;
  while (count < 3 && ((bytes[count] ?? 0) & 0xc0) === 0x80) count++;
  return count;
}

/** The newest bytes, up to a number. */
class Ring {
  readonly #limit: number;
  #bytes = Buffer.alloc(0);
  #start = 0;
  #length = 0;
  /** Bytes that are not there any more. */
  dropped = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(bytes: Buffer): void {
    const over = Math.max(0, this.#length + bytes.length - this.#limit);
    const newest = bytes.subarray(Math.max(0, bytes.length - this.#limit));
    this.dropped += over;
    this.#grow(Math.min(this.#limit, this.#length + newest.length));
    const forgotten = Math.max(0, this.#length + newest.length - this.#limit);
    this.#start = this.#bytes.length === 0 ? 0 : (this.#start + forgotten) % this.#bytes.length;
    this.#length -= forgotten;
    this.#write(newest);
  }

  content(): Buffer {
    const end = this.#start + this.#length;
    const wrapped = Math.max(0, end - this.#bytes.length);
    return Buffer.concat([this.#bytes.subarray(this.#start, end - wrapped), this.#bytes.subarray(0, wrapped)]);
  }

  #write(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const at = (this.#start + this.#length) % this.#bytes.length;
    const copied = bytes.copy(this.#bytes, at);
    bytes.copy(this.#bytes, 0, copied);
    this.#length += bytes.length;
  }

  /** Doubled each time, so that little output takes little memory. */
  #grow(needed: number): void {
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.alloc(Math.min(this.#limit, Math.max(needed, this.#bytes.length * 2, 4_096)));
    this.content().copy(larger);
    this.#bytes = larger;
    this.#start = 0;
  }
}
