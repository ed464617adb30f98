import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { CronmeshError, ErrorCode } from '../domain/errors.ts';
import {
  type BackupHeader,
  type BackupOptions,
  type BackupRow,
  type BackupStore,
  type BackupTable,
  backupTables,
} from './backup.ts';

/**
 * A backup as a file: lines of JSON, the header first, then a row a line (`{"job":{…}}`), then counts and the SHA-256 of
 * all lines before. Compressed where the file's name ends in `.gz`.
 */

export type BackupCounts = Readonly<Partial<Record<BackupTable, number>>>;

/** What a whole file holds. */
export interface BackupSummary {
  readonly header: BackupHeader;
  readonly rows: BackupCounts;
}

interface Ending {
  readonly end: { readonly rows: BackupCounts; readonly sha256: string };
}

/** Of what is written at once. */
const bufferSize = 256 * 1024;

/**
 * Writes a backup of the store. The file (mode 600) takes its name once it is whole; `-` is standard output.
 *
 * @throws CronmeshError where the database refuses; the system's error where the file can't be written
 */
export async function writeBackup(
  store: Pick<BackupStore, 'exportBackup'>,
  path: string,
  options: BackupOptions & { readonly program: string },
): Promise<BackupSummary> {
  if (path === '-') return await write(store, process.stdout, options);
  const part = `${path}.part`;
  const file = createWriteStream(part, { mode: 0o600 });
  try {
    const gzip = path.endsWith('.gz') ? createGzip() : undefined;
    gzip?.pipe(file);
    const out = gzip ?? file;
    // An error of either is thrown by `finished`, not by the process.
    file.on('error', error => out.destroy(error));
    const summary = await write(store, out, options);
    out.end();
    await finished(file);
    await synced(part);
    await rename(part, path);
    return summary;
  } catch (error) {
    file.destroy();
    await rm(part, { force: true });
    throw error;
  }
}

async function write(
  store: Pick<BackupStore, 'exportBackup'>,
  out: Writable,
  { program, ...options }: BackupOptions & { readonly program: string },
): Promise<BackupSummary> {
  const hash = createHash('sha256');
  const rows: Partial<Record<BackupTable, number>> = {};
  let header: BackupHeader | undefined;
  let buffer: string[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    const text = buffer.join('');
    buffer = [];
    size = 0;
    hash.update(text);
    if (out.errored) throw out.errored;
    if (!out.write(text)) await once(out, 'drain');
  };
  const line = async (text: string): Promise<void> => {
    buffer.push(text, '\n');
    size += text.length;
    if (size >= bufferSize) await flush();
  };
  await store.exportBackup(options, {
    begin: async begun => {
      const { cronmesh, format, ...rest } = begun;
      header = { cronmesh, format, program, ...rest };
      await line(JSON.stringify(header));
    },
    row: async ({ table, json }) => {
      rows[table] = (rows[table] ?? 0) + 1;
      await line(`{"${table}":${json}}`);
    },
  });
  await flush();
  const ending: Ending = { end: { rows, sha256: hash.digest('hex') } };
  if (!out.write(`${JSON.stringify(ending)}\n`)) await once(out, 'drain');
  if (header === undefined) throw new Error('the store gave no header');
  return { header, rows };
}

async function synced(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Reads a whole backup and checks it: its format, its order, its counts, its checksum. Nothing is taken in.
 *
 * @throws CronmeshError InvalidInput in one line that says what is wrong with the file
 */
export async function checkBackup(path: string): Promise<BackupSummary> {
  const hash = createHash('sha256');
  const rows: Partial<Record<BackupTable, number>> = {};
  let header: BackupHeader | undefined;
  let place = 0;
  let number = 0;
  let ending: Ending | undefined;
  for await (const line of linesOf(path)) {
    number++;
    if (ending !== undefined) throw refusal(path, `line ${number} comes after its end`);
    if (header === undefined) header = headerOf(path, line);
    else if (line.startsWith('{"end":')) {
      ending = parsed(line) as Ending;
      continue;
    } else {
      const { table } = rowOf(path, line, number);
      const at = backupTables.indexOf(table);
      if (at < place) throw refusal(path, `line ${number} is out of order: ${table} after ${backupTables[place]}`);
      place = at;
      rows[table] = (rows[table] ?? 0) + 1;
    }
    hash.update(line).update('\n');
  }
  if (header === undefined) throw refusal(path, 'it is empty');
  if (ending === undefined)
    throw refusal(path, `it breaks off after line ${number}: the end with the checksum is missing`);
  if (ending.end?.sha256 !== hash.digest('hex')) {
    throw refusal(path, 'its checksum differs: it was changed or damaged after it was written');
  }
  return { header, rows };
}

/** The rows of a file that was checked. */
export async function* backupRows(path: string): AsyncGenerator<BackupRow> {
  let number = 0;
  for await (const line of linesOf(path)) {
    number++;
    if (number > 1 && !line.startsWith('{"end":')) yield rowOf(path, line, number);
  }
}

function headerOf(path: string, line: string): BackupHeader {
  const header = parsed(line) as Partial<Record<keyof BackupHeader, unknown>> | undefined;
  if (header?.cronmesh !== 'backup') throw refusal(path, 'it is no backup of Cronmesh (its first line is no header)');
  if (header.format !== 1) {
    throw refusal(path, `it has format ${header.format}, of Cronmesh ${header.program}: this program reads format 1`);
  }
  return header as unknown as BackupHeader;
}

const beginning = /^\{"([a-z_]+)":/;

function rowOf(path: string, line: string, number: number): BackupRow {
  const table = beginning.exec(line)?.[1] as BackupTable | undefined;
  if (table === undefined || !backupTables.includes(table) || !line.endsWith('}')) {
    throw refusal(path, `line ${number} is no row of a backup: ${JSON.stringify(line.slice(0, 60))}`);
  }
  return { table, json: line.slice(table.length + 4, -1) };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

async function* linesOf(path: string): AsyncGenerator<string> {
  try {
    const compressed = await isCompressed(path);
    const file = createReadStream(path);
    const input = compressed ? file.pipe(createGunzip()) : file;
    if (input !== file) file.on('error', error => input.destroy(error));
    try {
      yield* split(input.setEncoding('utf8'));
    } finally {
      file.destroy();
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof CronmeshError) throw error;
    if (code === 'Z_BUF_ERROR') throw refusal(path, 'it breaks off: the compressed data ends too early');
    throw refusal(path, code === 'ENOENT' ? 'there is no such file' : message);
  }
}

/** At line feeds alone: readline also breaks at U+2028, which JSON may hold as it is. */
async function* split(input: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of input) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

/** By its first bytes: a name says little. */
async function isCompressed(path: string): Promise<boolean> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}

function refusal(path: string, why: string): CronmeshError {
  return new CronmeshError(ErrorCode.InvalidInput, `${path} can't be restored: ${why}`);
}
