import type { JobUid } from '../../domain/job/job.ts';
import type { SkipReason } from '../../domain/run/run.ts';
import type { CatchupOfRow, Findings, Store } from '../store.ts';
import type { JobSpell as SpellRow } from './client/client.ts';
import { Prisma } from './client/client.ts';
import type { Database, Transaction } from './database.ts';
import { requireTerm } from './leadership.ts';
import { asJson, recordset } from './recordset.ts';
import { insertPending } from './runs.ts';
import { insertSkips } from './skips.ts';
import { toSpell } from './spells.ts';
import { number } from './values.ts';

const spellColumns = Prisma.raw(
  `uid, first_revision AS "firstRevision", revision, namespace, name, spec, calendars, floor, anchor, until,
   counts_from AS "countsFrom", paused, accounted_until AS "accountedUntil"`,
);

export function accounting(
  database: Database,
): Pick<Store, 'openSpells' | 'spellsOf' | 'spellsNamed' | 'accountedTicks' | 'catchupsOfRow' | 'account'> {
  const { prisma } = database;
  return {
    openSpells: async (after, limit) => {
      const rows = await prisma.$queryRaw<SpellRow[]>`
        SELECT ${spellColumns} FROM job_spell
        WHERE (until IS NULL OR accounted_until < until) AND uid IN (
          SELECT DISTINCT uid FROM job_spell WHERE (until IS NULL OR accounted_until < until) AND uid > ${after}
          ORDER BY uid LIMIT ${limit})
        ORDER BY uid, first_revision`;
      return rows.map(toSpell);
    },

    spellsOf: async uids => {
      const rows = await prisma.jobSpell.findMany({
        where: { uid: { in: [...uids] } },
        orderBy: [{ uid: 'asc' }, { firstRevision: 'asc' }],
      });
      return rows.map(toSpell);
    },

    spellsNamed: async (namespace, name) => {
      const rows = await prisma.jobSpell.findMany({
        where: { namespace, name },
        orderBy: [{ floor: 'asc' }, { firstRevision: 'asc' }],
      });
      return rows.map(toSpell);
    },

    accountedTicks: async queries => {
      const found = new Map(
        queries.map(({ uid }) => [
          uid,
          { ticks: new Set<number>(), begun: new Set<number>(), skips: [] as { from: number; to: number }[] },
        ]),
      );
      type Ran = { uid: JobUid; tick: bigint; whole: boolean };
      for (const { uid, tick, whole } of await prisma.$queryRaw<Ran[]>(ticksWithRuns(queries))) {
        found.get(uid)?.[whole ? 'ticks' : 'begun'].add(number(tick));
      }
      const skips = await prisma.$queryRaw<{ uid: JobUid; from: bigint; to: bigint }[]>(skipsWithin(queries));
      for (const { uid, from, to } of skips) found.get(uid)?.skips.push({ from: number(from), to: number(to) });
      return found;
    },

    catchupsOfRow: async queries => {
      const rows = await prisma.$queryRaw<RowOfMissed[]>(rowsOfMissed(queries));
      const catchups = (uid: JobUid) =>
        rows
          .filter(one => one.uid === uid)
          .map(({ uid: _, tick, deadline, row, ...rest }) => ({
            ...rest,
            tick: number(tick),
            deadline: number(deadline),
            row: number(row),
          }));
      return new Map(queries.map(({ uid }) => [uid, catchups(uid)]));
    },

    account: (term, findings, now) =>
      database.transaction(async transaction => {
        await requireTerm(transaction, term);
        await insertSkips(transaction, findings.skips, now);
        await closeLost(transaction, findings.lost, now);
        await insertPending(transaction, findings.catchups);
        await expire(transaction, findings.expired, now);
        await advance(transaction, findings.accounted);
      }),
  };
}

type TickQueries = Parameters<Store['accountedTicks']>[0];

const asTable = (queries: TickQueries) =>
  recordset('asked', { uid: 'text', after: 'bigint', until: 'bigint' }, queries);

