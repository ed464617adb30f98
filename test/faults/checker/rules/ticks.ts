import type { FinalRun } from '../../history/history.ts';
import { type Book, clock, described, type Violation } from '../book.ts';
import { bounds } from '../bounds.ts';
import type { Fate } from '../fates.ts';
import { deadlineOf, possibleIn } from '../jobs.ts';
import { slotsTaken } from './holding.ts';
import { ofFaults, untruth } from './reasons.ts';

/** Each elapsed tick has exactly one of: a start, a run that ended without one, a skip; with a reason that is true. */
export function ticks(book: Book, fates: readonly Fate[]): Violation[] {
  return fates.flatMap(fate => [...accounted(book, fate), ...(fate.start === undefined ? [] : lateStart(book, fate))]);
}

function accounted(book: Book, fate: Fate): Violation[] {
  const { start, runs, skips, waits, job, tick } = fate;
  const what = `${job.key} at ${clock(tick)}`;
  const [skip, second] = skips;
  if (skip !== undefined && second !== undefined) {
    return [{ rule: 'accounted twice', what: `${what}: skips ${skip.reason} and ${second.reason}` }];
  }
  if (start !== undefined) {
    if (skip === undefined || skip.reason === 'Suspended') return [];
    return [{ rule: 'accounted twice', what: `${what}: ${described(start)}, and a skip ${skip.reason}` }];
  }
  const [run] = runs;
  if (run !== undefined && skip !== undefined && skip.reason !== 'Suspended') {
    return [{ rule: 'accounted twice', what: `${what}: run ${run.id} ${run.state}, and a skip ${skip.reason}` }];
  }
  if (run !== undefined) return withoutStart(book, fate, run, what);
  if (skip === undefined && waits) {
    const isLate = deadlineOf(possibleIn(job, tick, tick), tick) + bounds.settle < book.history.run.readAt;
    return isLate ? [{ rule: 'left open', what: `${what}: waits in Consul, past its deadline` }] : [];
  }
  if (skip === undefined) return [{ rule: 'missed', what: `${what}: neither a start, a run nor a skip` }];
  return reason(book, fate, skip.reason, `${what}: skipped as ${skip.reason}`);
}

/** What a run says that never started, by its own process. */
function withoutStart(book: Book, fate: Fate, run: FinalRun, what: string): Violation[] {
  const { state, id } = run;
  const said = `${what}: run ${id} is ${state}${run.reason === undefined ? '' : ` (${run.reason})`}`;
  if (state === 'Skipped') {
    return run.reason === undefined
      ? [{ rule: 'untrue reason', what: `${said} without a reason` }]
      : reason(book, fate, run.reason, said);
  }
  // The one family knows what may have caused it, the other how long it may stay.
  if (state === 'Lost' || ['Pending', 'Claimed', 'Running'].includes(state)) return [];
  if (state === 'Killed')
    return wasKilled(book, fate, id) ? [] : [{ rule: 'untrue outcome', what: `${said}, and nobody asked for that` }];
  return [{ rule: 'untrue outcome', what: `${said}, and its process never began` }];
}

function wasKilled(book: Book, { job, tick }: Fate, id: string): boolean {
  return (
    book.history.requests.some(({ action, run, result }) => action === 'kill' && run === id && result !== 'refused') ||
    possibleIn(job, tick, tick + bounds.leaderBack).some(({ spec }) => spec.concurrencyPolicy === 'Replace')
  );
}

function reason(book: Book, fate: Fate, given: string, what: string): Violation[] {
  const { job, tick, excused } = fate;
  const untrue = untruth(book, job, tick, given);
  if (untrue !== undefined) return [{ rule: 'untrue reason', what: `${what}, but ${untrue}` }];
  if (!ofFaults.has(given) || excused || book.world.faultBeganOrEnded(tick)) return [];
  // Behind a slot whose holder is gone: nobody could have it before the lock's delay had passed.
  if (slotsTaken(book, job, tick)) return [];
  return [{ rule: 'missed', what: `${what}, though Consul and a worker were there all that time` }];
}

/** A start after its live window needs a cause: its policy, no room, or what kept it from starting in time. */
function lateStart(book: Book, fate: Fate): Violation[] {
  const { start, live, job, tick, excused } = fate;
  if (start === undefined || live || excused) return [];
  const waits = possibleIn(job, tick, start.at).some(({ spec }) =>
    ['Queue', 'Replace'].includes(spec.concurrencyPolicy),
  );
  const others = (book.startsOfJob.get(job.key) ?? []).some(
    one => one.run !== start.run && one.at <= start.at && book.overAt(one) + bounds.orphanedLock >= tick,
  );
  if ((waits && others) || book.world.faultBeganOrEnded(tick) || isFull(book, tick, start.at)) return [];
  if (book.world.claimsBroken(tick - bounds.faultTail, start.at)) return [];
  const late = ((start.at - tick) / 1_000).toFixed(1);
  return [{ rule: 'late', what: `${job.key} at ${clock(tick)}: ${described(start)}, ${late} s late without a cause` }];
}

/** As many went at once as those that were connected had room for. */
function isFull(book: Book, from: number, to: number): boolean {
  const { starts, run } = book.history;
  const room = run.capacity * Math.max(1, book.world.fitAt(from));
  return starts.filter(one => one.at <= to && book.overAt(one) >= from).length >= room;
}
