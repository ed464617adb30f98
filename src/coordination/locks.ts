import { type JobKey, splitJobKey } from '../domain/job/job.ts';
import type { JobSpec } from '../domain/job/spec.ts';
import { groupLockPath, jobOfPath, lockPath, prefix } from './keys.ts';
import type { LockRecord } from './records.ts';

/** Whose run a lock is: a group's lock says it in its value, any other in its key. */
export function jobOfLock(key: string, lock: Pick<LockRecord, 'job'>): JobKey {
  return lock.job ?? jobOfPath(key, prefix.lock);
}

/** The lock of a job's slot: that of its group, where it names one, which stands for the one slot that it has. */
export function slotPath(job: JobKey, group: string | undefined, slot: number): string {
  return group === undefined ? lockPath(job, slot) : groupLockPath(splitJobKey(job).namespace, group);
}

/** The one lock of a job whose runs exclude one another; undefined with Allow. */
export function exclusiveLock(
  job: JobKey,
  spec: Pick<JobSpec, 'concurrencyPolicy' | 'concurrencyGroup'>,
): string | undefined {
  return spec.concurrencyPolicy === 'Allow' ? undefined : slotPath(job, spec.concurrencyGroup, 0);
}
