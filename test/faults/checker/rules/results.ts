import type { FinalRun, Start } from '../../history/history.ts';
import { type Book, described, keyOf, type Violation } from '../book.ts';
import { bounds } from '../bounds.ts';
import { possibleIn } from '../jobs.ts';

/** Every start is recorded, with the outcome of its process and what it printed. */
export function results(book: Book): Violation[] {
  return [...book.starts.values()].flatMap(all => {
    const newest = all.at(-1);
    return newest === undefined ? [] : [...recorded(book, newest), ...log(book, newest)];
  });
}

function recorded(book: Book, start: Start): Violation[] {
  const run = book.runs.get(start.run);
  if (run === undefined) return [{ rule: 'result', what: `${keyOf(start)}: ${described(start)} is not recorded` }];
  const what = `${keyOf(start)}: ${described(start)} is recorded as ${run.state} of attempt ${run.attempt}`;
  if (run.attempt < start.attempt) return [{ rule: 'result', what }];
  if (run.state === 'Skipped') return [{ rule: 'result', what: `${what} (${run.reason})` }];
  // A later attempt, which never began, has the row; its states have rules of their own.
  if (run.attempt > start.attempt) return [];
  const wanted = outcomeOf(start);
  if (wanted === undefined) return notEnded(book, start, run, what);
  if (run.state === wanted || mayBe(book, start, run)) return [];
  return [{ rule: 'result', what: `${what}, but it came to its end with status ${start.exit}` }];
}

/** What a process that came to its end is to be recorded as. */
function outcomeOf(start: Start): 'Succeeded' | 'Failed' | undefined {
  if (start.end === undefined) return undefined;
  return isGood(start) ? 'Succeeded' : 'Failed';
}

function notEnded({ history }: Book, start: Start, run: FinalRun, what: string): Violation[] {
  // The answer of an http run may have been under way when the receiver saw the connection end.
  if (start.kind === 'http' || run.state !== 'Succeeded') return [];
  return start.gone === undefined && history.run.readAt - start.at < bounds.report
    ? []
    : [{ rule: 'result', what: `${what}, but it never came to its end` }];
}

/** By the status that it ends with: of a process 0, of an answer 2xx. */
function isGood({ kind, exit = 0 }: Start): boolean {
  return kind === 'http' && exit !== 0 ? exit >= 200 && exit < 300 : exit === 0;
}

/** The other records that are true of an attempt that came to its end. */
function mayBe(book: Book, start: Start, run: FinalRun): boolean {
  const { world, history } = book;
  const end = start.end ?? start.at;
  const job = book.jobs.get(keyOf(start));
  const versions = job === undefined ? [] : possibleIn(job, start.at - bounds.inForce, end);
  const retries = versions.some(({ spec }) => (spec.retry?.limit ?? 0) > 0);
  switch (run.state) {
    case 'Pending':
      return retries && !isGood(start);
    case 'Killed':
      return (
        versions.some(({ spec }) => spec.concurrencyPolicy === 'Replace') ||
        // Its lock went with Consul's past: it was told to end, and may have come to its end by itself just then.
        world.losesPastIn(start.at, end + bounds.probeSlack) ||
        history.requests.some(one => one.action === 'kill' && one.run === run.id && one.result !== 'refused')
      );
    case 'TimedOut':
      return versions.some(({ spec }) => end - start.at >= (spec.timeoutSeconds ?? 3_600) * 1_000 - bounds.probeSlack);
    case 'Claimed':
    case 'Running':
      return end + bounds.report >= history.run.readAt;
    case 'Lost':
    case 'Failed':
      // Between the last line of the process and the report in the spool, worker and supervisor died, or fenced it.
      return (
        world
          .faultsIn(end - bounds.liveWindow, end + bounds.liveWindow)
          .some(
            ({ effect, targets }) =>
              ['killed', 'restarted'].includes(effect) && targets.some(name => name === start.worker),
          ) ||
        (run.state === 'Lost' && retries && world.holderBroken(start.worker, start.at, end + bounds.settle))
      );
    default:
      return false;
  }
}

/** All that it printed is in its log, once each and in order. */
function log(book: Book, start: Start): Violation[] {
  const run = book.runs.get(start.run);
  // The log is of the newest attempt, and whole once that is settled as its process ended.
  if (run === undefined || run.attempt !== start.attempt || run.state !== outcomeOf(start)) return [];
  const cut = !book.world.faultsIn(start.at, book.overAt(start)).every(({ effect }) => effect !== 'spool-full');
  const views = Object.entries(book.history.final.masters).filter(([, { logs }]) => logs[start.run] !== undefined);
  if (views.length === 0) return [{ rule: 'log', what: `${keyOf(start)}: ${described(start)} has no log` }];
  return views.flatMap(([master, { logs }]): Violation[] => {
    const printed = new Set(start.printed);
    const shown = (logs[start.run] ?? []).filter(line => printed.has(line));
    const what = `${keyOf(start)}: ${described(start)} printed ${start.printed.length} lines, ${master} shows`;
    const missing = start.printed.filter(line => !shown.includes(line));
    // Of a spool that is full output is dropped, and the log says how much.
    if (missing.length > 0 && !cut) return [{ rule: 'log', what: `${what} not: ${missing.slice(0, 3).join(' | ')}` }];
    if (new Set(shown).size !== shown.length) return [{ rule: 'log', what: `${what} some twice` }];
    const inOrder = start.printed.filter(line => shown.includes(line));
    return inOrder.every((line, i) => line === shown[i]) ? [] : [{ rule: 'log', what: `${what} another order` }];
  });
}
