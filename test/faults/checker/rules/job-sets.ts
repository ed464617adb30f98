import type { JobSets } from '../../history/history.ts';
import { type Book, clock, type Violation } from '../book.ts';
import { bounds } from '../bounds.ts';
import { covers, touches } from '../spans.ts';

/** A worker that is connected has the jobs that Consul has, with their revisions, within 5 s. */
export function jobSets(book: Book): Violation[] {
  const { jobSets: samples } = book.history;
  return samples.flatMap((sample, i) => {
    const before = samples
      .slice(Math.max(0, i - 60), i + 1)
      .filter(({ at }) => at >= sample.at - bounds.jobSet - bounds.probeSlack);
    if (sample.consul === undefined || !isSteady(before, sample)) return [];
    return Object.entries(sample.workers).flatMap(([worker, jobs]): Violation[] => {
      if (jobs === undefined || !isConnected(book, worker, sample.at)) return [];
      // It serves, for all that time: one that has just started is still reading them.
      if (before.some(one => one.workers[worker] === undefined)) return [];
      const difference = firstDifference(sample.consul ?? {}, jobs);
      return difference === undefined
        ? []
        : [{ rule: 'job set', what: `${worker} at ${clock(sample.at)}: ${difference}` }];
    });
  });
}

/** Whether Consul had the same jobs for 5 s, with a look at the beginning and at the end. */
function isSteady(before: readonly JobSets[], { at, consul }: JobSets): boolean {
  const [first] = before;
  if (first === undefined || first.at > at - bounds.jobSet) return false;
  return before.every(one => one.consul !== undefined && firstDifference(one.consul, consul ?? {}) === undefined);
}

function isConnected({ world }: Book, worker: string, at: number): boolean {
  const from = at - bounds.jobSet - bounds.probeSlack;
  return (
    covers(world.fit(worker), from, at) &&
    // While Consul's past is in doubt a worker keeps what it has until the next epoch.
    !touches(world.pastLost, from, at) &&
    !world.faultsIn(from, at).some(({ effect }) => effect === 'impaired' || effect === 'split')
  );
}

function firstDifference(
  wanted: Readonly<Record<string, number>>,
  found: Readonly<Record<string, number>>,
): string | undefined {
  for (const key of new Set([...Object.keys(wanted), ...Object.keys(found)])) {
    if (wanted[key] !== found[key]) {
      return `${key} is ${found[key] ?? 'not there'}, in Consul ${wanted[key] ?? 'not there'}`;
    }
  }
  return undefined;
}
