import type { Start } from '../../history/history.ts';
import { type Book, clock, described, keyOf, type Violation } from '../book.ts';
import { bounds } from '../bounds.ts';
import { allowedTicks, type Job, possibleIn } from '../jobs.ts';

/** An extra start, of whatever kind. */
export function starts(book: Book): Violation[] {
  return [...doubles(book), ...twoRunsOfOneTick(book), ...unasked(book), ...attempts(book)];
}

function doubles(book: Book): Violation[] {
  return [...book.starts.values()].flatMap(all =>
    [...Map.groupBy(all, ({ attempt }) => attempt).values()]
      .filter(same => same.length > 1)
      .map(same => ({ rule: 'double start', what: `${same.length} times: ${same.map(described).join('; ')}` })),
  );
}

function twoRunsOfOneTick(book: Book): Violation[] {
  return [...book.startsOfJob].flatMap(([key, all]) =>
    [...Map.groupBy(all, ({ tick }) => tick)].flatMap(([tick, same]) => {
      const runs = new Set(same.map(({ run }) => run));
      return tick === undefined || runs.size < 2
        ? []
        : [
            {
              rule: 'double start',
              what: `${key} at ${clock(tick)} has ${runs.size} runs: ${same.map(described).join('; ')}`,
            },
          ];
    }),
  );
}

/** A start needs a tick of a version that may have been in force, or a request that was not refused. */
function unasked(book: Book): Violation[] {
  const { requests, run } = book.history;
  const asked = new Set(
    requests.filter(({ action, result }) => action === 'trigger' && result === 'done').map(one => one.run),
  );
  const first = Math.min(run.from, ...book.history.edits.map(({ sent }) => sent)) - bounds.clockBound;
  return [...book.startsOfJob].flatMap(([key, all]) => {
    const job = book.jobs.get(key);
    const allowed = job === undefined ? new Set<number>() : allowedTicks(job, first, run.readAt);
    let unknown = requests.filter(
      one => keyOf(one) === key && one.action === 'trigger' && one.result === 'unknown' && one.run === undefined,
    ).length;
    const counted = new Set<string>();
    return all.flatMap((start): Violation[] => {
      const { tick, run: id } = start;
      if (tick !== undefined) return ofTick(book, job, allowed, start, tick);
      if (asked.has(id) || isUnknown(book, id) || counted.has(id)) return [];
      counted.add(id);
      if (unknown-- > 0) return [];
      return [{ rule: 'unasked start', what: `${key}: ${described(start)} was asked for by nobody` }];
    });
  });
}

function isUnknown(book: Book, id: string): boolean {
  return book.history.requests.some(({ run, result }) => run === id && result === 'unknown');
}

function ofTick(
  book: Book,
  job: Job | undefined,
  allowed: ReadonlySet<number>,
  start: Start,
  tick: number,
): Violation[] {
  const what = `${keyOf(start)} at ${clock(tick)}: ${described(start)}`;
  if (!allowed.has(tick))
    return [{ rule: 'unasked start', what: `${what} is no tick of any definition that was in force` }];
  // Whoever decided it, by a clock of its own, may have left the run to another worker.
  const ahead = Math.max(0, ...book.history.run.workers.map(worker => book.world.clockOff(worker, start.at)));
  const early = tick - start.at - ahead;
  if (early > bounds.goneSlack) return [{ rule: 'early', what: `${what} is ${early} ms before its tick` }];
  const gone = job !== undefined && possibleIn(job, tick, start.at).length === 0;
  return gone ? [{ rule: 'unasked start', what: `${what}: the job was not there` }] : [];
}

/** Attempts come one after another, and not more than the policy allows. */
function attempts(book: Book): Violation[] {
  return [...book.starts.values()].flatMap(all =>
    all.flatMap((start): Violation[] => {
      const job = book.jobs.get(keyOf(start));
      const versions = job === undefined ? [] : possibleIn(job, start.tick ?? start.at - bounds.settle, start.at);
      const most = 1 + Math.max(0, ...versions.map(({ spec }) => spec.retry?.limit ?? 0));
      const found: Violation[] = [];
      if (start.attempt > most)
        found.push({ rule: 'unasked start', what: `attempt beyond the limit of ${most}: ${described(start)}` });
      const beside = all.find(one => one.attempt < start.attempt && book.overAt(one) - bounds.goneSlack > start.at);
      if (beside !== undefined)
        found.push({ rule: 'overlap', what: `attempts of one run: ${described(beside)}; ${described(start)}` });
      return found;
    }),
  );
}
