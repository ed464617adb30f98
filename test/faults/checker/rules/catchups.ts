import { type Book, clock, type Violation } from '../book.ts';
import { bounds } from '../bounds.ts';
import type { Fate } from '../fates.ts';
import { type Job, possibleIn, type Version } from '../jobs.ts';
import { ofFaults } from './reasons.ts';

/** Ticks of a job that were missed in a row: nobody started them in time, and they were found later. */
interface Row {
  readonly job: Job;
  readonly version: Version;
  readonly fates: readonly Fate[];
}

/** Of each row of missed ticks just those ran after all that the policy says. */
export function catchups(book: Book, fates: readonly Fate[]): Violation[] {
  return rowsOf(fates).flatMap(row => judged(book, row));
}

/** Whether a tick was run after all: by its run's trigger, begun or still to begin. */
export function isCatchup({ runs, live }: Fate): boolean {
  return !live && runs.some(({ trigger }) => trigger === 'catchup');
}

function isMissed(fate: Fate): boolean {
  if (fate.live) return false;
  return isCatchup(fate) || fate.skips.some(({ reason }) => ofFaults.has(reason));
}

function rowsOf(fates: readonly Fate[]): Row[] {
  const rows: Row[] = [];
  for (const [job, own] of Map.groupBy(fates, fate => fate.job)) {
    let row: Fate[] = [];
    const close = (): void => {
      const [first, last] = [row[0], row.at(-1)];
      row = [];
      if (first === undefined || last === undefined) return;
      const fates = own.filter(({ tick }) => first.tick <= tick && tick <= last.tick);
      const versions = possibleIn(job, first.tick, last.tick + bounds.recovery);
      const [version] = versions;
      // By which of two definitions it was judged nobody outside can know.
      if (version !== undefined && versions.length === 1) rows.push({ job, version, fates });
    };
    for (const fate of own) {
      // A run after all that began before the next tick was due ended what was missed until then.
      if (row.some(one => isCatchup(one) && one.start !== undefined && one.start.at < fate.tick)) close();
      if (isMissed(fate)) row.push(fate);
      else close();
    }
    close();
  }
  return rows;
}

function judged(book: Book, row: Row): Violation[] {
  const { job, version, fates } = row;
  const { misfirePolicy: policy, misfireLimit } = version.spec;
  const ran = fates.filter(isCatchup);
  const begun = ran.filter(({ start }) => start !== undefined);
  const [first, last] = [fates[0]?.tick ?? 0, fates.at(-1)?.tick ?? 0];
  const what = `${job.key}, ${fates.length} ticks missed from ${clock(first)} to ${clock(last)}, misfirePolicy ${policy}`;
  const most = { Skip: 0, RunLatest: 1, RunAll: misfireLimit }[policy];
  // How many there must be at least, a leader that came in the middle of it may have had too little time to see.
  const anew = book.world.leaderMayChange(first - bounds.leaderBack, last + bounds.leaderBack);
  if (begun.length > most) {
    return [{ rule: 'catch-up', what: `${what}: ${begun.length} ran after all, ${most} may` }];
  }
  const wanted = anew ? 0 : leastOf(book, row);
  return ran.length < wanted
    ? [{ rule: 'catch-up', what: `${what}: ${ran.length} ran after all, ${wanted} must` }]
    : [];
}

/** How many must have been asked for after all, as far as that is certain. */
function leastOf(book: Book, { job, version, fates }: Row): number {
  const { misfirePolicy: policy, misfireLimit } = version.spec;
  // What may have been started unseen is not run after all.
  const certain = fates.filter(({ tick }) => !book.world.pastLostAround(tick));
  const inTime = certain.filter(({ skips }) => !skips.some(({ reason }) => reason === 'DeadlineExceeded'));
  if (policy === 'RunAll') return Math.min(misfireLimit, inTime.length);
  const last = inTime.at(-1);
  if (policy === 'Skip' || last === undefined) return 0;
  const later = (book.startsOfJob.get(job.key) ?? []).some(({ tick }) => tick !== undefined && tick > last.tick);
  return later ? 0 : 1;
}
