import { CronmeshError, ErrorCode } from '../../domain/errors.ts';
import type { JobSpec } from '../../domain/job/spec.ts';
import { cycleThrough, type Edge } from '../../domain/policy/chains.ts';
import type { Job as JobRow } from './client/client.ts';
import type { Transaction } from './database.ts';

/**
 * Writes what a job comes after. Ends of before do not count: its arrivals are forgotten.
 *
 * @throws CronmeshError InvalidInput with the path, when the job would come after itself
 */
export async function writeAfter(transaction: Transaction, job: JobRow): Promise<void> {
  const { uid, namespace, name, updatedAt: since } = job;
  const upstreams = ((job.spec as JobSpec).after ?? []).map(({ job: upstream }) => upstream);
  await forgetChain(transaction, uid);
  if (upstreams.length === 0) return;
  // One at a time in each namespace: of two edits that close a cycle together, the second sees the first.
  await transaction.$executeRaw`SELECT pg_advisory_xact_lock(hashtext('cronmesh:after'), hashtext(${namespace}))`;
  await refuseCycle(transaction, namespace, name, upstreams);
  await transaction.jobAfter.createMany({
    data: upstreams.map(upstream => ({ jobUid: uid, upstream, namespace, name, since })),
  });
}

/** A job comes after nothing, and nothing has reached it. */
export async function forgetChain(transaction: Transaction, uid: string): Promise<void> {
  await transaction.jobAfter.deleteMany({ where: { jobUid: uid } });
  await transaction.arrival.deleteMany({ where: { jobUid: uid } });
}

async function refuseCycle(
  transaction: Transaction,
  namespace: string,
  name: string,
  upstreams: readonly string[],
): Promise<void> {
  const edges = await transaction.$queryRaw<Edge[]>`
    WITH RECURSIVE above (name) AS (
      SELECT unnest(${upstreams}::text[])
      UNION
      SELECT job_after.upstream FROM above JOIN job_after
        ON job_after.namespace = ${namespace} AND job_after.name = above.name
      WHERE above.name <> ${name}
    )
    SELECT job_after.name, job_after.upstream FROM above JOIN job_after
      ON job_after.namespace = ${namespace} AND job_after.name = above.name`;
  const cycle = cycleThrough(name, upstreams, edges);
  if (cycle === undefined) return;
  const message = `${cycle.join(' → ')} is a cycle`;
  throw new CronmeshError(ErrorCode.InvalidInput, `after: ${message}`, {
    problems: [{ field: 'spec.after', value: JSON.stringify(upstreams).slice(0, 200), message }],
  });
}
