import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Logger } from '../../observability/logger.ts';

/** Bytes: the sequence as a double, and its CRC-32. */
const size = 12;
/** At most this often, in milliseconds. */
const writeEvery = 200;

/**
 * How far the masters have acknowledged, on disk. It is written late and without fsync, since what a crash takes away
 * only makes the worker send some reports again, and they change nothing the second time.
 */
export class AcknowledgedFile {
  readonly #file: FileHandle;
  readonly #logger: Logger;
  #sequence: number;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle, sequence: number, logger: Logger) {
    this.#file = file;
    this.#sequence = sequence;
    this.#logger = logger;
  }

  static async open(directory: string, logger: Logger): Promise<AcknowledgedFile> {
    const path = join(directory, 'acknowledged');
    const file = await open(path, 'r+', 0o600).catch(() => open(path, 'w+', 0o600));
    const buffer = Buffer.alloc(size);
    await file.read(buffer, 0, size, 0);
    const intact = crc32(buffer.subarray(0, 8)) === buffer.readUInt32LE(8);
    const sequence = intact ? buffer.readDoubleLE(0) : 0;
    return new AcknowledgedFile(file, Number.isSafeInteger(sequence) ? sequence : 0, logger);
  }

  /** The last sequence acknowledged; 0 when there is none, or when the file was torn. */
  get sequence(): number {
    return this.#sequence;
  }

  set(sequence: number): void {
    this.#sequence = sequence;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#write();
    }, writeEvery).unref();
  }

  #write(): void {
    const buffer = Buffer.alloc(size);
    buffer.writeDoubleLE(this.#sequence, 0);
    buffer.writeUInt32LE(crc32(buffer.subarray(0, 8)), 8);
    this.#writing = this.#writing
      .then(async () => void (await this.#file.write(buffer, 0, size, 0)))
      .catch(error =>
        this.#logger.warn({ err: error }, 'the acknowledged sequence was not written; reports may repeat'),
      );
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#write();
    await this.#writing;
    await this.#file.close();
  }
}
