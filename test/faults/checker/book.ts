import type { FinalRun, FinalSkip, History, Start } from '../history/history.ts';
import { type Job, jobsOf } from './jobs.ts';
import { World } from './world.ts';

export interface Violation {
  readonly rule: string;
  readonly what: string;
}

/** A history with its indexes: what every rule looks things up in. */
export class Book {
  readonly history: History;
  readonly world: World;
  readonly jobs: ReadonlyMap<string, Job>;
  /** By run, in the order of their attempts and beginnings. */
  readonly starts: ReadonlyMap<string, readonly Start[]>;
  /** In the order of their beginnings. */
  readonly startsOfJob: ReadonlyMap<string, readonly Start[]>;
  /** As any master shows them. */
  readonly runs: ReadonlyMap<string, FinalRun>;
  readonly runsOfJob: ReadonlyMap<string, readonly FinalRun[]>;
  readonly skipsOfJob: ReadonlyMap<string, readonly FinalSkip[]>;

  constructor(history: History) {
    this.history = history;
    this.world = new World(history);
    this.jobs = jobsOf(history, this.world);
    const sorted = history.starts.toSorted((a, b) => a.at - b.at || a.attempt - b.attempt);
    this.starts = Map.groupBy(sorted, ({ run }) => run);
    this.startsOfJob = Map.groupBy(sorted, keyOf);
    const views = Object.values(history.final.masters);
    this.runs = new Map(views.flatMap(({ runs }) => runs).map(run => [run.id, run]));
    this.runsOfJob = Map.groupBy(this.runs.values(), keyOf);
    const [view] = views;
    this.skipsOfJob = Map.groupBy(view?.skips ?? [], keyOf);
  }

  /** When all of an attempt was over; infinity while it goes on. */
  overAt({ end, gone }: Start): number {
    return end ?? gone ?? Number.POSITIVE_INFINITY;
  }
}

/** `<namespace>/<name>`. */
export function keyOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

/** For people: with milliseconds, UTC, without the day. */
export function clock(at: number): string {
  return Number.isFinite(at) ? new Date(at).toISOString().slice(11, 23) : 'the end';
}

/** For people: which attempt, by whom, from when to when. */
export function described({ run, attempt, worker, at, end, gone }: Start): string {
  const over = end === undefined ? (gone === undefined ? 'going on' : `ended from outside ${clock(gone)}`) : clock(end);
  return `${run}/${attempt} on ${worker} ${clock(at)} to ${over}`;
}
