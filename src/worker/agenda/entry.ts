import type { Index } from '../../coordination/coordinator.ts';
import type { JobRecord } from '../../coordination/records.ts';
import { type JobKey, type JobUid, jobKey } from '../../domain/job/job.ts';
import { limitOf, stillness } from '../../domain/job/pause.ts';
import { resourceOf } from '../../domain/job/resource.ts';
import { defaultQueuedRuns, type JobSpec } from '../../domain/job/spec.ts';
import type { RunLimit } from '../../domain/policy/claiming.ts';
import { isSpread, type Spread } from '../../domain/policy/members.ts';
import { retriesLost, retryOf } from '../../domain/policy/retry.ts';
import { type Schedule, scheduleOf } from '../../domain/schedule/index.ts';
import type { Instant, Milliseconds } from '../../domain/time.ts';
import type { EligibilityClass } from '../peers.ts';

/**
 * A job as a worker holds it: what claiming needs, and the rest as text. A hundred thousand of them are held, so they
 * are small. Immutable: an edit makes a new one, and whoever still has the old one sees that it is not current.
 */
export interface JobEntry {
  readonly key: JobKey;
  readonly uid: JobUid;
  /** Of the job's key in Consul: a claim carries it, so that a spec edited before is never run. */
  readonly index: Index;
  readonly revision: number;
  readonly floor: Instant;
  /** Or paused. */
  readonly suspended: boolean;
  /** The most runs of its ticks, where it has one. */
  readonly limit: RunLimit | undefined;
  readonly schedule: Schedule;
  /** Which workers may run it. */
  readonly eligibility: EligibilityClass;
  /**
   * Runs at once: the maximum of `Allow`, undefined without one, and 1 with every other policy; undefined where a tick
   * comes to several runs.
   */
  readonly slots: number | undefined;
  /** How the one slot, or the slots, are given. Where a tick comes to several runs: `Allow`, see `wholes`. */
  readonly policy: JobSpec['concurrencyPolicy'];
  /** The group whose one lock stands for its slot. */
  readonly group: string | undefined;
  /** With `Queue`: the most runs that wait. */
  readonly queued: number;
  /** How many runs a tick comes to. */
  readonly spread: Spread;
  /** `Forbid` where a tick comes to several runs: only those of one whole at a time. */
  readonly wholes: boolean;
  readonly deadline: Milliseconds;
  /** Its runs go on without their worker (kubernetes): they are handed over and adopted, never lost with it. */
  readonly outlivesWorker: boolean;
  /** A server may say later how its runs went (http): they have a key for that. */
  readonly asynchronous: boolean;
  /** A run may be tried again, by this worker too and under the same lock. */
  readonly retries: boolean;
  /** A run that is lost may be tried again: each attempt ends with its worker's lease, so that the next is alone. */
  readonly retriesLost: boolean;
  /** JSON of a `RunSpec`. */
  readonly body: string;
}

/** The part of a spec that a start needs. */
export type RunSpec = Pick<JobSpec, 'executor' | 'timeoutSeconds' | 'terminationGraceSeconds' | 'secretRefs'> & {
  readonly resource?: { readonly name: string; readonly uid: string };
};

/** Shared by all jobs of the mode: a hundred thousand entries are held. */
const plain = { One: { mode: 'One' }, All: { mode: 'All' }, Shards: { mode: 'Shards' } } as const;

/** @throws ScheduleError when this version cannot read the schedule */
export function toEntry(record: JobRecord, index: Index, eligibility: EligibilityClass): JobEntry {
  const { spec } = record;
  const { executor, timeoutSeconds, terminationGraceSeconds, secretRefs } = spec;
  const resource = resourceOf(record);
  const { mode = 'One', shards } = spec.placement;
  const spread: Spread = shards === undefined ? plain[mode] : { mode, shards };
  const alone = !isSpread(spread);
  const policy = alone ? spec.concurrencyPolicy : 'Allow';
  return {
    key: jobKey(record),
    uid: record.uid,
    index,
    revision: record.revision,
    floor: record.floor,
    suspended: stillness(record) !== undefined,
    limit: limitOf(record),
    schedule: scheduleOf(record),
    eligibility,
    slots: policy !== 'Allow' ? 1 : alone ? spec.maxConcurrentRuns : undefined,
    policy,
    group: spec.concurrencyGroup,
    queued: spec.maxQueuedRuns ?? defaultQueuedRuns,
    spread,
    wholes: !alone && spec.concurrencyPolicy === 'Forbid',
    deadline: spec.startingDeadlineSeconds * 1_000,
    outlivesWorker: executor.kubernetes !== undefined,
    asynchronous: executor.http?.asynchronous !== undefined,
    retries: (retryOf(spec)?.limit ?? 0) > 0,
    retriesLost: retriesLost(spec),
    body: JSON.stringify({
      executor,
      timeoutSeconds,
      terminationGraceSeconds,
      ...(secretRefs !== undefined && { secretRefs }),
      ...(resource !== undefined && { resource: { name: resource.name, uid: resource.uid } }),
    } satisfies RunSpec),
  };
}

/** Whether a run of it must end with its worker's lease: another one may start once its lock is gone. */
export function isExclusive({ slots, wholes, retriesLost }: JobEntry): boolean {
  return slots !== undefined || wholes || retriesLost;
}

export function runSpecOf(entry: JobEntry): RunSpec {
  return JSON.parse(entry.body) as RunSpec;
}