/**
 * A spell tells a uid's namespace and name: with them the index of the lists serves, and runs need no other. A run of a
 * backfill, known by its id, is for a tick that was accounted for without it.
 */
const ticksWithRuns = (queries: TickQueries) => Prisma.sql`
  SELECT asked.uid, run.tick, count(*) >= max(coalesce((run.particulars->'member'->>'count')::int, 1)) AS whole FROM ${asTable(queries)}
  CROSS JOIN LATERAL (SELECT namespace, name FROM job_spell WHERE uid = asked.uid LIMIT 1) AS job
  JOIN run ON run.namespace = job.namespace AND run.name = job.name AND run.job_uid = asked.uid
    AND run.due_at > asked.after AND run.due_at <= asked.until
  WHERE run.tick IS NOT NULL AND run.id NOT LIKE run.job_uid || '-b-%'
  GROUP BY asked.uid, run.tick`;

const skipsWithin = (queries: TickQueries) => Prisma.sql`
  SELECT asked.uid, skip.first_tick AS "from", skip.last_tick AS "to" FROM ${asTable(queries)}
  JOIN skip ON skip.job_uid = asked.uid AND skip.last_tick > asked.after AND skip.first_tick <= asked.until
  ORDER BY skip.first_tick`;

/** Why ticks are skipped that nobody decided in time; the other reasons are decisions about the one tick. */
const reasonsOfMissed = [
  'Misfire',
  'Superseded',
  'MisfireLimit',
  'DeadlineExceeded',
  'NoEligibleWorker',
  'ClusterDown',
  'CoordinationUnavailable',
] as const satisfies readonly SkipReason[];

type RowOfMissed = Omit<CatchupOfRow, 'tick' | 'deadline' | 'row'> & {
  uid: JobUid;
  tick: bigint;
  deadline: bigint;
  row: bigint;
};

/** The newest tick of the job before an instant that was run as a tick. */
const ranBefore = (at: Prisma.Sql) => Prisma.sql`
  SELECT max(own.due_at) AS at FROM run AS own WHERE own.namespace = job.namespace AND own.name = job.name
    AND own.job_uid = asked.uid AND own.due_at < ${at} AND own.tick IS NOT NULL AND own.trigger = 'tick'`;

/** … that a policy skipped. */
const decidedBefore = (at: Prisma.Sql) => Prisma.sql`
  SELECT max(last_tick) AS at FROM skip WHERE job_uid = asked.uid AND last_tick < ${at}
    AND reason NOT IN (${Prisma.join(reasonsOfMissed)})`;

const since = Prisma.sql`asked.since`;
const due = Prisma.sql`run.due_at`;

const rowsOfMissed = (queries: Parameters<Store['catchupsOfRow']>[0]) => Prisma.sql`
  SELECT asked.uid, run.id, run.namespace, run.name, run.tick, coalesce(run.deadline, 0) AS deadline,
    greatest((${ranBefore(due)}), (${decidedBefore(due)}), 0) AS "row",
    CASE WHEN run.state = 'Skipped' THEN 'over' WHEN run.state = 'Pending' AND run.attempt = 0 THEN 'waiting'
      ELSE 'begun' END AS "is"
  FROM ${recordset('asked', { uid: 'text', since: 'bigint', before: 'bigint' }, queries)}
  CROSS JOIN LATERAL (SELECT namespace, name FROM job_spell WHERE uid = asked.uid LIMIT 1) AS job
  CROSS JOIN LATERAL (${ranBefore(since)}) AS ran
  CROSS JOIN LATERAL (${decidedBefore(since)}) AS decided
  CROSS JOIN LATERAL (
    SELECT max(due_at) AS at FROM run WHERE namespace = job.namespace AND name = job.name AND job_uid = asked.uid
      AND due_at < asked.since AND trigger = 'catchup' AND coalesce(claimed_at, started_at) < asked.since) AS earlier
  JOIN run ON run.namespace = job.namespace AND run.name = job.name AND run.job_uid = asked.uid
    AND run.due_at < asked.before AND run.due_at > greatest(ran.at, decided.at, earlier.at, 0)
  WHERE run.trigger = 'catchup'
  ORDER BY run.due_at, run.id`;

