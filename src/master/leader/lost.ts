import { type JobKey, splitJobKey } from '../../domain/job/job.ts';
import {
  type RunId,
  type RunParticulars,
  runJobUid,
  type TriggerKind,
  terminalStates,
  type WorkerId,
} from '../../domain/run/run.ts';
import type { Instant } from '../../domain/time.ts';
import type { Findings, Run } from '../../store/store.ts';
import type { Office } from './office.ts';
import { isIn } from './tick-ranges.ts';

/** An attempt whose worker is gone, as a key in Consul or a row tells of it. */
export interface Orphan {
  readonly run: RunId;
  readonly job: JobKey;
  /** Where only the row can tell, it is absent. */
  readonly attempt?: number;
  readonly trigger?: TriggerKind;
  readonly tick?: Instant;
  readonly worker?: WorkerId;
  readonly particulars?: RunParticulars;
  readonly message: string;
}

export const nothingFound: Findings = { skips: [], lost: [], expired: [], catchups: [], accounted: [] };

/** The tick in a run's id: `<uid>-<tick in base 36>[-<member>]`; undefined in a manual run's. */
export function tickOf(run: RunId): Instant | undefined {
  const tail = run.slice(run.indexOf('-') + 1);
  const tick = /^([0-9a-z]+)(-\d{1,2})?$/.exec(tail)?.[1];
  return tick === undefined ? undefined : Number.parseInt(tick, 36);
}

/** Closes attempts as Lost in the database, those excepted that have ended or that a newer attempt has overtaken. */
export async function closeAsLost(office: Office, orphans: readonly Orphan[]): Promise<void> {
  if (orphans.length === 0) return;
  const rows = new Map((await office.store.getRuns(orphans.map(({ run }) => run))).map(row => [row.id, row]));
  const open = orphans.flatMap(orphan => {
    const row = rows.get(orphan.run);
    return isOpen(row, orphan.attempt) ? [toFinding(orphan, row)] : [];
  });
  const skipped = await skippedAmong(
    office,
    open.filter(({ run }) => !rows.has(run)),
  );
  const lost = open.filter(({ run }) => !skipped.has(run));
  if (lost.length === 0) return;
  await office.store.account(office.term, { ...nothingFound, lost }, office.clock());
  office.metrics.runsLost.inc(lost.length);
  for (const { run, worker, message } of lost) office.logger.warn({ run, worker }, `a run is lost: ${message}`);
}

/** Runs whose ticks were skipped: a restored Consul shows what asked for them again. */
async function skippedAmong(office: Office, lost: Findings['lost']): Promise<ReadonlySet<RunId>> {
  const ofTicks = lost.flatMap(({ run, jobUid, tick }) => (tick === undefined ? [] : [{ run, uid: jobUid, tick }]));
  if (ofTicks.length === 0) return new Set();
  const known = await office.store.accountedTicks(
    ofTicks.map(({ uid, tick }) => ({ uid, after: tick - 1, until: tick })),
  );
  const isSkipped = ({ uid, tick }: (typeof ofTicks)[number]): boolean =>
    known.get(uid)?.skips.some(range => isIn(tick, range)) ?? false;
  return new Set(ofTicks.filter(isSkipped).map(({ run }) => run));
}

function isOpen(row: Run | undefined, attempt: number | undefined): boolean {
  return row === undefined || !hasEnded(row, attempt ?? Math.max(1, row.attempt));
}

/** Whether an attempt has ended in the database: with its run, or before a further attempt that has begun or waits. */
export function hasEnded({ state, attempt: newest }: Run, attempt: number): boolean {
  return terminalStates.has(state) || newest > attempt || (state === 'Pending' && newest === attempt);
}

function toFinding(orphan: Orphan, row: Run | undefined): Findings['lost'][number] {
  const tick = row?.tick ?? orphan.tick ?? tickOf(orphan.run);
  const worker = orphan.worker ?? row?.worker;
  return {
    run: orphan.run,
    attempt: orphan.attempt ?? Math.max(1, row?.attempt ?? 1),
    jobUid: runJobUid(orphan.run),
    ...splitJobKey(orphan.job),
    trigger: row?.trigger ?? orphan.trigger ?? (tick === undefined ? 'manual' : 'tick'),
    ...(tick !== undefined && { tick }),
    ...(worker !== undefined && { worker }),
    ...(orphan.particulars !== undefined && { particulars: orphan.particulars }),
    message: orphan.message,
  };
}
