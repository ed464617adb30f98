import { type FileHandle, open, unlink } from 'node:fs/promises';
import type { Logger } from '../../observability/logger.ts';
import { createSegment, type Segment, writeFully } from './segment.ts';
import { SpoolFullError } from './spool.ts';

interface Options {
  readonly directory: string;
  /** Oldest first; the newest is written on. */
  readonly segments: readonly Segment[];
  readonly segmentBytes: number;
  /** The last sequence acknowledged: the next report's is larger. */
  readonly after: number;
  readonly logger: Logger;
}

/** The spool's segments: appends to the newest, deletes the oldest. */
export class SegmentWriter {
  readonly #options: Options;
  #segments: Segment[];
  #active: Segment;
  #file: FileHandle;
  /** The newest segment must not be written on: what is behind its whole frames is not known. */
  #sealed = false;

  private constructor(options: Options, segments: Segment[], active: Segment, file: FileHandle) {
    this.#options = options;
    this.#segments = segments;
    this.#active = active;
    this.#file = file;
  }

  static async open(options: Options): Promise<SegmentWriter> {
    const newest = options.segments.at(-1);
    if (newest && newest.end > options.after) {
      return new SegmentWriter(options, [...options.segments], newest, await open(newest.path, 'r+'));
    }
    const { segment, file } = await createSegment(options.directory, Math.max(newest?.end ?? 1, options.after + 1));
    const older = options.segments.filter(one => one.path !== segment.path);
    const writer = new SegmentWriter(options, [...older, segment], segment, file);
    await writer.release(options.after);
    return writer;
  }

  /** The first sequence that is on disk, or would be. */
  get first(): number {
    return this.#segments[0]?.first ?? this.#active.first;
  }

  /** The sequence that the next report gets. */
  get end(): number {
    return this.#active.end;
  }

  /** On disk, in bytes. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /** The segment that holds `sequence`; the oldest when it is older than that. */
  segmentOf(sequence: number): Segment {
    return this.#segments.find(segment => sequence < segment.end) ?? this.#active;
  }

  /**
   * Writes and syncs all of the frames, or keeps none of them. Gives the first one's sequence. Not to be called again
   * before it has settled.
   * @throws SpoolFullError when the volume is full
   */
  async write(frames: readonly Buffer[]): Promise<number> {
    try {
      if (this.#sealed || this.#active.bytes >= this.#options.segmentBytes) await this.#rotate();
      return await this.#commit(frames);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
      throw new SpoolFullError('disk', `the volume of ${this.#options.directory} is full`, error);
    }
  }

  /** Takes no more into a segment whose content turned out to be damaged. */
  async giveUp(segment: Segment): Promise<void> {
    if (segment === this.#active) this.#sealed = true;
  }

  /** Deletes the segments that hold nothing after `sequence`. */
  async release(sequence: number): Promise<void> {
    const gone = this.#segments.filter(segment => segment !== this.#active && segment.end <= sequence + 1);
    if (gone.length === 0) return;
    this.#segments = this.#segments.filter(segment => !gone.includes(segment));
    for (const { path } of gone) {
      await unlink(path).catch(error =>
        this.#options.logger.warn({ err: error, path }, 'an acknowledged segment of the spool was not deleted'),
      );
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #commit(frames: readonly Buffer[]): Promise<number> {
    const segment = this.#active;
    const buffer = frames.length === 1 && frames[0] ? frames[0] : Buffer.concat(frames);
    try {
      await writeFully(this.#file, buffer, segment.bytes);
      await this.#file.datasync();
    } catch (error) {
      await this.#cut(segment);
      throw error;
    }
    const first = segment.end;
    segment.bytes += buffer.length;
    segment.end += frames.length;
    return first;
  }

  /** Takes a failed write back. Where that fails too, or a sync did, the segment is closed as it is. */
  async #cut(segment: Segment): Promise<void> {
    try {
      await this.#file.truncate(segment.bytes);
      await this.#file.datasync();
    } catch {
      this.#sealed = true;
    }
  }

  async #rotate(): Promise<void> {
    const { segment, file } = await createSegment(this.#options.directory, this.end);
    await this.#file.close().catch(() => {});
    this.#segments = [...this.#segments.filter(one => one.path !== segment.path), segment];
    this.#active = segment;
    this.#file = file;
    this.#sealed = false;
  }
}
