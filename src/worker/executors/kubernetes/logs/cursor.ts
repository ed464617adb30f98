/** How far a container's log has been read, so that reading goes on without a repeated or a lost line. */
export interface Place {
  /** The greatest timestamp read, as the node wrote it. */
  readonly until: string;
  /** Lines read with a timestamp of that second or a later one. */
  readonly lines: number;
  /** Bytes read of the line after them, when it was only begun. */
  readonly begun: number;
}

/** Of a log whose place is not known; nothing is skipped. */
export const start: Place = { until: '', lines: 0, begun: 0 };

const newline = 0x0a;
const space = 0x20;
/** Longer than any timestamp: what has no space by then is not stamped. */
const longestStamp = 64;

/**
 * Reads a log whose lines begin with a timestamp each, takes these away, and keeps the place. Where a stream was cut,
 * the next is asked for from `sinceTime`, which knows whole seconds only: of what then comes, the lines that were read
 * before are passed over, by number and not by time alone, since two lines may bear one time, and the streams of a
 * container may be written a little out of order.
 */
export class LogCursor {
  /** Epoch seconds of `#until`, and its fraction as written. */
  #second = Number.NEGATIVE_INFINITY;
  #fraction = '';
  #until = '';
  #lines = 0;
  #begun = 0;

  /** Of the present stream: lines of those read before that may still come, and bytes of one that was begun. */
  #toPass = 0;
  #toDrop = 0;
  #stamp = '';
  /** Undefined in a stamp; else whether the text is new. */
  #fresh: boolean | undefined;

  constructor(place: Place = start) {
    if (place.until === '') return;
    const { second, fraction } = parse(place.until);
    this.#second = second;
    this.#fraction = fraction;
    this.#until = place.until;
    this.#lines = place.lines;
    this.#begun = place.begun;
  }

  get place(): Place {
    return { until: this.#until, lines: this.#lines, begun: this.#begun };
  }

  /** The second that the next stream begins with; undefined for all of the log. */
  get sinceTime(): string | undefined {
    return Number.isFinite(this.#second) ? new Date(this.#second * 1_000).toISOString() : undefined;
  }

  /** A new stream, asked for from `sinceTime`. */
  begin(): void {
    this.#toPass = this.#lines;
    this.#toDrop = this.#begun;
    this.#stamp = '';
    this.#fresh = undefined;
  }

  /** What is new in a piece of the stream: text without timestamps, in pieces of which each is in one line. */
  take(bytes: Buffer): readonly Buffer[] {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      if (this.#fresh === undefined) at = this.#readStamp(bytes, at);
      else {
        const end = bytes.indexOf(newline, at);
        const to = end === -1 ? bytes.length : end + 1;
        if (this.#fresh) this.#text(bytes.subarray(at, to), end !== -1, pieces);
        if (end !== -1) this.#fresh = undefined;
        at = to;
      }
    }
    return pieces;
  }

  #readStamp(bytes: Buffer, from: number): number {
    const longest = Math.min(bytes.length, from + longestStamp - this.#stamp.length);
    let to = from;
    while (to < longest && bytes[to] !== space && bytes[to] !== newline) to++;
    this.#stamp += bytes.toString('latin1', from, to);
    if (to === longest && this.#stamp.length < longestStamp) return to;
    const stamp = this.#stamp;
    this.#stamp = '';
    this.#fresh = this.#isNew(stamp);
    // An empty line may come without the space.
    return bytes[to] === space ? to + 1 : to;
  }

  #isNew(stamp: string): boolean {
    const { second, fraction } = parse(stamp);
    // Not stamped, which no server does: nothing is known of its place.
    if (Number.isNaN(second)) return true;
    const later = second > this.#second || (second === this.#second && fraction > this.#fraction);
    if (this.#toPass > 0 && !later) {
      this.#toPass--;
      return false;
    }
    this.#toPass = 0;
    if (later) {
      if (second > this.#second) this.#lines = 0;
      // What was begun never went on: its container ended, or the node has thrown the line away.
      this.#begun = 0;
      this.#toDrop = 0;
      this.#second = second;
      this.#fraction = fraction;
      this.#until = stamp;
    }
    return true;
  }

  #text(text: Buffer, complete: boolean, pieces: Buffer[]): void {
    const dropped = Math.min(this.#toDrop, text.length);
    this.#toDrop -= dropped;
    if (dropped < text.length) pieces.push(text.subarray(dropped));
    if (complete) {
      this.#lines++;
      this.#begun = 0;
      this.#toDrop = 0;
    } else this.#begun += text.length - dropped;
  }
}

/** Of RFC 3339 with any fraction and offset; the fraction as nine digits. A second of NaN: it is none. */
function parse(stamp: string): { second: number; fraction: string } {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(stamp);
  if (!match) return { second: Number.NaN, fraction: '' };
  const [, time = '', fraction = '', zone = ''] = match;
  return { second: Date.parse(`${time}${zone}`) / 1_000, fraction: fraction.padEnd(9, '0') };
}
