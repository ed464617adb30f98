import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { History } from './history.ts';

/** Writes each part to its own file: lists as one JSON value a line. */
export async function writeHistory(folder: string, history: Partial<History>): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { run, final, edits, requests, starts, faults, probes, jobSets, seen } = history;
  const lists = { edits, requests, starts, faults, probes, 'job-sets': jobSets, seen };
  for (const [name, list] of Object.entries(lists)) {
    if (list !== undefined)
      await writeFile(join(folder, `${name}.jsonl`), list.map(one => `${JSON.stringify(one)}\n`).join(''));
  }
  for (const [name, value] of Object.entries({ run, final })) {
    if (value !== undefined) await writeFile(join(folder, `${name}.json`), `${JSON.stringify(value, null, 1)}\n`);
  }
}
