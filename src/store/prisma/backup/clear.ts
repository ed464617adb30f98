import { CronmeshError, ErrorCode } from '../../../domain/errors.ts';
import type { ScriptConnection } from '../database.ts';

/** @throws CronmeshError Conflict when the database has jobs, calendars or history */
export async function refuseFilled(connection: ScriptConnection): Promise<void> {
  const [found] = await connection.query<{ jobs: number; filled: boolean }>(
    `SELECT count(*)::float8 AS jobs, EXISTS (SELECT FROM run) OR EXISTS (SELECT FROM job_spell)
       OR EXISTS (SELECT FROM calendar) OR EXISTS (SELECT FROM skip) OR count(*) > 0 AS filled FROM job`,
  );
  if (!found?.filled) return;
  throw new CronmeshError(
    ErrorCode.Conflict,
    `the database is not empty (${found.jobs} jobs, and history): --replace deletes them first, --skip-existing adds what is missing`,
  );
}

const byNamespace = ['job', 'job_spell', 'job_after', 'calendar', 'run', 'skip', 'backfill', 'notification', 'outbox'];
const byJob = ['arrival', 'streak'];

/**
 * Keeps the last spell of each job that went and did not come back, ended: by it the leader knows the job's key in Consul
 * for what is left of a deleted job, and does not take it for one that was put there by hand.
 */
export async function rememberFormer(connection: ScriptConnection, now: number): Promise<void> {
  await connection.script(`
    UPDATE former_spell SET until = ${now}, accounted_until = ${now};
    INSERT INTO job_spell SELECT * FROM former_spell
      WHERE NOT EXISTS (SELECT FROM job_spell WHERE job_spell.uid = former_spell.uid);
    DELETE FROM run_archive WHERE NOT EXISTS (SELECT FROM run WHERE run.id = run_archive.run);`);
}

/**
 * Deletes jobs, calendars and history, all or those of a namespace. Terms and the epoch stay: they only grow. Names that
 * go are published, so that Consul forgets those jobs that do not come back.
 */
export async function clear(connection: ScriptConnection, namespace: string | undefined): Promise<void> {
  await connection.script(`
    CREATE TEMP TABLE former ON COMMIT DROP AS SELECT namespace, name FROM job;
    CREATE TEMP TABLE former_spell ON COMMIT DROP AS
      SELECT DISTINCT ON (uid) * FROM job_spell ORDER BY uid, first_revision DESC;`);
  const values = namespace === undefined ? [] : [namespace];
  const only = (column: string): string => (namespace === undefined ? '' : `WHERE ${column} = $1`);
  await connection.query(
    `DELETE FROM run_log ${namespace === undefined ? '' : 'USING run WHERE run_log.run = run.id AND run.namespace = $1'}`,
    values,
  );
  for (const table of byJob) {
    const some = namespace === undefined ? '' : 'WHERE job_uid IN (SELECT uid FROM job_spell WHERE namespace = $1)';
    await connection.query(`DELETE FROM ${table} ${some}`, values);
  }
  for (const table of byNamespace) await connection.query(`DELETE FROM ${table} ${only('namespace')}`, values);
  await connection.query(`DELETE FROM namespace_freeze ${only('scope')}`, values);
  await connection.query(
    `INSERT INTO outbox (namespace, name) SELECT namespace, name FROM former ${only('namespace')}`,
    values,
  );
}
