import type { SeenRun } from '../../history/history.ts';
import { type Book, clock, keyOf, type Violation } from '../book.ts';
import { bounds } from '../bounds.ts';
import { possibleIn } from '../jobs.ts';

const open = new Set(['Pending', 'Claimed', 'Running']);
const retried = new Set(['Failed', 'TimedOut', 'Lost']);
const settling = new Set(['Succeeded', 'Failed', 'TimedOut', 'Killed']);

/** Terminal states stay, stale reports change nothing, and nothing is left open. */
export function states(book: Book): Violation[] {
  const byRun = Map.groupBy(book.history.seen, ({ id }) => id);
  return [
    ...[...byRun].flatMap(([id, seen]) => changes(book, id, seen)),
    ...book.history.final.staleReports
      .filter(({ changed }) => changed)
      .map(({ run, sent }) => ({ rule: 'stale report', what: `${run} was changed by ${sent}` })),
    ...leftOpen(book),
    ...leftovers(book),
  ];
}

function changes(book: Book, id: string, seen: readonly SeenRun[]): Violation[] {
  const row = book.history.final.rows.find(one => one.id === id);
  const all = [
    ...seen.toSorted((a, b) => a.at - b.at),
    ...(row === undefined ? [] : [{ ...row, at: book.history.run.readAt, master: 'the database' }]),
  ];
  return all.flatMap((now, i): Violation[] => {
    const before = all[i - 1];
    if (before === undefined || follows(book, id, before, now)) return [];
    const what = `${id} was ${before.state} of attempt ${before.attempt} (${before.master}, ${clock(before.at)}), then ${now.state} of ${now.attempt} (${now.master}, ${clock(now.at)})`;
    return [{ rule: 'state', what }];
  });
}

function follows(book: Book, id: string, before: Omit<SeenRun, 'id'>, now: Omit<SeenRun, 'id'>): boolean {
  if (now.attempt < before.attempt) return false;
  if (open.has(before.state)) return true;
  if (now.attempt === before.attempt && now.state === before.state) return true;
  if (before.state === 'Lost' && now.attempt === before.attempt && settling.has(now.state)) return true;
  if (!retried.has(before.state)) return false;
  // Between attempts it waits, and may be ended, or found to have been settled by its late report.
  return (
    mayRetry(book, id, before.at) &&
    (now.attempt > before.attempt || now.state === 'Pending' || now.state === 'Killed' || before.state === 'Lost')
  );
}

function mayRetry(book: Book, id: string, at: number): boolean {
  const run = book.runs.get(id);
  const job = run === undefined ? undefined : book.jobs.get(keyOf(run));
  if (job === undefined) return false;
  return possibleIn(job, at - bounds.settle, at + bounds.settle).some(({ spec }) => (spec.retry?.limit ?? 0) > 0);
}

/** A run may still go in the end where its process does, or may wait for what its policy lets it wait for. */
function leftOpen(book: Book): Violation[] {
  const { readAt } = book.history.run;
  return [...book.runs.values()].flatMap((run): Violation[] => {
    if (!open.has(run.state)) return [];
    const job = book.jobs.get(keyOf(run));
    const newest = book.starts.get(run.id)?.at(-1);
    const asked = book.history.requests.find(request => request.run === run.id)?.sent;
    const due = run.tick ?? asked ?? newest?.at ?? readAt;
    const specs = job === undefined ? [] : possibleIn(job, due, readAt).map(({ spec }) => spec);
    const seconds = (of: (spec: (typeof specs)[number]) => number): number => Math.max(0, ...specs.map(of)) * 1_000;
    const what = `${keyOf(run)}: ${run.id} is ${run.state} of attempt ${run.attempt} at ${clock(readAt)}`;
    if (run.state === 'Pending') {
      const wait = seconds(spec => spec.startingDeadlineSeconds + (spec.retry?.backoff?.maximumSeconds ?? 0));
      const since = Math.max(due, ...(book.starts.get(run.id) ?? []).map(one => Math.min(book.overAt(one), readAt)));
      return since + wait + bounds.settle >= readAt ? [] : [{ rule: 'left open', what: `${what}, past its deadline` }];
    }
    const began = newest !== undefined && newest.attempt >= run.attempt ? newest.at : due;
    const most = seconds(spec => (spec.timeoutSeconds ?? 3_600) + (spec.terminationGraceSeconds ?? 5));
    if (began + most + bounds.report < readAt)
      return [{ rule: 'left open', what: `${what}, past its timeout and grace` }];
    const goes = newest !== undefined && book.overAt(newest) + bounds.report >= readAt;
    const fresh = due + bounds.liveWindow + bounds.report >= readAt;
    return goes || fresh || (newest?.at === undefined && due + bounds.settle >= readAt)
      ? []
      : [{ rule: 'left open', what: `${what}, and its process is not there` }];
  });
}

/** With every run ended, nothing in Consul speaks of one. */
function leftovers(book: Book): Violation[] {
  const { final } = book.history;
  if (final.rows.some(({ state }) => open.has(state))) return [];
  return Object.entries(final.consul).flatMap(([what, keys]) =>
    keys.length === 0 ? [] : [{ rule: 'left in Consul', what: `${what} with every run ended: ${keys.join(', ')}` }],
  );
}
