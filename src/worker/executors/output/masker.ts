/** What a masked value is replaced by. */
export const mask = '***';
/** Shorter values, and lines of values, are left: they would be found everywhere. */
const shortest = 4;

/** Makes masks for the streams of one run. */
export interface Masking {
  /** For one stream: its state is its own. */
  stream(): Masker;
  /** A text that is whole. */
  text(text: string): string;
}

/**
 * Hides values in text: each as it is and, of several lines, line by line; as base64 (also the URL's form), percent-encoded
 * and as inside a JSON string. Not found: a value inside something longer that was encoded as a whole, changed in case, or
 * broken by other text.
 *
 * @returns undefined when there is nothing to hide
 */
export function maskingOf(values: readonly string[]): Masking | undefined {
  const patterns = [...new Set(values.flatMap(formsOf))];
  if (patterns.length === 0) return undefined;
  const byFirst = Map.groupBy(patterns, pattern => pattern[0] ?? '');
  const longest = Math.max(...patterns.map(pattern => pattern.length));
  const stream = (): Masker => new Masker(patterns, byFirst, longest);
  return {
    stream,
    text(text) {
      const masker = stream();
      return masker.take(text) + masker.end();
    },
  };
}

function formsOf(value: string): readonly string[] {
  const lines = value.split(/\r?\n/);
  const whole = [value.trimEnd(), value, ...lines].flatMap(encodingsOf);
  return whole.filter(form => form.length >= shortest && !/[\r\n]/.test(form));
}

function encodingsOf(text: string): readonly string[] {
  if (text.trim().length < shortest) return [];
  const bytes = Buffer.from(text);
  const percent = encodeURIComponent(text.toWellFormed());
  return [
    text,
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    percent,
    percent.replaceAll(/%[0-9A-F]{2}/g, byte => byte.toLowerCase()),
    percent.replaceAll('%20', '+'),
    JSON.stringify(text).slice(1, -1),
  ];
}

interface Range {
  readonly from: number;
  to: number;
}

/** Masks a text that comes in pieces: what may be the beginning of a value waits for the next piece. */
export class Masker {
  readonly #patterns: readonly string[];
  readonly #byFirst: ReadonlyMap<string, readonly string[]>;
  readonly #longest: number;
  #held = '';
  /** So much of what is held is in a mask that was given already. */
  #covered = 0;

  constructor(patterns: readonly string[], byFirst: ReadonlyMap<string, readonly string[]>, longest: number) {
    this.#patterns = patterns;
    this.#byFirst = byFirst;
    this.#longest = longest;
  }

  /** What may be passed on now. */
  take(text: string): string {
    this.#held += text;
    return this.#give(this.#undecided());
  }

  /** The rest, at the stream's end. */
  end(): string {
    return this.#give(this.#held.length);
  }

  #give(until: number): string {
    if (until === 0) return '';
    const text = this.#held;
    let given = '';
    let at = 0;
    let open = false;
    for (const { from, to } of this.#ranges(text)) {
      if (from >= until) break;
      given += text.slice(at, from);
      // The first may go on from a mask that was given before.
      if (!(from === 0 && this.#covered > 0)) given += mask;
      at = Math.min(to, until);
      open = to > until;
      if (open) this.#covered = to - until;
    }
    if (!open) this.#covered = 0;
    given += text.slice(at, until);
    this.#held = text.slice(until);
    return given;
  }

  /** Where values are, in order; those that overlap are one. */
  #ranges(text: string): readonly Range[] {
    const found: Range[] = this.#covered > 0 ? [{ from: 0, to: this.#covered }] : [];
    for (const pattern of this.#patterns) {
      for (let at = text.indexOf(pattern); at >= 0; at = text.indexOf(pattern, at + 1)) {
        found.push({ from: at, to: at + pattern.length });
      }
    }
    found.sort((a, b) => a.from - b.from);
    const merged: Range[] = [];
    for (const range of found) {
      const last = merged.at(-1);
      if (last !== undefined && range.from < last.to) last.to = Math.max(last.to, range.to);
      else merged.push({ ...range });
    }
    return merged;
  }

  /** The first place from which the text may go on to be a value. */
  #undecided(): number {
    const text = this.#held;
    for (let at = Math.max(0, text.length - this.#longest + 1); at < text.length; at++) {
      const candidates = this.#byFirst.get(text[at] ?? '');
      if (candidates === undefined) continue;
      const rest = text.slice(at);
      if (candidates.some(pattern => pattern.length > rest.length && pattern.startsWith(rest))) return at;
    }
    return text.length;
  }
}
