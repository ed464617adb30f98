import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Source } from './source.ts';

/**
 * The last good document of each source, on disk, for a start while its server is away. Files have mode 0600: documents
 * may hold secrets.
 */
export class Copies {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = join(directory, 'config');
  }

  /** Undefined where there is none, or none that can be read. */
  load(source: Source): string | undefined {
    try {
      return readFileSync(this.#path(source), 'utf8');
    } catch {
      return undefined;
    }
  }

  /** @throws Error when the folder cannot be written */
  save(source: Source, text: string): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const path = this.#path(source);
    writeFileSync(`${path}.${process.pid}`, text, { mode: 0o600 });
    renameSync(`${path}.${process.pid}`, path);
  }

  #path({ kind, name }: Source): string {
    return join(this.#directory, `${kind}-${createHash('sha256').update(name).digest('hex').slice(0, 12)}.yaml`);
  }
}
