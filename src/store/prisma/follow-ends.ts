import { createHash } from 'node:crypto';
import { alphanumeric } from '../../domain/alphanumeric.ts';
import type { Job } from '../../domain/job/job.ts';
import { stillness } from '../../domain/job/pause.ts';
import { mismatch } from '../../domain/policy/chains.ts';
import { nobodyEligible } from '../../domain/policy/eligibility.ts';
import { chainRunId, type RunId, type RunState, type SkipReason } from '../../domain/run/run.ts';
import type { Instant } from '../../domain/time.ts';
import type { NewRun, Store } from '../store.ts';
import { expire } from './accounting.ts';
import type { Job as JobRow } from './client/client.ts';
import type { Database, Transaction } from './database.ts';
import { jobColumns, toJob } from './job-row.ts';
import { requireTerm } from './leadership.ts';
import { asJson, recordset } from './recordset.ts';
import { toRun } from './run-row.ts';
import { insertPending } from './runs.ts';
import { number } from './values.ts';
import { type Ended, endedWholes } from './wholes.ts';

/** The end of an upstream, at a job that comes after it. */
interface Arrival {
  readonly jobUid: string;
  readonly run: RunId;
  readonly upstream: string;
  readonly runs: readonly RunId[];
  state: RunState;
  readonly endedAt: Instant;
  /** The run that came of it; empty where a later end took its place. */
  chained?: RunId | '';
}

/** A job that comes after others, and what has reached it. */
interface Downstream {
  readonly job: Job;
  /** Ends at or before it do not count. */
  readonly since: Instant;
  readonly waiting: Map<string, Arrival>;
}

/** Where all ends have come: the ends, in the order of `after`. */
interface Join {
  readonly job: Job;
  readonly id: RunId;
  readonly arrivals: readonly Arrival[];
}

/** Chains: each end of a run goes to the jobs that come after its own, and the last one that was missing makes a run. */
export function followEnds(database: Database): Pick<Store, 'followEnds'> {
  return {
    followEnds: (term, ended, now, runsFor) =>
      database.transaction(async transaction => {
        await requireTerm(transaction, term);
        const wholes = await endedWholes(transaction, ended);
        const downstreams = await downstreamsOf(transaction, wholes);
        const known = await knownOf(transaction, downstreams, wholes);
        const changed = new Set<Arrival>();
        const joins: Join[] = [];
        for (const whole of wholes) {
          for (const downstream of downstreams.get(placeOf(whole)) ?? []) {
            for (const arrival of arrive(downstream, whole, known)) changed.add(arrival);
            const join = joined(downstream);
            if (join === undefined) continue;
            joins.push(join);
            for (const arrival of join.arrivals) changed.add(arrival);
          }
        }
        await saveArrivals(transaction, [...changed]);
        return await makeRuns(transaction, joins, now, runsFor);
      }),
  };
}

const placeOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }) => `${namespace}/${name}`;

/** By the key of the upstream: the jobs that come after it, as long as the job that ran is the one that has the name. */
async function downstreamsOf(
  transaction: Transaction,
  wholes: readonly Ended[],
): Promise<ReadonlyMap<string, readonly Downstream[]>> {
  const columns = { jobUid: 'text', namespace: 'text', name: 'text' } as const;
  const rows = await transaction.$queryRaw<(JobRow & { since: bigint; upstream: string })[]>`
    SELECT DISTINCT ON (job.uid, job_after.upstream) ${jobColumns}, job_after.since, job_after.upstream
    FROM ${recordset('ended', columns, wholes)}
    JOIN job AS source ON source.uid = ended."jobUid"
    JOIN job_after ON job_after.namespace = ended.namespace AND job_after.upstream = ended.name
    JOIN job ON job.uid = job_after.job_uid
    ORDER BY job.uid, job_after.upstream`;
  const byUid = new Map<string, Downstream>();
  const byUpstream = new Map<string, Downstream[]>();
  for (const row of rows) {
    const one = byUid.get(row.uid) ?? { job: toJob(row), since: number(row.since), waiting: new Map() };
    byUid.set(row.uid, one);
    const place = placeOf({ namespace: row.namespace, name: row.upstream });
    byUpstream.set(place, [...(byUpstream.get(place) ?? []), one]);
  }
  for (const row of await transaction.arrival.findMany({
    where: { jobUid: { in: [...byUid.keys()] }, chained: null },
  })) {
    const one = byUid.get(row.jobUid);
    const { jobUid, run, upstream, runs, state, endedAt } = row;
    const arrival = { jobUid, run: run as RunId, upstream, runs: runs as RunId[], state: state as RunState };
    if (one !== undefined && number(endedAt) > one.since)
      one.waiting.set(upstream, { ...arrival, endedAt: number(endedAt) });
  }
  return byUpstream;
}

/** Which of these ends have reached which of these jobs before: `<uid>/<run>`. */
async function knownOf(
  transaction: Transaction,
  downstreams: ReadonlyMap<string, readonly Downstream[]>,
  wholes: readonly Ended[],
): Promise<Set<string>> {
  const uids = [...downstreams.values()].flat().map(({ job }) => job.uid);
  const rows = await transaction.arrival.findMany({
    where: { jobUid: { in: uids }, run: { in: wholes.map(({ id }) => id) } },
    select: { jobUid: true, run: true },
  });
  return new Set(rows.map(({ jobUid, run }) => `${jobUid}/${run}`));
}

