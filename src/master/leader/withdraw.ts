import { publishedPath, triggerPath } from '../../coordination/keys.ts';
import { jobKey } from '../../domain/job/job.ts';
import type { RunId } from '../../domain/run/run.ts';
import type { NewRun } from '../../store/store.ts';
import { type Office, type Step, takeAway } from './office.ts';

/** Unpublished runs looked through; they come first in the database's list. */
const lookedThrough = 5_000;

/**
 * Makes sure that pending runs are not started any more: their triggers are deleted, or, where they were never written,
 * kept from being written. Gives those for which that is so; a worker has the others, or it is not known.
 */
export async function withdraw<T extends NewRun>(office: Office, runs: readonly T[]): Promise<readonly T[]> {
  const keyOf = (run: T): string => triggerPath(jobKey(run), run.id);
  const triggers = await office.read(runs.map(keyOf));
  // Whoever writes the trigger writes the mark with it, and deletes that only once the database says "published".
  const steps = runs.map((run, i): Step => {
    const trigger = triggers[i];
    return trigger === undefined
      ? { verb: 'cas', key: publishedPath(run.id), value: 'withdrawn', index: 0 }
      : takeAway(trigger);
  });
  const answers = await office.each(steps);
  const done = runs.filter((_, i) => answers[i] !== 'refused');
  const marked = done.filter(run => triggers[runs.indexOf(run)] === undefined);
  if (marked.length === 0) return done;
  const unpublished = await unpublishedOf(office);
  const late = marked.filter(run => !unpublished.has(run.id));
  await office.each(late.map(run => ({ verb: 'delete', key: publishedPath(run.id) })));
  return done.filter(run => !late.includes(run));
}

async function unpublishedOf(office: Office): Promise<ReadonlySet<RunId>> {
  const pending = await office.store.pendingRuns(lookedThrough);
  return new Set(pending.filter(run => !run.published).map(run => run.id));
}
