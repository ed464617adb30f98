import type { Start } from '../../history/history.ts';
import type { Book } from '../book.ts';
import { bounds } from '../bounds.ts';
import { type Job, limitOf, possibleIn } from '../jobs.ts';

/** Until when an attempt may have held its slot: its lock goes some time after its end. */
export function heldUntil(book: Book, start: Start): number {
  const over = book.overAt(start);
  if (!Number.isFinite(over)) return over;
  const soon = over + bounds.release;
  return book.world.holderBroken(start.worker, start.at - bounds.probeSlack, soon) ||
    book.world.pastLostAround(over) ||
    start.end === undefined
    ? over + bounds.orphanedLock
    : soon;
}

/** Attempts of a job that may have held a slot at some moment of a stretch. */
export function holders(book: Book, key: string, from: number, to: number): readonly Start[] {
  return (book.startsOfJob.get(key) ?? []).filter(
    start => start.at - bounds.release <= to && heldUntil(book, start) >= from,
  );
}

/** Whether a claim that came to no start may have held a slot then: its run is lost, or was handed back. */
export function claimLostBefore(book: Book, key: string, at: number): boolean {
  return (book.runsOfJob.get(key) ?? []).some(
    ({ id, tick, state }) =>
      state === 'Lost' && !book.starts.has(id) && tick !== undefined && tick <= at && at <= tick + bounds.settle,
  );
}

/** Whether all slots of a limited job may have been held when a tick was due: nobody could claim it then. */
export function slotsTaken(book: Book, job: Job, tick: number): boolean {
  const limits = possibleIn(job, tick, tick + bounds.liveWindow).map(limitOf);
  const most = Math.min(...limits.map(limit => limit ?? Number.POSITIVE_INFINITY));
  if (!Number.isFinite(most)) return false;
  const held = holders(book, job.key, tick, tick + bounds.liveWindow).length;
  return held >= most || claimLostBefore(book, job.key, tick);
}
