import { crc32 } from 'node:zlib';
import type { Report } from '../../domain/run/report.ts';
import { maxReportBytes, ReportTooLargeError } from './spool.ts';

/**
 * How a report lies on disk: length and CRC-32 of the payload (4 bytes each, little-endian), then the payload, which
 * is JSON. A frame that ends too early or does not match its sum was never completely written.
 */
export const headerBytes = 8;

/** @throws ReportTooLargeError */
export function encodeFrame(report: Report): Buffer {
  const json = JSON.stringify(report);
  const length = Buffer.byteLength(json);
  if (length > maxReportBytes) throw new ReportTooLargeError(length);
  const frame = Buffer.allocUnsafe(headerBytes + length);
  frame.write(json, headerBytes);
  frame.writeUInt32LE(length, 0);
  frame.writeUInt32LE(crc32(frame.subarray(headerBytes)), 4);
  return frame;
}

/** What a scan from `offset` came to: a frame's payload, the buffer's end inside a frame, or something that is no frame. */
export type Scanned =
  | { readonly kind: 'frame'; readonly payload: Buffer; readonly next: number }
  | { readonly kind: 'short'; readonly wanted: number }
  | { readonly kind: 'broken' };

/** Looks at the frame that begins at `offset`. `wanted` is how many bytes from `offset` on the whole frame needs. */
export function scanFrame(buffer: Buffer, offset: number): Scanned {
  if (offset + headerBytes > buffer.length) return { kind: 'short', wanted: headerBytes };
  const length = buffer.readUInt32LE(offset);
  // Zeros are what a file system leaves where a crash cut the data but not the length.
  if (length === 0 || length > maxReportBytes) return { kind: 'broken' };
  const start = offset + headerBytes;
  if (start + length > buffer.length) return { kind: 'short', wanted: headerBytes + length };
  const payload = buffer.subarray(start, start + length);
  if (crc32(payload) !== buffer.readUInt32LE(offset + 4)) return { kind: 'broken' };
  return { kind: 'frame', payload, next: start + length };
}

export function decodePayload(payload: Buffer): Report {
  return JSON.parse(payload.toString('utf8')) as Report;
}
