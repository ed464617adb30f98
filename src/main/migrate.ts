import { loadConfig } from '../config/load.ts';
import { isRetryable } from '../domain/errors.ts';
import { createLogger } from '../observability/logger.ts';
import { openPostgresStore } from '../store/prisma/index.ts';
import { databaseUrl } from './master.ts';
import { waitFor } from './runtime.ts';

/** How long the database is waited for. */
const patience = 60_000;

/** Applies the migrations that the database lacks, once, however many do so at the same time. */
export async function migrate(options: { config?: string }): Promise<void> {
  const config = loadConfig('master', { file: options.config, environment: process.env });
  const logger = createLogger({ level: config.log.level, role: 'migrate' });
  const store = await openPostgresStore({ url: databaseUrl(config), logger });
  try {
    const applied = await waitFor('the database', () => store.migrate(), {
      logger,
      signal: AbortSignal.timeout(patience),
      final: error => !isRetryable(error),
    });
    process.stdout.write(
      applied.length === 0 ? 'the database is up to date\n' : applied.map(name => `applied ${name}\n`).join(''),
    );
  } finally {
    await store.close();
  }
}
