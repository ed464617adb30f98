// Loaded before a program (NODE_OPTIONS), never part of it: at SIGUSR2 it collects garbage and writes what the process
// holds to `<folder>/<pid>.json`. The folder's variable has no
// name of Cronmesh's: those that are no settings are refused.
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.env.LEAK_PROBE_FOLDER;

if (folder !== undefined) {
  process.on('SIGUSR2', () => {
    // Twice: what the first one's finalizers let go of is collected by the second.
    globalThis.gc?.();
    setImmediate(() => {
      globalThis.gc?.();
      const resources: Record<string, number> = {};
      for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
      const path = join(folder, `${process.pid}.json`);
      writeFileSync(`${path}.new`, JSON.stringify({ memory: process.memoryUsage(), resources }));
      renameSync(`${path}.new`, path);
    });
  });
}
