import type { StartOptions } from '../cli/program.ts';
import { CronmeshError, isRetryable } from '../domain/errors.ts';
import { openPostgresStore } from '../store/prisma/index.ts';
import { type Configured, withConfig } from './live-config.ts';
import { databaseOf } from './master.ts';
import { waitFor } from './runtime.ts';

/** How long the database is waited for. */
const patience = 60_000;

/** Applies the migrations that the database lacks, once, however many do so at the same time. */
export async function migrate(options: StartOptions): Promise<void> {
  await withConfig('master', options, apply, 'migrate');
}

async function apply({ config, logger }: Configured): Promise<void> {
  const store = await openPostgresStore({ ...databaseOf(config), logger });
  try {
    const signal = AbortSignal.timeout(patience);
    const applied = await waitFor('the database', () => store.migrate(), {
      logger,
      signal,
      final: error => !isRetryable(error),
    }).catch(error => {
      if (!signal.aborted) throw error;
      throw new CronmeshError('Unavailable', `the database did not answer within ${patience / 1_000} s`);
    });
    process.stdout.write(
      applied.length === 0 ? 'the database is up to date\n' : applied.map(name => `applied ${name}\n`).join(''),
    );
    const newer = await store.newerMigrations();
    if (newer.length > 0) process.stdout.write(`the database is a newer Cronmesh's: it has ${newer.join(', ')}\n`);
  } finally {
    await store.close();
  }
}
