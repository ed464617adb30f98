import { prefix } from '../../coordination/keys.ts';
import { decode, type LockRecord } from '../../coordination/records.ts';
import type { RunId } from '../../domain/run/run.ts';
import type { Office } from './office.ts';

/**
 * The runs that hold a lock, any lock: a group's does not tell by its key whose it is, and the job may name another group
 * by now. For each the attempt. A lock that can't be read is nobody's.
 */
export async function lockedRuns(office: Office): Promise<ReadonlyMap<RunId, number>> {
  const runs = new Map<RunId, number>();
  for (const lock of await office.list(prefix.lock)) {
    try {
      const { run, attempt } = decode<LockRecord>(lock);
      runs.set(run, attempt);
    } catch (error) {
      office.logger.debug({ err: error }, 'a lock is not readable');
    }
  }
  return runs;
}
