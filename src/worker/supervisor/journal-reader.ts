import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Instant } from '../../domain/time.ts';
import { canListProcesses, readProcess } from '../executors/shell/processes.ts';
import { attemptKey } from './attempt.ts';
import type { JournalEntry, JournalLine } from './journal.ts';

/** What one supervisor, dead or alive, wrote down. */
export interface JournalReading {
  readonly pid: number;
  readonly startTime: string;
  /** Attempts it spawned, or was about to spawn when it died. */
  readonly entries: readonly JournalEntry[];
  /** Attempts that ended at or before it may be missing. */
  readonly forgottenUntil?: Instant;
  readonly files: readonly string[];
}

/** The journals in a directory, one for each supervisor. A missing directory has none. @throws when a file cannot be read */
export async function readJournals(directory: string): Promise<readonly JournalReading[]> {
  const names = (await readdir(directory).catch(ignoreMissing)).filter(name => /^supervisor-.*\.jsonl$/.test(name));
  const families = Map.groupBy(names, name => name.replace(/\.\d+\.jsonl$/, ''));
  const readings: JournalReading[] = [];
  for (const family of families.values()) {
    const files = family.sort((a, b) => generation(a) - generation(b)).map(name => join(directory, name));
    const lines: JournalLine[] = [];
    for (const file of files) lines.push(...parse(await readFile(file, 'utf8').catch(() => '')));
    const reading = fold(lines, files);
    if (reading) readings.push(reading);
  }
  return readings;
}

/** Whether the supervisor that wrote a journal still lives. */
export function isAlive(reading: Pick<JournalReading, 'pid' | 'startTime'>): boolean {
  if (canListProcesses) return readProcess(reading.pid)?.startTime === reading.startTime;
  try {
    return process.kill(reading.pid, 0);
  } catch {
    return false;
  }
}

/** Takes a journal away, once what it says has been acted on. */
export async function removeJournal(reading: JournalReading): Promise<void> {
  for (const file of reading.files) await rm(file, { force: true });
}

const generation = (name: string): number => Number(name.match(/\.(\d+)\.jsonl$/)?.[1]);

function ignoreMissing(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}

/** A line that was cut off (a death, a full disk) was to be written before a spawn that then did not happen. */
function parse(text: string): JournalLine[] {
  return text.split('\n').flatMap(line => {
    try {
      return [JSON.parse(line) as JournalLine];
    } catch {
      return [];
    }
  });
}

function fold(lines: readonly JournalLine[], files: readonly string[]): JournalReading | undefined {
  const entries = new Map<string, JournalEntry>();
  let header: Extract<JournalLine, { type: 'supervisor' }> | undefined;
  for (const line of lines) {
    if (line.type === 'supervisor') header = line;
    else if (line.type === 'spawned') {
      const { type: _type, ...entry } = line;
      entries.set(attemptKey(entry), entry);
    } else {
      const entry = entries.get(attemptKey(line));
      if (entry) entries.set(attemptKey(line), { ...entry, endedAt: line.at });
    }
  }
  if (!header) return undefined;
  const { pid, startTime, forgottenUntil } = header;
  return {
    pid,
    startTime,
    entries: [...entries.values()],
    files,
    ...(forgottenUntil !== undefined && { forgottenUntil }),
  };
}
