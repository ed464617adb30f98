import type { JobCalendar } from '../../../domain/calendar/calendar.ts';
import type { Pause } from '../../../domain/job/pause.ts';
import { stillness } from '../../../domain/job/pause.ts';
import type { JobSpec } from '../../../domain/job/spec.ts';
import type { TickRange } from '../../../domain/policy/claiming.ts';
import { countOf, withoutRanges } from '../../../domain/policy/ranges.ts';
import { type Schedule, scheduleOf } from '../../../domain/schedule/index.ts';
import { formatInstant, type Instant } from '../../../domain/time.ts';
import type { BackupHeader } from '../../backup.ts';
import type { ScriptConnection } from '../database.ts';
import { minutes } from './insertion.ts';

/** Spells settled at once. */
const page = 200;

interface Spell {
  readonly uid: string;
  readonly first: number;
  readonly namespace: string;
  readonly name: string;
  readonly spec: JobSpec;
  readonly calendars: readonly JobCalendar[] | null;
  readonly paused: Pause | null;
  readonly anchor: Instant;
  readonly accounted: Instant;
  readonly until: Instant | null;
}

/** Whoever leads now is refused from here on, and a new leader reads everything anew. */
export async function depose(connection: ScriptConnection, now: Instant): Promise<void> {
  await connection.script(`UPDATE leader_term SET term = greatest(term, ${minutes(now)}) + 1, master = 'restore'`);
}

/**
 * Closes the past of what came in: its ticks up to now without a run or skip of their own become skips, `Restored`, and
 * each job begins a new spell at its floor. Gives how many such ranges there are.
 */
export async function settle(connection: ScriptConnection, header: BackupHeader, now: Instant): Promise<number> {
  let unknown = 0;
  for (;;) {
    const spells = await connection.query<Spell>(
      `SELECT uid, first_revision AS first, namespace, name, spec, calendars, paused, anchor::float8 AS anchor,
         accounted_until::float8 AS accounted, until::float8 AS until
       FROM job_spell JOIN restored USING (uid) WHERE until IS NULL OR accounted_until < until
       ORDER BY uid, first_revision LIMIT ${page}`,
    );
    if (spells.length === 0) break;
    const skips = await unaccounted(connection, spells, header, now);
    unknown += skips.length;
    await write(connection, spells, skips, now);
  }
  await connection.script(`
    INSERT INTO job_spell (uid, first_revision, revision, namespace, name, spec, calendars, floor, anchor, counts_from,
      paused, accounted_until)
    SELECT uid, revision, revision, namespace, name, spec, calendars, floor, anchor, counts_from, paused, floor
    FROM job JOIN restored USING (uid) WHERE restored.job;
    INSERT INTO streak (job_uid, since, failures) SELECT uid, ${now}, '[]' FROM job JOIN restored USING (uid)
      WHERE restored.job AND spec::text LIKE '%"pauseAfterFailures"%'
      ON CONFLICT (job_uid) DO UPDATE SET since = excluded.since, failures = excluded.failures;
    INSERT INTO outbox (namespace, name) SELECT namespace, name FROM job JOIN restored USING (uid)
      WHERE restored.job ORDER BY namespace, name
      ON CONFLICT (namespace, name) DO UPDATE SET id = nextval('outbox_id_seq')`);
  return unknown;
}

interface NewSkip extends TickRange {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly count: number;
  readonly reason: string;
  readonly detail: string;
}

async function unaccounted(
  connection: ScriptConnection,
  spells: readonly Spell[],
  header: BackupHeader,
  now: Instant,
): Promise<NewSkip[]> {
  const asked = spells.map(({ uid, namespace, name, accounted, until }) => {
    return { uid, namespace, name, after: accounted, until: until ?? now };
  });
  const known = await connection.query<{ uid: string; from: Instant; to: Instant }>(knownTicks, [
    JSON.stringify(asked),
  ]);
  const holes = Map.groupBy(known, one => one.uid);
  return spells.flatMap(spell => {
    const schedule = scheduleOf({ ...spell, calendars: spell.calendars ?? undefined });
    const range = between(schedule, spell.accounted, spell.until ?? now);
    if (range === undefined) return [];
    const still = stillness({ spec: spell.spec, ...(spell.paused !== null && { paused: spell.paused }) });
    const cause = still ?? { reason: 'Restored', detail: detailOf(header, now) };
    return withoutRanges(schedule, range, holes.get(spell.uid) ?? []).map(left => {
      const { count, exact } = countOf(schedule, left);
      const detail = exact ? cause.detail : `${cause.detail} (the count is estimated)`;
      return { uid: spell.uid, namespace: spell.namespace, name: spell.name, ...left, count, ...cause, detail };
    });
  });
}

const detailOf = (header: BackupHeader, now: Instant): string =>
  `the database was restored at ${formatInstant(now)} from a backup of ${formatInstant(header.at)}: what became of it is not known`;

/** The first and last tick in (after, until]. */
function between(schedule: Schedule, after: Instant, until: Instant): TickRange | undefined {
  const from = schedule.next(after);
  if (from === undefined || from > until) return undefined;
  return { from, to: schedule.previous(until + 1) ?? from };
}

const knownTicks = `
  WITH asked AS MATERIALIZED (
    SELECT * FROM json_to_recordset($1::json) AS asked (uid text, namespace text, name text, after bigint, until bigint)
  )
  SELECT run.job_uid AS uid, run.tick::float8 AS "from", run.tick::float8 AS "to" FROM asked
  JOIN run ON run.namespace = asked.namespace AND run.name = asked.name AND run.job_uid = asked.uid
    AND run.due_at > asked.after AND run.due_at <= asked.until
  WHERE run.tick IS NOT NULL AND run.id NOT LIKE run.job_uid || '-b-%'
  UNION ALL
  SELECT skip.job_uid, skip.first_tick::float8, skip.last_tick::float8 FROM asked
  JOIN skip ON skip.job_uid = asked.uid AND skip.last_tick > asked.after AND skip.first_tick <= asked.until
  ORDER BY 2`;

async function write(
  connection: ScriptConnection,
  spells: readonly Spell[],
  skips: readonly NewSkip[],
  now: Instant,
): Promise<void> {
  await connection.query(
    `INSERT INTO skip (job_uid, namespace, name, first_tick, last_tick, count, reason, detail, recorded_at)
     SELECT uid, namespace, name, "from", "to", count, reason, detail, ${now}
     FROM json_to_recordset($1::json) AS new (uid text, namespace text, name text, "from" bigint, "to" bigint,
       count int, reason text, detail text)
     ON CONFLICT DO NOTHING`,
    [JSON.stringify(skips)],
  );
  await connection.query(
    `UPDATE job_spell SET until = coalesce(until, greatest(floor, ${now})),
       accounted_until = coalesce(until, greatest(floor, ${now}))
     FROM json_to_recordset($1::json) AS done (uid text, first int)
     WHERE job_spell.uid = done.uid AND job_spell.first_revision = done.first`,
    [JSON.stringify(spells.map(({ uid, first }) => ({ uid, first })))],
  );
}
