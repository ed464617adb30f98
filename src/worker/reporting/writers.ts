import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkerId } from '../../domain/run/run.ts';
import { syncDirectory } from './segment.ts';

interface Writer {
  readonly worker: WorkerId;
  /** Its first sequence; its last is before the next writer's. */
  readonly first: number;
}

/**
 * Which process wrote which reports. A spool outlives its worker, and what a former process left is delivered in that
 * process's name: the masters judge a run by the worker that had it.
 */
export class Writers {
  readonly #writers: readonly Writer[];

  private constructor(writers: readonly Writer[]) {
    this.#writers = writers;
  }

  /** Records that `worker` writes from `next` on, and forgets writers of whom nothing is left from `oldest` on. */
  static async open(directory: string, worker: WorkerId, oldest: number, next: number): Promise<Writers> {
    const path = join(directory, 'writers');
    const known = parse(await readFile(path, 'utf8').catch(() => '')).filter(writer => writer.first < next);
    const left = known.filter((_, index) => (known[index + 1]?.first ?? next) > oldest);
    const writers = [...left, { worker, first: next }];
    await replace(directory, path, JSON.stringify(writers));
    return new Writers(writers);
  }

  /** Who wrote a report, and the first sequence after it that another wrote. Unknown where the record was lost. */
  of(sequence: number): { readonly worker: WorkerId | undefined; readonly end: number } {
    const next = this.#writers.findIndex(writer => writer.first > sequence);
    const index = next === -1 ? this.#writers.length - 1 : next - 1;
    return { worker: this.#writers[index]?.worker, end: this.#writers[index + 1]?.first ?? Number.POSITIVE_INFINITY };
  }
}

function parse(text: string): Writer[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

async function replace(directory: string, path: string, content: string): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  await syncDirectory(directory);
}
