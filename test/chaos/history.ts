import type { Instant } from '../../src/domain/time.ts';

/** A start as the one who carries it out saw it. */
export interface ObservedStart {
  readonly job: string;
  readonly run: string;
  readonly attempt: number;
  readonly tick: Instant | undefined;
  readonly worker: string;
  readonly token: string;
  /** The fence holds for it: at most `most` of its job at once. */
  readonly most: number | undefined;
  /** With a job whose ticks come to several runs, and Forbid: the whole that it is of. No other's run may go beside it. */
  readonly whole?: string | undefined;
  /** The lock that it shares with other jobs: at most one of all of them at once. */
  readonly group?: string | undefined;
  /** It goes on without the worker that started it. */
  readonly inPod?: boolean;
  /** The most attempts that its job allows. Default 1. */
  readonly attempts?: number;
  at: Instant;
  endedAt: Instant | undefined;
}

/** A run as the database has it in the end. */
export interface RecordedRun {
  readonly id: string;
  readonly state: string;
  /** The newest. */
  readonly attempt?: number;
  readonly reason: string | undefined;
  readonly message: string | undefined;
}

/** What must be accounted for: a job's ticks that have elapsed, and what the database says of them. */
export interface RecordedJob {
  readonly uid: string;
  readonly name: string;
  readonly elapsed: readonly Instant[];
  readonly ran: ReadonlySet<Instant>;
  readonly skips: readonly { readonly from: Instant; readonly to: Instant; readonly reason: string }[];
}

export interface History {
  readonly starts: readonly ObservedStart[];
  readonly runs: ReadonlyMap<string, RecordedRun>;
  readonly jobs: readonly RecordedJob[];
  /** Runs asked for by hand, and acknowledged. */
  readonly asked: readonly string[];
}

const terminal = new Set(['Succeeded', 'Failed', 'TimedOut', 'Killed', 'Lost', 'Skipped']);

/** Everything in a history that breaks a promise; empty when all were kept. */
export function violations(history: History): string[] {
  return [
    ...startedTwice(history.starts),
    ...overlaps(history.starts),
    ...wholesThatMeet(history.starts),
    ...wrongAttempts(history.starts),
    ...tokensThatWentBack(history.starts),
    ...unrecorded(history),
    ...unaccounted(history.jobs),
    ...bothRunAndSkipped(history),
    ...unanswered(history),
  ];
}

function startedTwice(starts: readonly ObservedStart[]): string[] {
  return [...grouped(starts, one => `${one.run} attempt ${one.attempt}`)].flatMap(([what, all]) =>
    all.length > 1 ? [`started ${all.length} times: ${what} by ${all.map(one => `${one.worker} at ${one.at}`)}`] : [],
  );
}

/** The most that went on at once, against what the job allows. */
function overlaps(starts: readonly ObservedStart[]): string[] {
  const found: string[] = [];
  for (const [job, all] of grouped(starts, one => one.group ?? one.job)) {
    const limited = all.filter(one => one.most !== undefined).sort((a, b) => a.at - b.at);
    for (const one of limited) {
      const going = limited.filter(
        other => other.at <= one.at && other !== one && (other.endedAt ?? Number.POSITIVE_INFINITY) > one.at,
      );
      if (going.length >= (one.most ?? 1)) {
        const others = going.map(other => `${other.run} on ${other.worker} since ${other.at}`);
        found.push(`overlap in ${job}: ${one.run} on ${one.worker} at ${one.at} beside ${others}`);
      }
    }
  }
  return found;
}

/** Runs of one tick, or request, of a job with several runs each go beside one another, and those of no other. */
function wholesThatMeet(starts: readonly ObservedStart[]): string[] {
  const found: string[] = [];
  for (const [job, all] of grouped(starts, one => one.job)) {
    const exclusive = all.filter(one => one.whole !== undefined).sort((a, b) => a.at - b.at);
    for (const one of exclusive) {
      const other = exclusive.find(
        it => it.whole !== one.whole && it.at <= one.at && (it.endedAt ?? Number.POSITIVE_INFINITY) > one.at,
      );
      if (other !== undefined)
        found.push(`wholes meet in ${job}: ${one.run} on ${one.worker} at ${one.at} beside ${other.run}`);
    }
  }
  return found;
}

