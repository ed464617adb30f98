import type { JobSpec } from '../../domain/job/spec.ts';
import type { RunId, RunState } from '../../domain/run/run.ts';
import type { ChainLink, Run, Store } from '../store.ts';
import type { Run as RunRow } from './client/client.ts';
import type { Database } from './database.ts';
import { runColumns, toRun } from './run-row.ts';
import { number } from './values.ts';

/** What is read of chains: of jobs, and of runs. */
export function chains({ prisma }: Database): Pick<Store, 'chainLinks' | 'chainOf'> {
  return {
    chainLinks: async ({ uid, namespace, name }) => {
      const [upstreams, below] = await Promise.all([
        prisma.$queryRaw<UpstreamRow[]>`
          SELECT job_after.upstream AS job, upstream.uid IS NOT NULL AS exists, job.spec,
            arrival.run, arrival.state, arrival.ended_at AS at
          FROM job_after JOIN job ON job.uid = job_after.job_uid
          LEFT JOIN job AS upstream ON upstream.namespace = job_after.namespace AND upstream.name = job_after.upstream
          LEFT JOIN arrival ON arrival.job_uid = job.uid AND arrival.chained IS NULL
            AND arrival.upstream = job_after.upstream AND arrival.ended_at > job_after.since
          WHERE job_after.job_uid = ${uid}`,
        prisma.$queryRaw<{ job: string; spec: JobSpec }[]>`
          SELECT job.name AS job, job.spec FROM job_after JOIN job ON job.uid = job_after.job_uid
          WHERE job_after.namespace = ${namespace} AND job_after.upstream = ${name} ORDER BY job.name`,
      ]);
      const order = (upstreams[0]?.spec.after ?? []).map(({ job }) => job);
      return {
        upstreams: upstreams.map(toLink).sort((a, b) => order.indexOf(a.job) - order.indexOf(b.job)),
        downstreams: below.map(({ job, spec }) => ({ job, outcome: outcomeOf(spec, name), exists: true })),
      };
    },

    chainOf: async ({ id, chain }, limit) => {
      const rows = await prisma.$queryRaw<RunRow[]>`
        SELECT ${runColumns} FROM run WHERE chain = ${chain ?? null} OR id = ${id} ORDER BY due_at, id LIMIT ${limit}`;
      const runs = new Map(rows.map(row => [row.id, toRun(row)]));
      // What a join brought in belongs to a chain of its own: it is shown up to its beginning.
      for (let last = [...runs.values()]; last.length > 0 && runs.size < limit; ) {
        const others = last.flatMap(run => run.upstream ?? []).filter(upstream => !runs.has(upstream));
        const joined = await prisma.run.findMany({ where: { id: { in: others } }, take: limit - runs.size });
        last = joined.map(toRun);
        for (const run of last) runs.set(run.id, run);
      }
      return [...runs.values()].sort((a, b) => dueAt(a) - dueAt(b) || (a.id < b.id ? -1 : 1));
    },
  };
}

interface UpstreamRow {
  readonly job: string;
  readonly exists: boolean;
  readonly spec: JobSpec;
  readonly run: RunId | null;
  readonly state: RunState | null;
  readonly at: bigint | null;
}

const dueAt = ({ tick, requestedAt }: Run): number => tick ?? requestedAt;

const outcomeOf = (spec: JobSpec, upstream: string): ChainLink['outcome'] =>
  spec.after?.find(({ job }) => job === upstream)?.outcome ?? 'Success';

function toLink({ job, exists, spec, run, state, at }: UpstreamRow): ChainLink {
  return {
    job,
    outcome: outcomeOf(spec, job),
    exists,
    ...(run !== null && state !== null && at !== null && { arrived: { run, state, at: number(at) } }),
  };
}
