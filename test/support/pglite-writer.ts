// Run as a process: writes to an embedded database without end, and says on standard output what has resolved.

import { openPgliteStore } from '../../src/store/prisma/pglite.ts';
import { newJob, start } from '../conformance/store/fixtures.ts';

const directory = process.argv[2];
if (directory === undefined) throw new Error('usage: pglite-writer.ts DIRECTORY');
const store = await openPgliteStore({ directory });
await store.migrate();
for (let i = 0; ; i++) {
  const job = await store.createJob(newJob({ now: start + i }));
  await store.saveKeys([{ key: `cron/cursor/default/${job.name}`, value: String(i), index: i }]);
  process.stdout.write(`${job.name}\n`);
}
