import type { History, Percentiles, Verdict } from '../history/history.ts';
import { Book, type Violation } from './book.ts';
import { bounds } from './bounds.ts';
import { type Fate, fatesOf } from './fates.ts';
import { possibleAt } from './jobs.ts';
import { catchups, isCatchup } from './rules/catchups.ts';
import { fence } from './rules/fence.ts';
import { jobSets } from './rules/job-sets.ts';
import { lost, lostUnstarted } from './rules/lost.ts';
import { overlaps } from './rules/overlaps.ts';
import { publications } from './rules/publications.ts';
import { recovery } from './rules/recovery.ts';
import { requests } from './rules/requests.ts';
import { rest } from './rules/rest.ts';
import { results } from './rules/results.ts';
import { starts } from './rules/starts.ts';
import { states } from './rules/states.ts';
import { ticks } from './rules/ticks.ts';

/**
 * Judges what a run of the harness left behind: pure, and by nothing but the history.
 *
 * @example check(await readHistory('/tmp/faults-101')).violations.length // 0: all promises were kept
 */
export function check(history: History): Verdict {
  const book = new Book(history);
  const fates = fatesOf(book);
  const violations = [
    ...ticks(book, fates),
    ...starts(book),
    ...overlaps(book),
    ...fence(book),
    ...publications(book),
    ...recovery(book, fates),
    ...states(book),
    ...results(book),
    ...jobSets(book),
    ...catchups(book, fates),
    ...lost(book),
    ...rest(book),
    ...requests(book),
  ];
  return { counts: counted(book, fates, violations), lateness: lateness(book, fates), violations };
}

function counted(book: Book, fates: readonly Fate[], violations: readonly Violation[]): Verdict['counts'] {
  const reasons = fates.flatMap(({ start, skips, runs }) => {
    if (start !== undefined) return [];
    return skips[0]?.reason ?? (runs[0]?.state === 'Skipped' ? (runs[0].reason ?? 'without a reason') : []);
  });
  const of = (rule: string): number => violations.filter(one => one.rule === rule).length;
  const skips = Map.groupBy(reasons, reason => reason);
  return {
    ticks: fates.length,
    starts: book.history.starts.length,
    manual: book.history.starts.filter(({ tick }) => tick === undefined).length,
    skips: Object.fromEntries(
      [...skips].sort(([a], [b]) => (a < b ? -1 : 1)).map(([reason, all]) => [reason, all.length]),
    ),
    excused: fates.filter(({ excused }) => excused).length,
    lost: lostUnstarted(book).filter(({ tick }) => tick !== undefined).length,
    catchups: fates.filter(fate => isCatchup(fate) && fate.start !== undefined).length,
    doubles: of('double start'),
    overlaps: of('overlap'),
    missed: of('missed'),
  };
}

/** Of what need not wait for another run of its job. */
function lateness({ world }: Book, fates: readonly Fate[]): Verdict['lateness'] {
  const live = fates.flatMap(({ tick, start, live, job }) => {
    const waits = possibleAt(job, tick).some(({ spec }) => ['Queue', 'Replace'].includes(spec.concurrencyPolicy));
    return live && start !== undefined && !waits ? [{ tick, late: start.at - tick }] : [];
  });
  const isCalm = ({ tick }: { tick: number }): boolean =>
    world.faultsIn(tick - bounds.calm, tick + bounds.calm).length === 0 && !world.excused(tick);
  return {
    calm: percentiles(live.filter(isCalm).map(({ late }) => late)),
    all: percentiles(live.map(({ late }) => late)),
  };
}

/** Nearest rank; zeros of nothing. */
export function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? 0 };
}
