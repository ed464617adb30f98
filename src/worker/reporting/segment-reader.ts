import { type FileHandle, open } from 'node:fs/promises';
import type { Report } from '../../domain/run/report.ts';
import type { Logger } from '../../observability/logger.ts';
import { decodePayload, scanFrame } from './frame.ts';
import type { Segment } from './segment.ts';

const chunkBytes = 256 * 1024;

/**
 * Reads segments in order. It remembers where it stopped, so that going on costs one read of the disk; going back
 * costs a scan from its segment's beginning.
 */
export class SegmentReader {
  readonly #logger: Logger;
  #at: { readonly segment: Segment; readonly file: FileHandle; sequence: number; offset: number } | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /**
   * Reports of `segment` from `first` on: at most `limit`, and not many more than 256 kB. None when the disk no longer
   * holds what was written: then the rest of the segment is lost, and is logged as such.
   */
  async read(segment: Segment, first: number, limit: number): Promise<Report[]> {
    const at = await this.#seek(segment, first);
    const reports: Report[] = [];
    let buffer = await this.#chunk(at, chunkBytes);
    let offset = 0;
    while (at.sequence < segment.end) {
      const scanned = scanFrame(buffer, offset);
      if (scanned.kind === 'short' && at.offset + offset + scanned.wanted <= segment.bytes) {
        // A whole chunk was used: enough, unless `first` was not yet reached or its frame is larger than a chunk.
        if (reports.length > 0) break;
        at.offset += offset;
        offset = 0;
        buffer = await this.#chunk(at, Math.max(chunkBytes, scanned.wanted));
        if (buffer.length >= scanned.wanted) continue;
      }
      if (scanned.kind !== 'frame') {
        if (reports.length === 0) this.#logLoss(segment, at.sequence);
        break;
      }
      if (at.sequence >= first) reports.push(decodePayload(scanned.payload));
      at.sequence++;
      offset = scanned.next;
      if (reports.length === limit) break;
    }
    at.offset += offset;
    return reports;
  }

  async close(): Promise<void> {
    const file = this.#at?.file;
    this.#at = undefined;
    await file?.close();
  }

  async #seek(segment: Segment, first: number) {
    const at = this.#at;
    if (at?.segment === segment && at.sequence <= first) return at;
    await this.close();
    this.#at = { segment, file: await open(segment.path, 'r'), sequence: segment.first, offset: 0 };
    return this.#at;
  }

  async #chunk(at: { readonly file: FileHandle; readonly offset: number }, bytes: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(bytes);
    const { bytesRead } = await at.file.read(buffer, 0, bytes, at.offset);
    return buffer.subarray(0, bytesRead);
  }

  #logLoss(segment: Segment, from: number): void {
    this.#logger.error(
      { segment: segment.path, from, to: segment.end - 1 },
      'the spool is damaged on disk: these reports are lost; look after the volume',
    );
  }
}
