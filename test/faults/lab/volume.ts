import { mkdirSync } from 'node:fs';
import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { mountTmpfs } from './place.ts';

/** A small disk of a node's own, which can be filled to its last byte. */
export class Volume {
  /** Where it is mounted; what uses it gets a folder below. */
  readonly folder: string;
  readonly data: string;
  readonly #ballast: string;

  /** @param size as `mount` takes it: `24m` */
  constructor(folder: string, name: string, size: string) {
    mountTmpfs(folder, name, size);
    this.folder = folder;
    this.data = join(folder, 'data');
    this.#ballast = join(folder, 'ballast');
    mkdirSync(this.data);
  }

  /** Writes until nothing more goes in. Does so again where room came free since. */
  async fill(): Promise<void> {
    const file = await open(this.#ballast, 'a');
    try {
      // Each size until it does not fit: the last ones take what is left of a page.
      for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 16)) {
        const block = Buffer.alloc(size, 1);
        while (await fits(() => file.write(block))) {}
      }
    } finally {
      await file.close();
    }
  }

  async free(): Promise<void> {
    await rm(this.#ballast, { force: true });
  }

  /** Something could be written now. */
  async takesWrites(): Promise<boolean> {
    return (await statfs(this.folder)).bavail > 0;
  }
}

async function fits(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}
