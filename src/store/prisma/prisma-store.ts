import { CronmeshError, ErrorCode } from '../../domain/errors.ts';
import type { Store } from '../store.ts';
import { accounting } from './accounting.ts';
import { outputArchive } from './archive.ts';
import { backfills } from './backfills.ts';
import { backups } from './backup/index.ts';
import { calendars } from './calendars.ts';
import { chains } from './chains.ts';
import { coordinationKeys } from './coordination-keys.ts';
import type { Database } from './database.ts';
import { translate } from './errors.ts';
import { failing } from './failing.ts';
import { followEnds } from './follow-ends.ts';
import { freezes } from './freezes.ts';
import { history } from './history.ts';
import { jobs } from './jobs.ts';
import { leadership } from './leadership.ts';
import { migrate, newerMigrations, readMigrations } from './migrations.ts';
import { notifications } from './notifications.ts';
import { outbox } from './outbox.ts';
import { pauses } from './pauses.ts';
import { applyReports } from './reports.ts';
import { retries } from './retries.ts';
import { runChanges } from './run-changes.ts';
import { runClaims } from './run-claims.ts';
import { lastRuns, listRuns } from './run-list.ts';
import { runs } from './runs.ts';
import { trim } from './trim.ts';

export interface StoreOptions {
  /** Whether output goes to an archive: what comes from now on is then remembered as waiting for it. Default false. */
  readonly archive?: boolean | undefined;
}

/** The store on a connected engine: the same statements for both. */
export function createStore(database: Database, { archive = false }: StoreOptions = {}): Store {
  const store: Store = {
    ...jobs(database),
    ...calendars(database),
    ...outbox(database),
    ...runs(database),
    ...runChanges(database),
    ...chains(database),
    ...followEnds(database),
    ...pauses(database),
    ...failing(database),
    ...retries(database),
    ...history(database),
    ...outputArchive(database, archive),
    ...freezes(database),
    ...notifications(database),
    ...trim(database),
    ...accounting(database),
    ...backfills(database),
    ...backups(database),
    ...leadership(database),
    ...coordinationKeys(database),
    applyReports: (worker, reports, now) => applyReports(database, worker, reports, now, { archive }),
    runClaims: ids => runClaims(database, ids),
    lastRuns: uids => lastRuns(database, uids),
    listRuns: filter => listRuns(database, filter),
    migrate: async () => migrate(database, await readMigrations()),
    newerMigrations: async () => newerMigrations(database, await readMigrations()),
    ping: async () => {
      await database.prisma.$queryRaw`SELECT 1`;
    },
    close: () => database.close(),
  };
  return guarded(store);
}

/**
 * Every method, with the errors of Prisma and the drivers turned into this program's. A closed store refuses: Prisma
 * by itself would connect again.
 */
function guarded(store: Store): Store {
  let closing: Promise<void> | undefined;
  const entries = Object.entries(store).map(([name, method]) => {
    const call = method as (...given: readonly unknown[]) => Promise<unknown>;
    const guard = async (...given: readonly unknown[]) => {
      if (closing) throw new CronmeshError(ErrorCode.Unavailable, `the store is closed (${name})`);
      try {
        return await call(...given);
      } catch (error) {
        throw translate(error, name);
      }
    };
    return [name, guard];
  });
  const close = () => {
    closing ??= store.close();
    return closing;
  };
  return { ...Object.fromEntries(entries), close } as Store;
}
