import type { JobUid } from '../../domain/job/job.ts';
import type { NewNotification, NotificationContent } from '../../domain/notification/notification.ts';
import {
  missedReasons,
  notificationOf,
  rulesFor,
  tellsFailure,
  tellsRecovery,
} from '../../domain/notification/rules.ts';
import { failedStates } from '../../domain/run/run.ts';
import { formatInstant } from '../../domain/time.ts';
import type { ChangedRun, JobSpell, Run } from '../../store/store.ts';
import type { EndingsListener } from '../leader/endings.ts';
import type { Office } from '../leader/office.ts';
import type { PolicyIndex } from '../leader/policy-index.ts';
import type { Teller } from './teller.ts';

/** Tells of failures and recoveries, and of runs that were asked for and never started. */
export class TellEnds implements EndingsListener {
  readonly #office: Office;
  readonly #jobs: PolicyIndex;
  readonly #teller: Teller;

  constructor(office: Office, jobs: PolicyIndex, teller: Teller) {
    this.#office = office;
    this.#jobs = jobs;
    this.#teller = teller;
  }

  jobs(): Iterable<JobUid> {
    return this.#jobs.uids();
  }

  async ended(runs: readonly ChangedRun[]): Promise<void> {
    const { store } = this.#office;
    const own = runs.flatMap(run => {
      const spell = this.#jobs.get(run.jobUid);
      return spell === undefined ? [] : [{ run, spell }];
    });
    if (own.length === 0) return;
    const counted = own.filter(({ run }) => run.state === 'Succeeded' || failedStates.has(run.state));
    const before = await store.failuresBefore(
      counted.map(({ run }) => run.id),
      [...failedStates],
    );
    await this.#teller.tell(own.flatMap(({ run, spell }) => notificationsOf(run, spell, before.get(run.id) ?? 0)));
  }
}

function notificationsOf(run: Run, spell: JobSpell, before: number): readonly NewNotification[] {
  const { spec } = spell;
  const tell = (content: Pick<NotificationContent, 'event' | 'failures' | 'reason' | 'count'>, rules: Rules) =>
    rules.map(one => notificationOf(jobOf(run), one, run.id, { ...about(run), ...content }));
  if (failedStates.has(run.state)) {
    const failures = before + 1;
    return tell(
      { event: 'Failure', failures },
      rulesFor(spec, rule => tellsFailure(rule, failures)),
    );
  }
  if (run.state === 'Succeeded') {
    return tell(
      { event: 'Recovery', failures: before },
      rulesFor(spec, rule => tellsRecovery(rule, before)),
    );
  }
  if (run.state === 'Skipped' && run.reason !== undefined && missedReasons.has(run.reason)) {
    return tell(
      { event: 'Missed', reason: run.reason, count: 1 },
      rulesFor(spec, rule => rule.events.includes('Missed')),
    );
  }
  return [];
}

type Rules = ReturnType<typeof rulesFor>;

export const jobOf = ({ jobUid, namespace, name }: Pick<Run, 'jobUid' | 'namespace' | 'name'>) => ({
  jobUid,
  namespace,
  name,
});

/** What of a run every notification about it says. */
export function about(run: Run) {
  return {
    namespace: run.namespace,
    job: run.name,
    at: run.finishedAt ?? run.startedAt ?? run.tick ?? run.requestedAt,
    run: run.id,
    state: run.state,
    attempt: run.attempt,
    ...(run.tick !== undefined && { tick: run.tick }),
    ...(run.worker !== undefined && { worker: run.worker }),
    ...(run.message !== undefined && { message: run.message }),
  };
}

/** Why a run is late, as one clause. */
export function lateMessage(run: Run, due: number, seconds: number): string {
  if (run.startedAt === undefined) return `not started ${seconds} s after it was due`;
  return `due at ${formatInstant(due)}, and started ${((run.startedAt - due) / 1_000).toFixed(1)} s later`;
}
