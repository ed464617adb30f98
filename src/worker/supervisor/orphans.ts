import { setTimeout as delay } from 'node:timers/promises';
import type { Milliseconds } from '../../domain/time.ts';
import { ProcessTree } from '../executors/shell/tree.ts';
import { type AttemptId, attemptKey } from './attempt.ts';
import type { JournalEntry } from './journal.ts';
import { isAlive, type JournalReading, readJournals, removeJournal } from './journal-reader.ts';

/** What dead supervisors left behind. */
export interface Recovery {
  /** What they spawned, or were about to; those without `endedAt` were running, and are ended by now. */
  readonly entries: readonly JournalEntry[];
  /** The supervisors whose journals were read: an attempt of theirs that is not among `entries` was never spawned. */
  readonly supervisors: readonly number[];
}

/** A supervisor whose worker has just died still ends its children: it is given this long to do so itself. */
const patience: Milliseconds = 2_000;

/**
 * Reads the journals of dead supervisors in `directory`, ends the processes of attempts that still ran (TERM, `grace`
 * later KILL), and takes the journals away. Journals of living supervisors are left alone after 2 s of waiting.
 *
 * @param also attempts to end in any case, whatever the journals say
 * @returns once nothing of them is left
 */
export async function recover(
  directory: string,
  grace: Milliseconds,
  also: readonly AttemptId[] = [],
): Promise<Recovery> {
  const dead = await deadJournals(directory).catch((): readonly JournalReading[] => []);
  const entries = dead.flatMap(reading => reading.entries);
  const running = new Map<string, AttemptId>();
  for (const one of [...entries.filter(({ endedAt }) => endedAt === undefined), ...also]) {
    running.set(attemptKey(one), one);
  }
  await Promise.all(Array.from(running.values(), one => new ProcessTree(one).end(grace)));
  for (const reading of dead) await removeJournal(reading);
  return { entries, supervisors: dead.map(({ pid }) => pid) };
}

async function deadJournals(directory: string): Promise<readonly JournalReading[]> {
  const until = performance.now() + patience;
  for (;;) {
    const readings = await readJournals(directory);
    if (!readings.some(isAlive) || performance.now() >= until) return readings.filter(one => !isAlive(one));
    await delay(50);
  }
}
