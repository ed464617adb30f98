import type { Entry } from '../../coordination/coordinator.ts';
import { prefix } from '../../coordination/keys.ts';
import { decode, type LaneRecord } from '../../coordination/records.ts';
import type { Instant, Milliseconds } from '../../domain/time.ts';
import type { WorkerDirectory } from '../services/workers.ts';
import { type Office, takeAway } from './office.ts';

/** Lanes of a worker that is not in the catalog are kept this long after its last beat: it may only be cut off. */
const kept: Milliseconds = 3_600_000;

/**
 * Deletes the lanes of workers that died without a word. Should one come back after all, it misses its lanes, takes
 * that for a lost past, and the leader begins a new epoch: safe, and rare enough.
 */
export async function clearLanes(office: Office, workers: Pick<WorkerDirectory, 'list'>): Promise<void> {
  const entries = await office.list(prefix.lane);
  const lastBeat = new Map<string, Instant>();
  for (const entry of entries) {
    const at = beatOf(entry);
    if (at !== undefined) lastBeat.set(workerOf(entry), at);
  }
  const here = new Set<string>(workers.list().map(worker => worker.id));
  const before = office.clock() - kept;
  const gone = entries.filter(entry => {
    const worker = workerOf(entry);
    const beat = lastBeat.get(worker);
    return !here.has(worker) && beat !== undefined && beat < before;
  });
  if (gone.length === 0) return;
  await office.each(gone.map(takeAway));
  office.logger.info({ lanes: gone.length }, 'lanes of workers that are gone were deleted');
}

function workerOf({ key }: Pick<Entry, 'key'>): string {
  return key.slice(prefix.lane.length, key.lastIndexOf('/'));
}

function beatOf(entry: Entry): Instant | undefined {
  try {
    return decode<LaneRecord>(entry).at;
  } catch {
    return undefined;
  }
}
