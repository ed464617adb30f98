import { isDeepStrictEqual } from 'node:util';
import type { ExpectedBody } from '../../../domain/job/http-answer.ts';
import { preview } from '../../../domain/job/preview.ts';
import { isFound } from './pattern.ts';

/** So much of a body is judged. */
export const judgedBytes = 1024 * 1024;

/** The beginning of a body, as far as it is judged. */
export class AnswerBody {
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #whole = true;

  take(bytes: Buffer): void {
    const kept = bytes.subarray(0, judgedBytes - this.#length);
    if (kept.length < bytes.length) this.#whole = false;
    if (kept.length === 0) return;
    this.#chunks.push(Buffer.from(kept));
    this.#length += kept.length;
  }

  /** Why it is not what was expected, as the end of a sentence; undefined when it is. */
  async problem(expected: ExpectedBody, signal: AbortSignal): Promise<string | undefined> {
    const text = Buffer.concat(this.#chunks).toString('utf8');
    const where = this.#whole ? 'its body' : 'the first 1 MiB of its body';
    if (expected.contains !== undefined && !text.includes(expected.contains)) {
      return `${where} does not contain ${preview(expected.contains)}`;
    }
    if (expected.json !== undefined) {
      const problem = this.#jsonProblem(text, expected.json);
      if (problem !== undefined) return problem;
    }
    if (expected.matches === undefined) return undefined;
    const found = await isFound(expected.matches, text, signal);
    if (found === true) return undefined;
    if (found === false) return `${where} does not match ${preview(expected.matches)}`;
    return `it could not be told within 5 s whether ${where} matches ${preview(expected.matches)}`;
  }

  #jsonProblem(text: string, { pointer, equals }: NonNullable<ExpectedBody['json']>): string | undefined {
    if (!this.#whole) return 'its body is longer than the 1 MiB of JSON that can be judged';
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch {
      return 'its body is not JSON';
    }
    const found = valueAtPointer(document, pointer);
    if (isDeepStrictEqual(found, equals)) return undefined;
    const place = pointer === '' ? 'its body' : `its body at ${pointer}`;
    const what = found === undefined ? 'has no value' : `is ${preview(found)}`;
    return `${place} ${what}, expected was ${preview(equals)}`;
  }
}

/** RFC 6901. Undefined where there is nothing. */
function valueAtPointer(document: unknown, pointer: string): unknown {
  let here = document;
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, name)) return undefined;
    // An array's length is no element of it.
    if (Array.isArray(here) && !/^(0|[1-9]\d*)$/.test(name)) return undefined;
    here = (here as Record<string, unknown>)[name];
  }
  return here;
}
