// `node test/faults/checker/main.ts FOLDER…`: judges what runs of the fault harness left behind, writes verdict.json into
// each folder, and exits with 1 when a promise was broken.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { check } from './check.ts';
import { readHistory } from './read.ts';
import { table } from './table.ts';

const folders = process.argv.slice(2);
if (folders.length === 0) {
  console.error('usage: node test/faults/checker/main.ts FOLDER…');
  process.exit(2);
}
let broken = false;
for (const folder of folders) {
  const history = await readHistory(folder);
  const verdict = check(history);
  await writeFile(join(folder, 'verdict.json'), `${JSON.stringify(verdict, null, 2)}\n`);
  process.stdout.write(`${folder}: ${table(history, verdict)}\n`);
  broken ||= verdict.violations.length > 0;
}
process.exit(broken ? 1 : 0);
