import type { Fault, FinalRun } from '../../history/history.ts';
import { type Book, clock, type Violation } from '../book.ts';
import { bounds } from '../bounds.ts';
import { changedIn } from '../jobs.ts';
import { isOfWorkers } from '../world.ts';

/** What can come between a claim and its start, or keep a start from being told. */
const causes = new Set<Fault['effect']>([
  'killed',
  'stopped',
  'restarted',
  'cut',
  'split',
  'impaired',
  'spool-full',
  'clock',
]);

/** Runs that are lost and never began: each has a cause, and no fault has more of them than were being claimed. */
export function lost(book: Book): Violation[] {
  const found: Violation[] = [];
  const perFault = new Map<Fault, FinalRun[]>();
  for (const run of lostUnstarted(book)) {
    const at = run.tick ?? requestedAt(book, run.id);
    const job = book.jobs.get(`${run.namespace}/${run.name}`);
    if (at === undefined) continue;
    if (book.world.pastLostAround(at)) continue;
    const fault = causeOf(book, at);
    if (fault !== undefined) perFault.set(fault, [...(perFault.get(fault) ?? []), run]);
    else if (noQuorum(book, at) || (job !== undefined && changedIn(job, at - bounds.clockBound, at + bounds.faultTail)))
      continue;
    else
      found.push({
        rule: 'lost',
        what: `${run.namespace}/${run.name} at ${clock(at)}: ${run.id} (${run.message}), and no fault of a worker, nor of Consul's past, is near`,
      });
  }
  for (const [fault, runs] of perFault) {
    if (runs.length <= bounds.claimsInFlight) continue;
    const what = `${runs.length} runs that never began for one fault (${fault.effect} ${fault.targets} at ${clock(fault.from)}): at most ${bounds.claimsInFlight} claims were in flight`;
    found.push({ rule: 'lost', what });
  }
  return found;
}

/** Runs that are lost without a start. */
export function lostUnstarted(book: Book): readonly FinalRun[] {
  return [...book.runs.values()].filter(({ id, state }) => state === 'Lost' && !book.starts.has(id));
}

function causeOf(book: Book, at: number): Fault | undefined {
  return book.world
    .faultsIn(at - bounds.faultTail * 2, at + bounds.faultTail * 2)
    .find(({ effect, targets }) => causes.has(effect) && targets.some(isOfWorkers));
}

function noQuorum(book: Book, at: number): boolean {
  return !book.world.quorum.some(({ from, to }) => from <= at - bounds.faultTail && to >= at + bounds.faultTail);
}

function requestedAt(book: Book, run: string): number | undefined {
  return book.history.requests.find(request => request.run === run)?.sent;
}
