import type { OutputReport, Report, RunReference, SkippedReport } from '../../domain/run/report.ts';
import type { Outcome } from '../../domain/run/run.ts';
import type { Instant } from '../../domain/time.ts';

/** All that a batch says about one run: the newest attempt in it. The statement in reports.ts holds it against the row. */
export interface RunPatch extends Omit<RunReference, 'run'> {
  readonly id: string;
  /** When the first of the reports was made: stands for the request of a run that has no tick. */
  readonly seenAt: Instant;
  state: 'Claimed' | 'Running' | Outcome;
  claimedAt?: Instant;
  fencingToken?: string;
  revision?: number;
  startedAt?: Instant;
  progress?: number;
  progressMessage?: string | undefined;
  progressAt?: Instant;
  finishedAt?: Instant;
  exitCode?: number | undefined;
  signal?: string | undefined;
  httpStatus?: number | undefined;
  message?: string | undefined;
}

export interface FoldedReports {
  /** By id: two batches with the same runs lock their rows in the same order. */
  readonly runs: readonly RunPatch[];
  readonly lines: readonly OutputReport[];
  readonly skips: readonly SkippedReport[];
}

type RunReport = Exclude<Report, SkippedReport>;

/** Folds a batch, in order, to one patch for each run: what its reports one by one would have led to. */
export function foldReports(reports: readonly Report[]): FoldedReports {
  const patches = new Map<string, RunPatch>();
  const lines: OutputReport[] = [];
  const skips: SkippedReport[] = [];
  for (const report of reports) {
    if (report.type === 'skipped') {
      skips.push(report);
      continue;
    }
    if (report.type === 'output') lines.push(report);
    const before = patches.get(report.run);
    const patch = before === undefined || follows(before, report.attempt) ? begin(report) : before;
    if (patch.attempt === report.attempt && !settled(patch)) advance(patch, report);
    patches.set(report.run, patch);
  }
  const runs = [...patches.values()].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  return { runs, lines, skips };
}

/** A newer attempt takes the run over unless the run is done for good. */
function follows(patch: RunPatch, attempt: number): boolean {
  return attempt > patch.attempt && patch.state !== 'Succeeded' && patch.state !== 'Killed';
}

function settled(patch: RunPatch): boolean {
  return patch.finishedAt !== undefined && patch.state !== 'Lost';
}

function begin(report: RunReport): RunPatch {
  const { run, attempt, jobUid, namespace, name, trigger, tick, member, at } = report;
  const particular = { ...(tick !== undefined && { tick }), ...(member !== undefined && { member }) };
  const reference = { id: run, attempt, jobUid, namespace, name, trigger, ...particular };
  return { ...reference, seenAt: at, state: 'Claimed' };
}

function advance(patch: RunPatch, report: RunReport): void {
  if (report.type === 'claimed') {
    // A larger token is a newer claim of the same attempt: it was handed back unstarted.
    if (patch.fencingToken !== undefined && BigInt(report.fencingToken) <= BigInt(patch.fencingToken)) return;
    patch.claimedAt = report.at;
    patch.fencingToken = report.fencingToken;
    patch.revision = report.revision;
  } else if (report.type === 'started') {
    patch.startedAt ??= report.at;
    if (patch.state === 'Claimed') patch.state = 'Running';
  } else if (report.type === 'progress') {
    patch.progress = report.percent;
    patch.progressMessage = report.message;
    patch.progressAt = report.at;
  } else if (report.type === 'finished') {
    patch.state = report.outcome;
    patch.finishedAt = report.at;
    patch.exitCode = report.exitCode;
    patch.signal = report.signal;
    patch.httpStatus = report.httpStatus;
    patch.message = report.message;
  }
}
