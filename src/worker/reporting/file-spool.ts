import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Report } from '../../domain/run/report.ts';
import type { WorkerId } from '../../domain/run/run.ts';
import { type Logger, silentLogger } from '../../observability/logger.ts';
import { AcknowledgedFile } from './acknowledged.ts';
import { lockDirectory } from './directory-lock.ts';
import { encodeFrame } from './frame.ts';
import { RecentReports } from './recent.ts';
import { findSegments, syncDirectory } from './segment.ts';
import { SegmentReader } from './segment-reader.ts';
import { SegmentWriter } from './segment-writer.ts';
import { type Spool, type SpooledReports, SpoolFullError } from './spool.ts';
import { Writers } from './writers.ts';

export interface FileSpoolOptions {
  /** Made when it is missing; used by one process at a time. */
  readonly directory: string;
  /** The process that writes from now on. */
  readonly worker: WorkerId;
  readonly logger?: Logger;
  /** The most that the segments may take on disk. Default 1 GiB. */
  readonly maxBytes?: number;
  /** A segment is closed beyond this size; space is given back by whole segments. Default 8 MiB, at most an eighth of `maxBytes`. */
  readonly segmentBytes?: number;
}

/** What one read gives at most, in bytes, unless a single report is larger. */
const readBytes = 256 * 1024;
const recentBytes = 4 * 1024 * 1024;

/**
 * Opens the spool of a folder and repairs what a crash left. Sequences begin with 1.
 *
 * @throws DirectoryInUseError when another process has it open
 * @example const spool = await openFileSpool({ directory: '/var/lib/cronmesh/spool', worker: id })
 */
export async function openFileSpool(options: FileSpoolOptions): Promise<Spool> {
  const { directory, worker, logger = silentLogger, maxBytes = 1024 ** 3 } = options;
  const segmentBytes = Math.min(options.segmentBytes ?? 8 * 1024 ** 2, Math.ceil(maxBytes / 8));
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const lock = lockDirectory(directory);
  try {
    const id = await spoolId(directory);
    const acknowledged = await AcknowledgedFile.open(directory, logger);
    const { segments, torn } = await findSegments(directory);
    if (torn > 0) logger.warn({ directory, bytes: torn }, 'cut an unfinished write off the spool’s end');
    const writer = await SegmentWriter.open({
      directory,
      segments,
      segmentBytes,
      after: acknowledged.sequence,
      logger,
    });
    const writers = await Writers.open(directory, worker, acknowledged.sequence + 1, writer.end);
    return new FileSpool({ id, lock, acknowledged, writer, writers, maxBytes, logger });
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

async function spoolId(directory: string): Promise<string> {
  const path = join(directory, 'id');
  const found = await readFile(path, 'utf8').catch(() => '');
  if (/^[0-9a-f]{16}$/.test(found)) return found;
  const id = randomBytes(8).toString('hex');
  await writeFile(`${path}.new`, id, { flush: true });
  await rename(`${path}.new`, path);
  await syncDirectory(directory);
  return id;
}

interface Parts {
  readonly id: string;
  readonly lock: Disposable;
  readonly acknowledged: AcknowledgedFile;
  readonly writer: SegmentWriter;
  readonly writers: Writers;
  readonly maxBytes: number;
  readonly logger: Logger;
}

interface Append {
  readonly reports: readonly Report[];
  readonly frames: readonly Buffer[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

class FileSpool implements Spool {
  readonly #parts: Parts;
  readonly #reader: SegmentReader;
  readonly #recent = new RecentReports(recentBytes);
  #acknowledged: number;
  #waiting: Append[] = [];
  #waitingBytes = 0;
  #committing: Promise<void> | undefined;
  #grown = Promise.withResolvers<void>();
  #closed: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#reader = new SegmentReader(parts.logger);
    this.#acknowledged = Math.max(parts.acknowledged.sequence, parts.writer.first - 1);
  }

  get id(): string {
    return this.#parts.id;
  }

  get firstUnacknowledged(): number {
    return this.#acknowledged + 1;
  }

  get depth(): number {
    return this.#parts.writer.end - this.firstUnacknowledged;
  }

  async append(reports: readonly Report[]): Promise<void> {
    if (this.#closed) throw new Error('the spool is closed');
    if (reports.length === 0) return;
    const frames = reports.map(encodeFrame);
    const bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
    this.#checkRoom(reports, bytes);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ reports, frames, bytes, resolve, reject });
    this.#waitingBytes += bytes;
    this.#committing ??= this.#commitAll();
    return promise;
  }

  async read(from: number, limit: number, signal: AbortSignal): Promise<SpooledReports> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#closed) throw new Error('the spool is closed');
      const first = Math.max(from, this.firstUnacknowledged);
      if (first >= this.#parts.writer.end) {
        await this.#growth(signal);
        continue;
      }
      const { worker, end } = this.#parts.writers.of(first);
      const by = worker === undefined ? {} : { worker };
      const most = Math.min(limit, end - first);
      const recent = this.#recent.from(first, most, readBytes);
      if (recent.length > 0) return { first, reports: recent, ...by };
      const segment = this.#parts.writer.segmentOf(first);
      const reports = await this.#reader.read(segment, first, most);
      if (reports.length > 0) return { first, reports, ...by };
      // Damaged on disk: goes on behind the segment, and takes no more into it.
      await this.#parts.writer.giveUp(segment);
      return this.read(segment.end, limit, signal);
    }
  }

  async acknowledge(sequence: number): Promise<void> {
    const upTo = Math.min(sequence, this.#parts.writer.end - 1);
    if (upTo <= this.#acknowledged) return;
    this.#acknowledged = upTo;
    this.#recent.forgetUpTo(upTo);
    this.#parts.acknowledged.set(upTo);
    await this.#parts.writer.release(upTo);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#committing;
    this.#grown.resolve();
    await this.#reader.close();
    await this.#parts.writer.close();
    await this.#parts.acknowledged.close();
    this.#parts.lock[Symbol.dispose]();
  }

  #checkRoom(reports: readonly Report[], bytes: number): void {
    const { maxBytes, writer } = this.#parts;
    const outputOnly = reports.every(report => report.type === 'output');
    const limit = outputOnly ? maxBytes * 0.9 : maxBytes;
    if (writer.bytes + this.#waitingBytes + bytes <= limit) return;
    throw new SpoolFullError(
      'spool',
      `the spool is full (${maxBytes} bytes, ${this.depth} reports that no master has acknowledged)`,
    );
  }

  /** Group commit: whatever waits is written with one fsync; what comes meanwhile is the next group. */
  async #commitAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      const frames = group.flatMap(append => append.frames);
      let first: number;
      try {
        first = await this.#parts.writer.write(frames);
      } catch (error) {
        for (const append of group) append.reject(error);
        continue;
      } finally {
        for (const append of group) this.#waitingBytes -= append.bytes;
      }
      for (const { reports, frames, resolve } of group) {
        reports.forEach((report, index) => {
          this.#recent.add(first++, report, frames[index]?.length ?? 0);
        });
        resolve();
      }
      this.#grown.resolve();
      this.#grown = Promise.withResolvers();
      // A segment that a rotation has just closed may be acknowledged whole.
      await this.#parts.writer.release(this.#acknowledged);
    }
    this.#committing = undefined;
  }

  async #growth(signal: AbortSignal): Promise<void> {
    const { promise, reject } = Promise.withResolvers<never>();
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([this.#grown.promise, promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }
}
