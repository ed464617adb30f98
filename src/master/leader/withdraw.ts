import { publishedPath, triggerPath } from '../../coordination/keys.ts';
import { jobKey } from '../../domain/job/job.ts';
import type { NewRun } from '../../store/store.ts';
import type { Office } from './office.ts';

/** Unpublished runs looked through for one; they come first in the database's list. */
const lookedThrough = 1_000;

/**
 * Makes sure that a pending run is not started any more: its trigger is deleted, or, where it was never written, kept
 * from being written. False: a worker has it, or what became of it is not known.
 */
export async function withdraw(office: Office, run: NewRun): Promise<boolean> {
  const key = triggerPath(jobKey(run), run.id);
  const [trigger] = await office.read([key]);
  if (trigger !== undefined) return (await office.transact([{ verb: 'delete-cas', key, index: trigger.index }])).ok;
  // Whoever writes the trigger writes this key with it, and deletes it only once the database says "published".
  const marker = publishedPath(run.id);
  const marked = await office.transact([{ verb: 'cas', key: marker, value: 'withdrawn', index: 0 }]);
  if (!marked.ok) return false;
  const pending = await office.store.pendingRuns(lookedThrough);
  if (pending.some(({ id, published }) => id === run.id && !published)) return true;
  await office.transact([{ verb: 'delete', key: marker }]);
  return false;
}
