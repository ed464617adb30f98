import type { Instant } from '../domain/time.ts';

/** What backup and restore ask of a store: lines of JSON out of one snapshot, and back in one transaction. */

/** Tables of a backup, in the order in which they stand in it. */
export const backupTables = [
  'epoch',
  'leader_term',
  'walk',
  'calendar',
  'job',
  'job_after',
  'job_spell',
  'namespace_freeze',
  'backfill',
  'run',
  'run_log',
  'run_archive',
  'skip',
] as const;
export type BackupTable = (typeof backupTables)[number];

export interface BackupOptions {
  /** Only what belongs to it. */
  readonly namespace?: string | undefined;
  /** Runs that were due, and skips of ticks, in [from, to); `false`: none of them. Default: all. */
  readonly history?: { readonly from?: Instant | undefined; readonly to?: Instant | undefined } | false | undefined;
}

/** The first line of a backup. */
export interface BackupHeader {
  readonly cronmesh: 'backup';
  /** Of the lines. A program refuses what is newer than its own. */
  readonly format: 1;
  /** The version of the program that wrote it. */
  readonly program: string;
  /** The last migration of the database that it came from. */
  readonly schema: string;
  /** The snapshot's instant, in milliseconds since 1970. */
  readonly at: Instant;
  readonly namespace?: string;
  readonly history: { readonly from?: Instant; readonly to?: Instant } | false;
  /** The columns that each table's rows have; not of tables that came later than the program that wrote it. */
  readonly columns: Readonly<Partial<Record<BackupTable, readonly string[]>>>;
}

/** One row, as the database writes it as JSON. */
export interface BackupRow {
  readonly table: BackupTable;
  readonly json: string;
}

export interface RestoreOptions {
  readonly now: Instant;
  /**
   * Of what is there: `refuse` (default) wants a database without jobs and history, `replace` deletes what the backup
   * could hold (of its namespace, where it is of one), `skip` keeps it and adds what is missing.
   */
  readonly existing?: 'refuse' | 'replace' | 'skip';
  /** Does everything but the commit. */
  readonly dryRun?: boolean | undefined;
}

export interface Restored {
  /** Rows written, by table. */
  readonly written: Readonly<Record<BackupTable, number>>;
  /** Rows that were there, and stayed as they were. */
  readonly kept: Readonly<Record<BackupTable, number>>;
  /** Runs that had not ended when the backup was made: closed as Lost. */
  readonly closed: number;
  /** Ranges of ticks of which nobody knows what became of them. */
  readonly unknown: number;
  /** Migrations that were applied first. */
  readonly migrations: readonly string[];
}

export interface BackupStore {
  /** Gives one snapshot, row by row: `begin` with the header first. Nothing of it is held in memory. */
  exportBackup(
    options: BackupOptions,
    sink: {
      begin(header: Omit<BackupHeader, 'program'>): Promise<void>;
      row(row: BackupRow): Promise<void>;
    },
  ): Promise<void>;
  /**
   * Takes a backup in, in one transaction, with the migrations that are missing: all of it or nothing. Every job gets a
   * floor of now and is put into the outbox, whoever leads is deposed, and nothing that the backup leaves open is
   * started because of it.
   *
   * @throws CronmeshError Conflict when the database is not empty, or the backup is of a newer schema
   */
  restoreBackup(header: BackupHeader, rows: AsyncIterable<BackupRow>, options: RestoreOptions): Promise<Restored>;
}
