import { maxMembers } from '../job/spec/placement.ts';
import type { JobSpec } from '../job/spec.ts';
import { type Member, memberRunId, type RunId, type RunParticulars } from '../run/run.ts';

/** What of a job decides how many runs a tick of it, or a request, comes to. */
export type Spread = Pick<JobSpec['placement'], 'mode' | 'shards'>;

/** Whether a tick comes to several runs. A job that an earlier version published has no mode. */
export function isSpread({ mode = 'One' }: Partial<Spread>): boolean {
  return mode !== 'One';
}

/**
 * The members that a tick, or a request, comes to now. `eligible`: the names of the workers that are ready and may run
 * it. With mode All one for each of them, of more than 100 the first by name, and none when there is none.
 *
 * @example membersOf({ mode: 'Shards', shards: 2 }, []) // [{ index: 0, count: 2 }, { index: 1, count: 2 }]
 */
export function membersOf({ mode, shards = 0 }: Spread, eligible: readonly string[]): readonly Member[] {
  if (mode === 'Shards') return Array.from({ length: shards }, (_, index) => ({ index, count: shards }));
  const names = [...new Set(eligible)].sort().slice(0, maxMembers);
  return names.map((worker, index) => ({ index, count: names.length, worker }));
}

/** The run of the whole that a member belongs to: its own for a run that is alone. */
export function wholeOf(run: RunId, particulars: RunParticulars | undefined): RunId {
  return particulars?.member === undefined ? run : (run.slice(0, run.lastIndexOf('-')) as RunId);
}

/** The runs of a whole. */
export function runsOfWhole(whole: RunId, members: number | undefined): readonly RunId[] {
  return members === undefined ? [whole] : Array.from({ length: members }, (_, index) => memberRunId(whole, index));
}

/** A request for a run as its members, with their ids; as it is for a job whose runs are alone. */
export function asMembers<T extends { readonly id: RunId; readonly particulars?: RunParticulars }>(
  wanted: T,
  spread: Spread,
  eligible: readonly string[],
): readonly T[] {
  if (!isSpread(spread)) return [wanted];
  return membersOf(spread, eligible).map(member => ({
    ...wanted,
    id: memberRunId(wanted.id, member.index),
    particulars: { ...wanted.particulars, member },
  }));
}

/** `3/8`: the third of eight. */
export function memberText({ index, count }: Pick<Member, 'index' | 'count'>): string {
  return `${index + 1}/${count}`;
}
