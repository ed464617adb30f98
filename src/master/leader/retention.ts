import type { Milliseconds } from '../../domain/time.ts';
import type { Office } from './office.ts';

/** Runs deleted in one transaction: a moment's work, so that reports are never held up. */
const atOnce = 1_000;

/** Deletes runs, logs and skips that ended longer ago than `keep`. */
export async function retain(office: Office, keep: Milliseconds): Promise<void> {
  const { store, term, clock, signal } = office;
  let deleted = 0;
  while (!signal.aborted) {
    const some = await store.retain(term, clock() - keep, atOnce);
    deleted += some;
    if (some < atOnce) break;
  }
  if (deleted > 0) office.logger.info({ deleted }, 'old runs were deleted');
}