/** Takes an end in; gives what changes by it. Of one that came before, only what it ended as may be settled. */
function arrive({ job, since, waiting }: Downstream, ended: Ended, known: Set<string>): readonly Arrival[] {
  const { id: run, name: upstream, runs, state, at: endedAt } = ended;
  const before = waiting.get(upstream);
  if (before?.run === run) {
    before.state = state;
    return [before];
  }
  if (endedAt <= since || known.has(`${job.uid}/${run}`)) return [];
  known.add(`${job.uid}/${run}`);
  if (before !== undefined) before.chained = '';
  const arrival: Arrival = { jobUid: job.uid, run, upstream, runs, state, endedAt };
  waiting.set(upstream, arrival);
  return before === undefined ? [arrival] : [before, arrival];
}

/** The job's run, when every end has come; they are used up by it. */
function joined({ job, waiting }: Downstream): Join | undefined {
  const arrivals = (job.spec.after ?? []).map(({ job: upstream }) => waiting.get(upstream));
  if (arrivals.length === 0 || !arrivals.every(arrival => arrival !== undefined)) return undefined;
  // The same ends make the same run, whoever tells them again.
  const digest = createHash('sha256')
    .update(arrivals.map(({ run }) => run).join(' '))
    .digest();
  const id = chainRunId(job.uid, alphanumeric(digest.subarray(0, 20)));
  for (const arrival of arrivals) arrival.chained = id;
  waiting.clear();
  return { job, id, arrivals };
}

async function saveArrivals(transaction: Transaction, arrivals: readonly Arrival[]): Promise<void> {
  const columns = {
    jobUid: 'text',
    run: 'text',
    upstream: 'text',
    runs: 'text',
    state: 'text',
    endedAt: 'bigint',
    chained: 'text',
  } as const;
  const sent = arrivals.map(row => ({ ...row, runs: asJson(row.runs) }));
  await transaction.$executeRaw`
    INSERT INTO arrival (job_uid, run, upstream, runs, state, ended_at, chained)
    SELECT "jobUid", run, upstream, runs::json, state, "endedAt", chained FROM ${recordset('told', columns, sent)}
    ON CONFLICT (job_uid, run) DO UPDATE SET state = excluded.state, chained = excluded.chained`;
}

async function makeRuns(
  transaction: Transaction,
  joins: readonly Join[],
  now: Instant,
  runsFor: Parameters<Store['followEnds']>[3],
): ReturnType<Store['getRuns']> {
  if (joins.length === 0) return [];
  const chains = await chainsOf(transaction, joins);
  const pending: NewRun[] = [];
  const skipped: { run: RunId; reason: SkipReason; message: string }[] = [];
  const marks: { run: RunId; chain: RunId }[] = [];
  for (const { job, id, arrivals } of joins) {
    const upstream = arrivals.flatMap(({ runs }) => runs);
    const chain = chains.get(upstream[0] ?? id) ?? upstream[0] ?? id;
    for (const run of upstream) {
      if (chains.has(run)) continue;
      chains.set(run, chain);
      marks.push({ run, chain });
    }
    const { uid: jobUid, namespace, name, revision, spec } = job;
    const about = { id, jobUid, namespace, name, trigger: 'chain', revision, requestedAt: now } as const;
    const deadline = now + spec.startingDeadlineSeconds * 1_000;
    const by = `after ${arrivals.map(one => one.upstream).join(', ')}`;
    const run: NewRun = { ...about, deadline, by, chain, upstream };
    const still = whyNot(job, arrivals);
    const runs = still === undefined ? runsFor(run, spec) : [];
    // With placement All and nobody to run it there is no member: what could not run is told as one run.
    pending.push(...(runs.length > 0 ? runs : [run]));
    if (runs.length === 0) skipped.push({ run: id, ...(still ?? nobody) });
  }
  await insertPending(transaction, pending);
  await expire(transaction, skipped, now);
  await transaction.$executeRaw`
    UPDATE run SET chain = marks.chain FROM ${recordset('marks', { run: 'text', chain: 'text' }, marks)}
    WHERE run.id = marks.run AND run.chain IS NULL`;
  return (await transaction.run.findMany({ where: { id: { in: pending.map(({ id }) => id) } } })).map(toRun);
}

/** The chains that the upstreams' runs belong to; absent for those of none. */
async function chainsOf(transaction: Transaction, joins: readonly Join[]): Promise<Map<RunId, RunId>> {
  const ids = joins.flatMap(({ arrivals }) => arrivals.flatMap(({ runs }) => runs));
  const rows = await transaction.run.findMany({
    where: { id: { in: ids }, chain: { not: null } },
    select: { id: true, chain: true },
  });
  return new Map(rows.map(({ id, chain }) => [id as RunId, chain as RunId]));
}

const nobody = { reason: 'NoEligibleWorker', message: nobodyEligible } as const;

function whyNot(job: Job, arrivals: readonly Arrival[]): { reason: SkipReason; message: string } | undefined {
  const still = stillness(job);
  if (still !== undefined) return { reason: still.reason, message: still.detail };
  const states = new Map(arrivals.map(({ upstream, state }) => [upstream, state]));
  const wrong = mismatch(
    (job.spec.after ?? []).map(after => ({ ...after, state: states.get(after.job) ?? ('Skipped' as const) })),
  );
  return wrong === undefined ? undefined : { reason: 'Upstream', message: wrong };
}