const lostColumns = {
  run: 'text',
  jobUid: 'text',
  namespace: 'text',
  name: 'text',
  trigger: 'text',
  tick: 'bigint',
  attempt: 'int',
  worker: 'text',
  particulars: 'text',
  message: 'text',
} as const;

/** What is told of the newest attempt alone. */
const ofAttempt = ['claimed_at', 'started_at', 'exit_code', 'signal', 'http_status'];

async function closeLost(transaction: Transaction, lost: Findings['lost'], now: number): Promise<void> {
  if (lost.length === 0) return;
  const rows = [...new Map(lost.map(one => [one.run, { ...one, particulars: asJson(one.particulars) }])).values()];
  await transaction.$executeRaw`
    INSERT INTO run (id, job_uid, namespace, name, trigger, tick, due_at, state, attempt, worker, requested_at,
      finished_at, reported_at, particulars, message)
    SELECT run, "jobUid", namespace, name, trigger, tick, coalesce(tick, ${BigInt(now)}), 'Lost', attempt, worker,
      coalesce(tick, ${BigInt(now)}), ${BigInt(now)}, ${BigInt(now)}, particulars::json, message
    FROM ${recordset('lost', lostColumns, rows)}
    ORDER BY run
    ON CONFLICT (id) DO UPDATE SET state = 'Lost', attempt = excluded.attempt, message = excluded.message,
      worker = CASE WHEN excluded.attempt = run.attempt THEN coalesce(run.worker, excluded.worker)
        ELSE excluded.worker END, finished_at = excluded.finished_at,
      reported_at = greatest(run.reported_at, excluded.reported_at), retry = NULL, last_outcome = NULL,
      next_attempt_at = NULL,
      ${Prisma.raw(ofAttempt.map(column => `${column} = CASE WHEN excluded.attempt = run.attempt THEN run.${column} END`).join(', '))}
    WHERE (run.state IN ('Claimed', 'Running') AND run.attempt <= excluded.attempt)
      OR (run.state = 'Pending' AND run.attempt < excluded.attempt)`;
}

/** A run whose further attempt can't start ends as the last one did. */
export async function expire(transaction: Transaction, expired: Findings['expired'], now: number): Promise<void> {
  if (expired.length === 0) return;
  await transaction.$executeRaw`
    UPDATE run SET state = coalesce(run.last_outcome, 'Skipped'), reason = expired.reason,
      message = CASE WHEN run.last_outcome IS NULL THEN expired.message
        ELSE 'attempt ' || (run.attempt + 1) || ' was not started: ' || expired.message END,
      finished_at = CASE WHEN run.last_outcome IS NULL THEN ${BigInt(now)} ELSE run.finished_at END,
      retry = 'None', last_outcome = NULL, next_attempt_at = NULL,
      reported_at = greatest(run.reported_at, ${BigInt(now)})
    FROM ${recordset('expired', { run: 'text', reason: 'text', message: 'text' }, expired)}
    WHERE run.id = expired.run AND run.state = 'Pending' AND run.retry IS DISTINCT FROM 'Waiting'`;
}

/** How far a spell is accounted only grows. An older revision of it means the same spell. */
async function advance(transaction: Transaction, accounted: Findings['accounted']): Promise<void> {
  if (accounted.length === 0) return;
  await transaction.$executeRaw`
    UPDATE job_spell SET accounted_until = greatest(accounted_until, least(done.until, job_spell.until))
    FROM (
      SELECT uid, revision, max(until) AS until
      FROM ${recordset('done', { uid: 'text', revision: 'int', until: 'bigint' }, accounted)}
      GROUP BY uid, revision
    ) AS done
    WHERE job_spell.uid = done.uid AND done.revision BETWEEN job_spell.first_revision AND job_spell.revision`;
}
