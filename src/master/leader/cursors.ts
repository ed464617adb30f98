import { jobOfPath, jobPath, prefix } from '../../coordination/keys.ts';
import { type CursorRecord, decode } from '../../coordination/records.ts';
import { type JobKey, splitJobKey } from '../../domain/job/job.ts';
import type { Milliseconds } from '../../domain/time.ts';
import { type Office, takeAway } from './office.ts';

/**
 * The cursor of a deleted job stays for so long after its last tick: whoever comes late with that tick finds it decided.
 * A job made anew under the name has a floor far above it.
 */
const kept: Milliseconds = 3_600_000;
/** Looked at in one pass; what is left is for the next one. */
const atOnce = 1_000;

/**
 * Deletes the cursors of jobs that are gone, of the database and of Consul, so that names that never come again leave
 * nothing behind. One that cannot be read stays: somebody should look at it.
 */
export async function clearCursors(office: Office): Promise<void> {
  const { coordinator, signal, store, clock } = office;
  // In this order: a job that is made in between is in the second list.
  const cursors = await coordinator.keys(prefix.cursor, { signal });
  const jobs = new Set(await coordinator.keys(prefix.jobs, { signal }));
  const orphans = cursors.filter(key => !jobs.has(jobPath(jobOfPath(key, prefix.cursor)))).slice(0, atOnce);
  if (orphans.length === 0) return;
  const before = clock() - kept;
  const gone: { readonly job: JobKey; readonly key: string; readonly index: number }[] = [];
  for (const entry of await office.read(orphans)) {
    if (entry === undefined || !(tickOf(entry) < before)) continue;
    const job = jobOfPath(entry.key, prefix.cursor);
    const { namespace, name } = splitJobKey(job);
    // Deleted in Consul by hand, it comes back from there.
    if ((await store.getJob(namespace, name)) === undefined) gone.push({ job, key: entry.key, index: entry.index });
  }
  if (gone.length === 0) return;
  const answers = await office.each(
    gone.map(({ job, ...entry }) => [{ verb: 'check-not-exists', key: jobPath(job) }, ...takeAway(entry)]),
  );
  const deleted = answers.filter(answer => answer !== 'refused').length;
  office.logger.info({ cursors: deleted }, 'cursors of jobs that are long gone were deleted');
}

function tickOf(entry: Parameters<typeof decode>[0]): number {
  try {
    return decode<CursorRecord>(entry).tick;
  } catch {
    return Number.NaN;
  }
}
