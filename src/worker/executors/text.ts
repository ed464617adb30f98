import { StringDecoder } from 'node:string_decoder';

/**
 * Turns a stream's bytes into text that is valid everywhere (UTF-8; bytes that are not, and NUL, which databases
 * refuse, become U+FFFD), cut after `limit` bytes. Never splits a character.
 *
 * @example
 * const text = new LimitedText(1024);
 * text.take(Buffer.from([0xe2, 0x82])); // ''
 * text.take(Buffer.from([0xac]));       // '€'
 */
export class LimitedText {
  readonly #decoder = new StringDecoder('utf8');
  #room: number;
  #dropped = 0;

  constructor(limit: number) {
    this.#room = limit;
  }

  /** The text of what still fits; `''` when there is nothing yet or nothing any more. */
  take(bytes: Buffer): string {
    const kept = bytes.length <= this.#room ? bytes : bytes.subarray(0, this.#room);
    this.#room -= kept.length;
    this.#dropped += bytes.length - kept.length;
    return kept.length === 0 ? '' : withoutNul(this.#decoder.write(kept));
  }

  /** What was begun and never completed, at the stream's end; a character that the limit cut is left out. */
  end(): string {
    return this.#dropped > 0 ? '' : this.#decoder.end();
  }

  /** Bytes beyond the limit. */
  get dropped(): number {
    return this.#dropped;
  }
}

/** Databases refuse NUL. */
export const withoutNul = (text: string): string => (text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text);

/** A line for people about what the limit cost; undefined when nothing was dropped. */
export function droppedNote(what: string, dropped: number, limit: number): string | undefined {
  return dropped === 0
    ? undefined
    : `${what}: ${dropped} bytes beyond the limit of ${limit} (outputLimitBytes) were dropped\n`;
}
