import type { Report } from '../../domain/run/report.ts';
import type { RunId, WorkerId } from '../../domain/run/run.ts';
import { workerNameOf } from '../../domain/run/worker-id.ts';
import type { RunClaim, Store } from '../../store/store.ts';

export interface Sorted {
  readonly own: readonly Report[];
  /** Of runs that are another worker's. */
  readonly foreign: readonly Report[];
}

/**
 * Which reports a worker may make, by the name in its certificate. A run is that of the worker whose claim is in the
 * database; a larger fencing token is a newer claim, which takes it over; who had it before may still tell the rest. A
 * run that is not there yet is that of whoever reports it first.
 */
export async function sortReports(
  store: Pick<Store, 'runClaims'>,
  worker: WorkerId,
  reports: readonly Report[],
): Promise<Sorted> {
  const ids = new Set(reports.flatMap(report => (report.type === 'skipped' ? [] : [report.run])));
  const claims = new Map<RunId, RunClaim>(await store.runClaims([...ids]));
  const own: Report[] = [];
  const foreign: Report[] = [];
  for (const report of reports) {
    if (report.type === 'skipped') own.push(report);
    else {
      const claim = claims.get(report.run);
      const may = mayReport(report, claim, workerNameOf(worker));
      (may ? own : foreign).push(report);
      if (may) claims.set(report.run, after(claim, report, worker));
    }
  }
  return { own, foreign };
}

type RunReport = Exclude<Report, { type: 'skipped' }>;

function mayReport(report: RunReport, claim: RunClaim | undefined, name: string): boolean {
  if (report.member?.worker !== undefined && report.member.worker !== name) return false;
  if (claim?.worker === undefined) return true;
  if (workerNameOf(claim.worker) === name || claim.former.some(one => workerNameOf(one) === name)) return true;
  // Nobody asks for a further attempt before the one before has ended.
  if (report.attempt > claim.attempt) return claim.state !== 'Claimed' && claim.state !== 'Running';
  return report.attempt === claim.attempt && isNewerClaim(report, claim);
}

function isNewerClaim(report: RunReport, claim: RunClaim): boolean {
  return report.type === 'claimed' && BigInt(report.fencingToken) > BigInt(claim.fencingToken ?? 0);
}

/** What the claim is once the report is committed. */
function after(claim: RunClaim | undefined, report: RunReport, worker: WorkerId): RunClaim {
  const takes =
    claim?.worker === undefined ||
    report.attempt > claim.attempt ||
    (isNewerClaim(report, claim) && report.attempt === claim.attempt);
  if (!takes) return claim;
  const token = report.type === 'claimed' ? report.fencingToken : undefined;
  return {
    attempt: report.attempt,
    state: 'Claimed',
    worker,
    ...(token !== undefined && { fencingToken: token }),
    former: claim?.worker === undefined ? [] : [...claim.former, claim.worker],
  };
}
