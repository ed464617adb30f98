import type { TriggerRecord } from '../../coordination/records.ts';
import type { Job } from '../../domain/job/job.ts';
import type { Instant } from '../../domain/time.ts';
import type { NewRun, Run } from '../../store/store.ts';

/**
 * What the services need of the publisher. Jobs and runs are committed in the database before these are called, and
 * are published again until Consul has them: a failure here delays, and loses nothing. Only a kill is asked for in
 * Consul alone.
 */
export interface Publishing {
  /** Writes the newest state of these jobs to Consul. */
  publish(keys: readonly { readonly namespace: string; readonly name: string }[]): Promise<void>;
  /** Writes the triggers of runs that were just created. */
  publishTrigger(...runs: readonly NewRun[]): Promise<void>;
  /** Triggers of a job that wait to be started, as Consul has them now. @throws when it does not answer */
  waiting(job: Job): Promise<readonly TriggerRecord[]>;
  /**
   * Makes sure that a run whose trigger was never written never starts: its trigger can't be written any more. False when
   * it was. May be called twice. @throws when Consul does not answer
   */
  withdraw(run: Run, deadline: Instant): Promise<boolean>;
  /** Resolves once the request is in Consul. @throws when it may not be */
  requestKill(run: Run, by: string): Promise<void>;
}
