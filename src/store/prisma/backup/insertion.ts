import { formatInstant, type Instant } from '../../../domain/time.ts';
import type { BackupHeader, BackupTable } from '../../backup.ts';
import { type Column, isJson } from './columns.ts';

type Expressions = Readonly<Record<string, string>>;

/**
 * The statement that takes in rows of a table ($1: a JSON array) and gives how many were new. Only the columns that the
 * backup has are named: those that came later get their defaults. What was open in the backup is closed on the way.
 */
export function insertion(table: BackupTable, header: BackupHeader, mine: readonly Column[], now: Instant): string {
  const changed = changes(header, now)[table] ?? {};
  const there = mine.filter(column => header.columns[table]?.includes(column.name));
  const written = mine.filter(column => there.includes(column) || changed[column.name] !== undefined);
  const shape = there.map(column => `"${column.name}" ${isJson(column) ? 'text' : column.type}`).join(', ');
  const values = written.map(column => {
    const value = changed[column.name] ?? `given."${column.name}"`;
    return isJson(column) ? `(${value})::${column.type}` : value;
  });
  const closed =
    table === 'run' ? `(SELECT count(*) FROM new JOIN given ON given.id = new.id WHERE ${open(now)})` : '0';
  return `
    WITH given AS MATERIALIZED (SELECT * FROM json_to_recordset($1::json) AS given (${shape})), new AS (
      INSERT INTO "${table}" (${written.map(column => `"${column.name}"`).join(', ')})
      SELECT ${values.join(', ')} FROM given WHERE ${wanted[table] ?? 'true'}
      ${onConflict[table] ?? 'ON CONFLICT DO NOTHING'} RETURNING *
    )${noted[table] ?? ''}
    SELECT count(*)::float8 AS written, ${closed}::float8 AS closed FROM new`;
}

/** A run that had not ended, but for a delayed one whose time is still to come. */
const open = (now: Instant): string =>
  `(given.state IN ('Claimed', 'Running') OR given.state = 'Pending'
    AND NOT (given.requested_at > ${now} AND NOT given.published AND given.attempt = 0))`;

function changes(header: BackupHeader, now: Instant): Partial<Record<BackupTable, Expressions>> {
  const ended = open(now);
  const when = (value: string, column: string): string => `CASE WHEN ${ended} THEN ${value} ELSE given.${column} END`;
  const message = `the database was restored from a backup of ${formatInstant(header.at)}, in which it had not ended: what became of it is not known`;
  return {
    // Larger than whatever a leader of the lost database can have had: an election takes more than a second.
    leader_term: { term: `greatest(given.term, ${minutes(now)}) + 1`, master: `'restore'` },
    walk: { changed_at: String(now) },
    job: { revision: 'given.revision + 1', floor: `greatest(given.floor, ${now})` },
    // Ends up to now do not count: what followed them may have run already.
    job_after: { since: String(now) },
    backfill: {
      state: `CASE WHEN given.ended_at IS NULL THEN 'Cancelled' ELSE given.state END`,
      message: `CASE WHEN given.ended_at IS NULL THEN 'the database was restored' ELSE given.message END`,
      open_ticks: `'[]'`,
      ended_at: `coalesce(given.ended_at, ${now})`,
    },
    run: {
      state: `CASE WHEN ${ended} THEN coalesce(given.last_outcome, 'Lost') ELSE given.state END`,
      message: `CASE WHEN ${ended} AND given.last_outcome IS NULL THEN '${message}' ELSE given.message END`,
      finished_at: `CASE WHEN ${ended} THEN coalesce(given.finished_at, ${header.at}) ELSE given.finished_at END`,
      last_outcome: when('NULL', 'last_outcome'),
      next_attempt_at: when('NULL', 'next_attempt_at'),
      // Nothing of the past is tried again: perhaps it was.
      retry: `CASE WHEN ${ended} OR given.state IN ('Failed', 'TimedOut', 'Lost') THEN 'None' ELSE given.retry END`,
    },
  };
}

export const minutes = (now: Instant): number => Math.floor(now / 60_000);

const ofRun = 'EXISTS (SELECT FROM run WHERE run.id = given.run)';

/** Of a uid that the database knew before, its own past stays. */
const wanted: Partial<Record<BackupTable, string>> = {
  job_after: 'EXISTS (SELECT FROM restored WHERE restored.uid = given.job_uid AND restored.job)',
  job_spell: 'NOT EXISTS (SELECT FROM known_spell WHERE known_spell.uid = given.uid)',
  run_log: ofRun,
  run_archive: ofRun,
};

/** What only grows takes the larger one. */
const onConflict: Partial<Record<BackupTable, string>> = {
  epoch: `ON CONFLICT (id) DO UPDATE SET number = excluded.number, floor = excluded.floor, beat = excluded.beat,
    at = excluded.at WHERE (excluded.number, excluded.beat) > (epoch.number, epoch.beat)`,
  leader_term: `ON CONFLICT (role) DO UPDATE SET term = greatest(leader_term.term, excluded.term), master = 'restore'`,
};

/** Which jobs, and which other lives of jobs, came in. */
const noted: Partial<Record<BackupTable, string>> = {
  job: `, noted AS (INSERT INTO restored SELECT uid, true FROM new ON CONFLICT (uid) DO UPDATE SET job = true)`,
  job_spell: `, noted AS (INSERT INTO restored SELECT DISTINCT uid, false FROM new ON CONFLICT DO NOTHING)`,
};