/** Attempts of a run come one after another, and not more than its job allows. */
function wrongAttempts(starts: readonly ObservedStart[]): string[] {
  return [...grouped(starts, one => one.run)].flatMap(([run, all]) => {
    const found: string[] = [];
    for (const one of all) {
      if (one.attempt > (one.attempts ?? 1)) found.push(`beyond the limit: attempt ${one.attempt} of ${run}`);
      const early = all.find(
        other =>
          other.attempt < one.attempt && (other.at >= one.at || (other.endedAt ?? Number.POSITIVE_INFINITY) > one.at),
      );
      if (early !== undefined)
        found.push(
          `attempts overlap: ${run} attempt ${one.attempt} on ${one.worker} at ${one.at} beside ${early.attempt} on ${early.worker} from ${early.at} to ${early.endedAt}`,
        );
    }
    return found;
  });
}

function tokensThatWentBack(starts: readonly ObservedStart[]): string[] {
  const found: string[] = [];
  for (const [job, all] of grouped(starts, one => one.group ?? one.job)) {
    const exclusive = all.filter(one => one.most === 1).sort((a, b) => a.at - b.at);
    for (const [i, one] of exclusive.entries()) {
      const before = exclusive[i - 1];
      if (before !== undefined && BigInt(before.token) >= BigInt(one.token)) {
        found.push(`token of ${job} went back: ${one.run} has ${one.token} after ${before.token} of ${before.run}`);
      }
    }
  }
  return found;
}

/** What started must be in the database, ended, and not as something that never ran. */
function unrecorded({ starts, runs }: History): string[] {
  const found: string[] = [];
  for (const one of starts) {
    const run = runs.get(one.run);
    if (run === undefined) found.push(`not recorded: ${one.run} of ${one.job}, started at ${one.at}`);
    else if (one.attempt > (run.attempt ?? one.attempt))
      found.push(`not recorded: attempt ${one.attempt} of ${one.run}, recorded as ${run.state} of ${run.attempt}`);
    else if (run.state === 'Skipped') found.push(`recorded as Skipped (${run.message}), but started: ${one.run}`);
  }
  for (const run of runs.values()) if (!terminal.has(run.state)) found.push(`left ${run.state}: ${run.id}`);
  return found;
}

function unaccounted(jobs: readonly RecordedJob[]): string[] {
  return jobs.flatMap(({ name, elapsed, ran, skips }) =>
    elapsed
      .filter(tick => !ran.has(tick) && !skips.some(({ from, to }) => from <= tick && tick <= to))
      .map(tick => `missed: tick ${tick} of ${name} has neither run nor skip`),
  );
}

function bothRunAndSkipped({ starts, jobs }: History): string[] {
  // By uid: a job that was deleted and made again has two pasts.
  const skips = new Map(jobs.map(job => [job.uid, job.skips]));
  return starts.flatMap(({ job, tick, run }) => {
    const skip = skips
      .get(run.slice(0, run.indexOf('-')))
      ?.find(({ from, to }) => tick !== undefined && from <= tick && tick <= to);
    return skip === undefined ? [] : [`started and skipped (${skip.reason}): ${run} of ${job}`];
  });
}

/** A run asked for by hand starts once, or ends with a word on why it did not. */
function unanswered({ asked, starts, runs }: History): string[] {
  const started = new Set(starts.map(({ run }) => run));
  return asked.flatMap(id => {
    const run = runs.get(id);
    if (started.has(id)) return [];
    if (run === undefined) return [`asked for and forgotten: ${id}`];
    return (run.reason ?? run.message) === undefined
      ? [`asked for, not started, without a word: ${id} ${run.state}`]
      : [];
  });
}

function grouped<T>(items: readonly T[], by: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(by(item));
    if (group === undefined) groups.set(by(item), [item]);
    else group.push(item);
  }
  return groups;
}
