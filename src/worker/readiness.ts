import type { Brakes } from './brakes.ts';
import type { ClockWatch } from './clock-watch.ts';
import type { EpochGuard } from './epoch-guard.ts';
import type { JobIntake } from './job-intake.ts';
import type { Supervisor } from './ports.ts';
import type { Reports } from './reports.ts';
import type { WorkerSession } from './worker-session.ts';

/** What a worker's readiness hangs on. */
export interface Conditions {
  readonly started: boolean;
  readonly draining: boolean;
  readonly brakes: Pick<Brakes, 'reason'>;
  readonly session: Pick<WorkerSession, 'valid'>;
  readonly intake: Pick<JobIntake, 'isLoaded'>;
  readonly epoch: Pick<EpochGuard, 'reason'>;
  readonly clock: Pick<ClockWatch, 'reason'>;
  readonly reports: Pick<Reports, 'reason'>;
  readonly supervisor: Pick<Supervisor, 'ready'>;
}

/** Why it takes no work, one sentence each; empty when it does. */
export function reasonsAgainst(conditions: Conditions): readonly string[] {
  const { started, draining, brakes, session, intake, epoch, clock, reports, supervisor } = conditions;
  if (!started) return ['it has not been started'];
  const reasons = [
    draining ? 'it is stopping' : undefined,
    brakes.reason,
    session.valid === undefined ? 'it has no session that is surely alive' : undefined,
    intake.isLoaded ? undefined : 'the jobs are being read',
    epoch.reason,
    clock.reason,
    reports.reason,
    supervisor.ready ? undefined : 'its supervisor is being started',
  ];
  return reasons.filter(reason => reason !== undefined);
}
