import { openPostgresStore } from '../../src/store/prisma/postgres.ts';
import { postgresSkip, startPostgres } from '../support/postgres.ts';
import { storeConformance } from './store.ts';

storeConformance(
  'PostgreSQL',
  async () => {
    const server = await startPostgres();
    return { store: await openPostgresStore({ url: server.url, archive: true }), stop: () => server.stop() };
  },
  postgresSkip(),
);
