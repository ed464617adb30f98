import { Random } from './random.ts';
import { runs, seed } from './settings.ts';

/** Bytes that break readers in general. */
const common = [
  '\0',
  '\ufeff',
  '\ud7ff',
  '\r\n',
  '\n',
  '"',
  "'",
  '\\',
  '%',
  '{',
  '[',
  '-1',
  '0',
  '1e999',
  '99999999999999999999',
  '__proto__',
  '\u202e',
  '😀',
  '𝟙',
  ' ',
];

/** Turns valid inputs into many nearly valid ones: bytes flipped, cut out, doubled, spliced with others, and tokens put in. */
export class Mutator {
  readonly #random: Random;
  readonly #corpus: readonly Buffer[];
  readonly #tokens: readonly Buffer[];
  readonly #most: number;

  /** @param options `most`: of bytes */
  constructor(
    corpus: readonly (string | Uint8Array)[],
    options: { readonly tokens?: readonly string[]; readonly most?: number; readonly random?: Random } = {},
  ) {
    this.#random = options.random ?? new Random(seed);
    this.#corpus = corpus.map(one => Buffer.from(one));
    this.#tokens = [...common, ...(options.tokens ?? [])].map(one => Buffer.from(one));
    this.#most = options.most ?? 65_536;
  }

  next(): Buffer {
    let bytes = this.#random.pick(this.#corpus);
    for (let steps = 1 + this.#random.below(6); steps > 0; steps--) bytes = this.#step(bytes);
    return bytes.subarray(0, this.#most);
  }

  #step(bytes: Buffer): Buffer {
    const random = this.#random;
    const at = random.below(bytes.length + 1);
    const end = Math.min(bytes.length, at + 1 + random.below(random.pick([4, 32, 1_024])));
    const put = (piece: Uint8Array, upTo = at): Buffer =>
      Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(upTo)]);
    switch (random.below(8)) {
      case 0:
        return put(Buffer.from([(bytes[at] ?? 0) ^ (1 << random.below(8))]), at + 1);
      case 1:
        return put(Buffer.from(Array.from({ length: 1 + random.below(8) }, () => random.below(256))), end);
      case 2:
        return bytes.subarray(0, at);
      case 3:
        return put(Buffer.alloc(0), end);
      case 4:
        return put(Buffer.concat(Array.from({ length: random.pick([1, 2, 60]) }, () => bytes.subarray(at, end))));
      case 5: {
        const other = random.pick(this.#corpus);
        const from = random.below(other.length + 1);
        return put(other.subarray(from, from + random.below(other.length + 1)), end);
      }
      case 6:
        return put(random.pick(this.#tokens), random.pick([at, end]));
      default:
        return put(Buffer.from(String(random.pick([0, -1, 60, 2 ** 31, 2 ** 53, 1e21, random.below(100)]))), end);
    }
  }
}

/** Tries inputs; a failure tells the seed, the number and the input. Yields to the event loop now and then. */
export async function fuzz(
  usual: number,
  mutator: Mutator,
  check: (input: Buffer, number: number) => void | Promise<void>,
): Promise<void> {
  for (let number = 0; number < runs(usual); number++) {
    const input = mutator.next();
    try {
      await check(input, number);
    } catch (error) {
      const shown = input.length <= 2_000 ? JSON.stringify(input.toString('latin1')) : `${input.length} bytes`;
      throw new Error(`CRONMESH_FUZZ_SEED=${seed}, input ${number}: ${shown}`, { cause: error });
    }
  }
}

/** The processor time that this process has used, in ms: on a busy machine the clock says nothing of what work costs. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** What a piece of work costs, in ms of processor time; the least of up to three tries, for the garbage collector. */
export function took(work: () => void, allowed: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 3 && least > allowed; tries++) {
    const began = cpuMs();
    work();
    least = Math.min(least, cpuMs() - began);
  }
  return least;
}
