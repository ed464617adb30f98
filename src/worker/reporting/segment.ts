import { type FileHandle, open, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { scanFrame } from './frame.ts';

const name = /^(\d{16})\.seg$/;

/** One file of the spool: frames with consecutive sequences, the first of which is in the file's name. */
export interface Segment {
  readonly path: string;
  readonly first: number;
  /** The sequence after its last report. */
  end: number;
  /** Size of its whole frames in bytes. */
  bytes: number;
}

/** Makes an empty segment, durable in its folder. A file of that name can only be one that nothing was committed to. */
export async function createSegment(directory: string, first: number): Promise<{ segment: Segment; file: FileHandle }> {
  const path = join(directory, `${String(first).padStart(16, '0')}.seg`);
  const file = await open(path, 'w+', 0o600);
  try {
    await syncDirectory(directory);
  } catch (error) {
    await file.close();
    await unlink(path).catch(() => {});
    throw error;
  }
  return { segment: { path, first, end: first, bytes: 0 }, file };
}

/**
 * The segments of a folder, oldest first. Only the newest can have been written to when the process died: it is read
 * whole, and `torn` bytes behind its last whole frame are cut off.
 */
export async function findSegments(directory: string): Promise<{ segments: Segment[]; torn: number }> {
  const found: Segment[] = [];
  for (const entry of await readdir(directory)) {
    const match = name.exec(entry);
    if (!match) continue;
    const path = join(directory, entry);
    const first = Number(match[1]);
    found.push({ path, first, end: first, bytes: (await stat(path)).size });
  }
  found.sort((a, b) => a.first - b.first);
  found.forEach((segment, index) => {
    segment.end = found[index + 1]?.first ?? segment.first;
  });
  const newest = found.at(-1);
  return { segments: found, torn: newest ? await repair(newest) : 0 };
}

/** Counts the whole frames of the newest segment and cuts what is behind them. */
async function repair(segment: Segment): Promise<number> {
  const file = await open(segment.path, 'r+');
  try {
    const buffer = await file.readFile();
    let offset = 0;
    for (;;) {
      const scanned = scanFrame(buffer, offset);
      if (scanned.kind !== 'frame') break;
      offset = scanned.next;
      segment.end++;
    }
    segment.bytes = offset;
    if (offset < buffer.length) {
      await file.truncate(offset);
      await file.datasync();
    }
    return buffer.length - offset;
  } finally {
    await file.close();
  }
}

/** Makes creations, renames and deletions in the folder durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes the whole buffer at `position`; a short write is what comes before ENOSPC. */
export async function writeFully(file: FileHandle, buffer: Buffer, position: number): Promise<void> {
  let done = 0;
  while (done < buffer.length) {
    const { bytesWritten } = await file.write(buffer, done, buffer.length - done, position + done);
    done += bytesWritten;
  }
}
