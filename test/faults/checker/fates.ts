import type { FinalRun, FinalSkip, Start } from '../history/history.ts';
import type { Book } from './book.ts';
import { bounds } from './bounds.ts';
import { type Job, requiredTicks } from './jobs.ts';

/** What became of an elapsed tick, by what shows it. */
export interface Fate {
  readonly job: Job;
  readonly tick: number;
  /** The first start for it, of attempt 1 where there is one. */
  readonly start?: Start;
  /** It began in the tick's live window. */
  readonly live: boolean;
  /** Runs for it that the product knows. */
  readonly runs: readonly FinalRun[];
  readonly skips: readonly FinalSkip[];
  /** Its run waited for a worker when all was read: a trigger in Consul, which nobody has to tell of until it is claimed. */
  readonly waits: boolean;
  /** Nobody had to start it. */
  readonly excused: boolean;
}

/** Of every tick that must be accounted for, job by job, in order. */
export function fatesOf(book: Book): Fate[] {
  const { from, to } = book.history.run;
  return [...book.jobs.values()].flatMap(job => {
    const starts = Map.groupBy(book.startsOfJob.get(job.key) ?? [], ({ tick }) => tick);
    const runs = Map.groupBy(book.runsOfJob.get(job.key) ?? [], ({ tick }) => tick);
    const skips = book.skipsOfJob.get(job.key) ?? [];
    const triggers = book.history.final.consul.triggers.filter(key => key.startsWith(`cron/trigger/${job.key}/`));
    return requiredTicks(job, from, to).map((tick): Fate => {
      const own = starts.get(tick) ?? [];
      const start = own.find(({ attempt }) => attempt === 1) ?? own[0];
      const live =
        start !== undefined && start.attempt === 1 && start.at <= tick + bounds.liveWindow + bounds.startSlack;
      return {
        job,
        tick,
        ...(start !== undefined && { start }),
        live,
        runs: runs.get(tick) ?? [],
        skips: skips.filter(skip => skip.from <= tick && tick <= skip.to),
        waits: triggers.some(key => key.endsWith(`-${tick.toString(36)}`)),
        excused: !live && book.world.excused(tick),
      };
    });
  });
}
