import type { Book } from '../book.ts';
import { bounds } from '../bounds.ts';
import { changedIn, deadlineOf, type Job, limitOf, possibleAt, possibleIn, type Version } from '../jobs.ts';
import { claimLostBefore, holders } from './holding.ts';

/** Reasons that say: no worker could, or somebody failed to, start it. The others are a policy's, or an edit's. */
export const ofFaults: ReadonlySet<string> = new Set([
  'NoEligibleWorker',
  'CoordinationUnavailable',
  'ClusterDown',
  'Misfire',
  'Superseded',
  'MisfireLimit',
  'DeadlineExceeded',
]);

/** Of them those that claim no more than that it was found late. */
const ofMisfires: ReadonlySet<string> = new Set(['Misfire', 'Superseded', 'MisfireLimit', 'DeadlineExceeded']);

/** Why a reason is not true of a tick by what was seen from outside; undefined where it is. */
export function untruth(book: Book, job: Job, tick: number, reason: string): string | undefined {
  const { world } = book;
  const window = { from: tick - bounds.probeSlack, to: tick + bounds.liveWindow };
  const around = possibleIn(job, tick - bounds.probeSlack, tick + bounds.liveWindow);
  const deadline = deadlineOf(around, tick);
  switch (reason) {
    case 'StillRunning':
      if (!around.some(({ spec }) => spec.concurrencyPolicy !== 'Allow'))
        return 'the job allows runs beside one another';
      if (holders(book, job.key, tick - bounds.clockBound, stillUntil(around, tick, deadline)).length > 0)
        return undefined;
      return claimLostBefore(book, job.key, tick) ? undefined : 'no run of it was going';
    case 'ConcurrencyLimit': {
      const most = Math.min(...around.map(version => limitOf(version) ?? Number.POSITIVE_INFINITY));
      if (!Number.isFinite(most)) return 'the job has no limit';
      const going = holders(book, job.key, tick - bounds.clockBound, tick + bounds.startSlack).length;
      return going >= most || claimLostBefore(book, job.key, tick) ? undefined : `${going} of ${most} runs were going`;
    }
    case 'QueueFull': {
      const room = Math.min(...around.map(({ spec }) => spec.maxQueuedRuns ?? 10));
      if (!around.some(({ spec }) => spec.concurrencyPolicy === 'Queue')) return 'the job has no queue';
      const waiting = waitingAt(book, job.key, tick, deadline - tick);
      // What waited as a trigger may be gone with Consul's past, and have become another skip.
      const forgotten = world.losesPastIn(tick - bounds.liveWindow, deadline + bounds.epochWait);
      return waiting >= room || forgotten ? undefined : `${waiting} of ${room} runs were waiting`;
    }
    case 'Replaced':
      if (!around.some(({ spec }) => spec.concurrencyPolicy === 'Replace')) return 'the job replaces nothing';
      if ((book.startsOfJob.get(job.key) ?? []).some(one => (one.tick ?? one.at) > tick)) return undefined;
      // The later run may have waited in its turn, for something else that is told of it.
      return (book.skipsOfJob.get(job.key) ?? []).some(
        ({ from, reason }) => from > tick && from <= deadline && (reason === 'Replaced' || afterWaiting.has(reason)),
      )
        ? undefined
        : 'no later run came';
    case 'NoEligibleWorker':
      return world.someAble(window.from, window.to) ? 'a worker was connected all that time' : undefined;
    case 'ClusterDown':
      return world.someFit(tick, tick) && world.someAble(window.from, window.to) ? 'a worker was alive' : undefined;
    case 'CoordinationUnavailable':
      return consulWasAway(book, tick) ? undefined : 'Consul answered, to every master too, and kept its past';
    case 'NoCapacity':
      return wasFull(book, tick, deadline) || !world.someAble(tick, Math.min(deadline, tick + 2 * bounds.faultTail))
        ? undefined
        : 'workers had room';
    case 'Suspended':
      return possibleIn(job, tick, deadline).some(({ spec }) => spec.suspend === true)
        ? undefined
        : 'the job was not suspended';
    case 'JobChanged':
      return changedIn(job, tick - bounds.clockBound, deadline + bounds.faultTail)
        ? undefined
        : 'nobody changed the job';
    default:
      return ofMisfires.has(reason) ? misfireUntruth(book, job, tick, reason) : 'nothing in this run can be the reason';
  }
}

/** What a misfire policy says of a tick must be its job's. */
function misfireUntruth(book: Book, job: Job, tick: number, reason: string): string | undefined {
  const policies = new Set(possibleAt(job, tick).map(({ spec }) => spec.misfirePolicy));
  if (reason === 'Superseded') {
    if (!policies.has('RunLatest')) return 'its misfirePolicy is not RunLatest';
    const later = (book.runsOfJob.get(job.key) ?? []).some(run => run.tick !== undefined && run.tick > tick);
    return later ? undefined : 'no later tick ran';
  }
  if (reason === 'MisfireLimit') return policies.has('RunAll') ? undefined : 'its misfirePolicy is not RunAll';
  if (reason === 'DeadlineExceeded' && policies.size === 1 && policies.has('Skip')) return 'its misfirePolicy is Skip';
  return undefined;
}

/** A tick of an exclusive job may have waited as a trigger until its deadline; a Forbid one is judged at once. */
function stillUntil(versions: readonly Version[], tick: number, deadline: number): number {
  const waits = versions.some(({ spec }) => spec.concurrencyPolicy !== 'Forbid' && spec.concurrencyPolicy !== 'Allow');
  return waits ? deadline : tick + bounds.startSlack;
}

function consulWasAway({ world }: Book, tick: number): boolean {
  const [from, to] = [tick - bounds.leaderBack, tick + bounds.liveWindow + bounds.startSlack];
  return (
    world.excused(tick) ||
    !world.mastersWell(tick - bounds.startSlack, to) ||
    // A new leader has what it saw itself, and that begins with its own coming.
    (!world.mastersWell(from, to) && world.claimsBroken(tick - bounds.faultTail, to))
  );
}

/** Runs that had been due, or asked for, and had not started; and ticks that waited until they were skipped. */
function waitingAt(book: Book, key: string, tick: number, wait: number): number {
  const asked = new Map(book.history.requests.map(({ run, sent }) => [run, sent]));
  const runs = (book.runsOfJob.get(key) ?? []).filter(run => {
    const due = run.tick ?? asked.get(run.id) ?? Number.POSITIVE_INFINITY;
    const started = book.starts.get(run.id)?.[0]?.at ?? Number.POSITIVE_INFINITY;
    return due <= tick + bounds.startSlack && started >= tick - bounds.startSlack && run.reason !== 'QueueFull';
  });
  const skipped = (book.skipsOfJob.get(key) ?? []).filter(
    ({ from, reason }) => afterWaiting.has(reason) && from < tick && tick <= from + wait + bounds.faultTail,
  );
  return runs.length + skipped.length;
}

/** What is said of a tick that waited for its turn until its deadline. */
const afterWaiting: ReadonlySet<string> = new Set([
  'NoCapacity',
  'NoEligibleWorker',
  'StillRunning',
  'JobChanged',
  'Suspended',
]);

/** Whether there was a moment at which all workers that were connected had as many runs as fit. */
function wasFull(book: Book, from: number, to: number): boolean {
  const { starts, run } = book.history;
  const moments = [from, ...starts.map(({ at }) => at).filter(at => at >= from && at <= to)];
  return moments.some(at => {
    const room = run.capacity * book.world.fitAt(at);
    return room > 0 && starts.filter(one => one.at <= at && book.overAt(one) >= at).length >= room;
  });
}
