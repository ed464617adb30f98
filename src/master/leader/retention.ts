import type { JobHistory } from '../../domain/job/spec.ts';
import type { Milliseconds } from '../../domain/time.ts';
import type { ArchiveHold, JobSpell } from '../../store/store.ts';
import type { Office } from './office.ts';

/** Runs deleted in one transaction: a moment's work, so that reports are never held up. */
const atOnce = 1_000;
/** A run that ended so lately may still be reported again by its worker, which would make its row anew. */
const settledAfter: Milliseconds = 600_000;

/** Deletes runs, logs and skips that ended longer ago than `keep`. `hold`: what is kept for the archive's sake. */
export async function retain(office: Office, keep: Milliseconds, hold: () => ArchiveHold | undefined): Promise<void> {
  const { store, term, clock, signal } = office;
  let deleted = 0;
  while (!signal.aborted) {
    const some = await store.retain(term, clock() - keep, atOnce, hold());
    deleted += some;
    if (some < atOnce) break;
  }
  if (deleted > 0) office.logger.info({ deleted }, 'old runs were deleted');
}

/** Deletes of each job what is beyond its `history`, or beyond what is kept of all jobs; `hold` as in `retain`. */
export async function trim(
  office: Office,
  jobs: Iterable<JobSpell>,
  all: JobHistory,
  hold: () => ArchiveHold | undefined,
): Promise<void> {
  const { store, term, clock, signal } = office;
  let deleted = 0;
  for (const { uid: jobUid, namespace, name, spec } of jobs) {
    const history = smaller(spec.history ?? {}, all);
    if (Object.keys(history).length === 0) continue;
    for (let some = atOnce; some >= atOnce && !signal.aborted; deleted += some) {
      const now = clock();
      const times = { now, before: now - settledAfter, hold: hold() };
      some = await store.trim(term, { jobUid, namespace, name }, history, times, atOnce);
    }
  }
  if (deleted > 0) office.logger.info({ deleted }, 'runs and output beyond what is kept of their jobs were deleted');
}

/** The smaller of each bound. */
function smaller(one: JobHistory, other: JobHistory): JobHistory {
  const bounds = (['runs', 'days', 'outputBytes'] as const).flatMap(bound => {
    const given = [one[bound], other[bound]].filter(value => value !== undefined);
    return given.length === 0 ? [] : [[bound, Math.min(...given)] as const];
  });
  return Object.fromEntries(bounds);
}
