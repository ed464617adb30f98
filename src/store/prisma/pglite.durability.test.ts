import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { openPgliteStore } from './pglite.ts';

const writer = fileURLToPath(new URL('../../../test/support/pglite-writer.ts', import.meta.url));

it('keeps every write that resolved when its process is killed, again and again', async t => {
  const directory = join(temporaryDirectory(t), 'db');
  const resolved: string[] = [];
  for (const count of [40, 15]) resolved.push(...(await writeAndKill(t, directory, count)));

  const store = await openPgliteStore({ directory });
  t.after(() => store.close());
  await assert.rejects(openPgliteStore({ directory }), { code: 'Conflict' }, 'the folder is open');
  assert.deepEqual(await store.migrate(), [], 'the tables are there');
  const jobs = await store.getJobs(resolved.map(name => ({ namespace: 'default', name })));
  const keys = new Set((await store.loadKeys()).map(one => one.key));
  const lost = resolved.filter(name => !keys.has(`cron/cursor/default/${name}`));
  assert.deepEqual(lost, []);
  assert.equal(jobs.length, resolved.length);
});

it('makes a folder again whose making was cut short', async t => {
  const directory = join(temporaryDirectory(t), 'db');
  mkdirSync(directory);
  writeFileSync(join(directory, 'PG_VERSION'), '18\n');
  writeFileSync(`${directory}.new`, '');
  const store = await openPgliteStore({ directory });
  t.after(() => store.close());
  assert.notDeepEqual(await store.migrate(), []);
  assert.equal(existsSync(`${directory}.new`), false);
});

/** Starts a writer, kills it after so many writes resolved, and gives all that it said. */
async function writeAndKill(t: TestContext, directory: string, count: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [writer, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const said: string[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', line => {
    said.push(line);
    if (said.length === count) child.kill('SIGKILL');
  });
  const closed = once(lines, 'close');
  const [, signal] = await once(child, 'exit');
  await closed;
  assert.equal(signal, 'SIGKILL');
  return said;
}
