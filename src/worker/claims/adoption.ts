import type { Entry } from '../../coordination/coordinator.ts';
import { isGroupLock } from '../../coordination/keys.ts';
import type { Adoption, TriggerRecord } from '../../coordination/records.ts';
import type { JobKey } from '../../domain/job/job.ts';
import { type JobSpec, jobSpec } from '../../domain/job/spec.ts';
import type { JobNeeds } from '../../domain/policy/eligibility.ts';
import type { Schedule } from '../../domain/schedule/index.ts';
import type { Instant } from '../../domain/time.ts';
import type { JobEntry, RunSpec } from '../agenda/entry.ts';
import type { EligibilityClass } from '../peers.ts';
import { seenLock } from './seen.ts';

/** A trigger whose run goes on already. */
export type AdoptionTrigger = TriggerRecord & { readonly adopts: Adoption };

/** Of a job that is gone. */
const noTicks: Schedule = { expression: '', timeZone: 'UTC', next: () => undefined, previous: () => undefined };

export function isAdoption(trigger: TriggerRecord): trigger is AdoptionTrigger {
  return trigger.adopts !== undefined;
}

/** What a worker needs to adopt a run: the executor, and what the job's selector asked for when the run began. */
export function reachOf({ adopts }: AdoptionTrigger): JobNeeds {
  return {
    executor: { kubernetes: anyPod },
    placement: { selector: adopts.selector ?? defaults.placement.selector },
  };
}

/**
 * The run's job as it is for the run, which was begun under an earlier form of it: the job may have become another kind,
 * or be gone. What decides whether it overlaps with others is the lock that it has.
 */
export function entryOf(
  trigger: AdoptionTrigger,
  key: JobKey,
  known: JobEntry | undefined,
  eligibility: EligibilityClass,
  now: Instant,
): JobEntry {
  const { jobUid, adopts, deadline } = trigger;
  const slot = numberedSlot(adopts.lock);
  const job = known?.uid === jobUid ? known : undefined;
  return {
    key,
    uid: jobUid,
    index: job?.index ?? 0,
    revision: adopts.revision,
    floor: job?.floor ?? 0,
    suspended: job?.suspended ?? false,
    limit: job?.limit,
    schedule: job?.schedule ?? noTicks,
    eligibility,
    slots: slot === undefined ? undefined : (job?.slots ?? 1),
    // Ticks of a `Forbid` job wait for its one slot.
    policy: slot === 0 ? (job?.policy ?? 'Allow') : 'Allow',
    group: undefined,
    queued: 0,
    spread: { mode: 'One' },
    wholes: false,
    deadline: job?.deadline ?? 0,
    outlivesWorker: true,
    asynchronous: false,
    // A further attempt may follow, whatever became of the job.
    retries: true,
    retriesLost: false,
    body: job?.outlivesWorker ? job.body : JSON.stringify(bodyUntil(deadline, now)),
  };
}

/** Whether the lock was left for the run, or is gone with Consul's past. Another's must go first. */
export function isLeftFor(trigger: AdoptionTrigger, lock: Entry | undefined): boolean {
  const seen = seenLock(lock);
  return seen === undefined || (seen.session === undefined && seen.record.run === trigger.run);
}

/** With its job's present form unknown: what an adoption needs, which makes nothing and finds the run by its name. */
function bodyUntil(deadline: Instant, now: Instant): RunSpec {
  return {
    executor: { kubernetes: anyPod },
    timeoutSeconds: Math.max(1, Math.ceil((deadline - now) / 1_000)),
    terminationGraceSeconds: defaults.terminationGraceSeconds,
  };
}

function numberedSlot(lockKey: string): number | undefined {
  const slot = isGroupLock(lockKey) ? '0' : lockKey.slice(lockKey.lastIndexOf('/') + 1);
  return /^\d+$/.test(slot) ? Number(slot) : undefined;
}

const defaults = jobSpec.parse({
  schedule: '@yearly',
  executor: { kubernetes: { template: { spec: { containers: [{ name: 'main', image: 'none' }] } } } },
});
const anyPod = defaults.executor.kubernetes as NonNullable<JobSpec['executor']['kubernetes']>;
