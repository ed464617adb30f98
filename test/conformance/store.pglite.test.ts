import { openPgliteStore } from '../../src/store/prisma/pglite.ts';
import { storeConformance } from './store.ts';

storeConformance('PGlite', async () => ({ store: await openPgliteStore({ archive: true }) }));
