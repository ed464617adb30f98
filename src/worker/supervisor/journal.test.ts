import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Journal } from './journal.ts';
import { isAlive, readJournals, removeJournal } from './journal-reader.ts';
import { shellRequest } from './testing/requests.ts';

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cronmesh-journal-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

test('what was spawned and what has ended is read back', async t => {
  const directory = await folder(t);
  const journal = new Journal(directory);
  const [first, second] = [shellRequest('true'), shellRequest('true')];
  journal.spawned(first);
  journal.spawned(second);
  journal.ended(first);
  const [reading] = await readJournals(directory);
  assert.equal(reading?.pid, process.pid);
  assert.deepEqual(
    reading?.entries.map(({ run, attempt, lockKey, endedAt }) => [run, attempt, lockKey, endedAt !== undefined]),
    [
      [first.run, 1, first.lockKey, true],
      [second.run, 1, second.lockKey, false],
    ],
  );
  assert.ok(reading && isAlive(reading));
  journal.close({ remove: false });
  await removeJournal(reading);
  assert.deepEqual(await readdir(directory), []);
});

test('a supervisor whose id has gone to another process is dead', async t => {
  const directory = await folder(t);
  const header = { type: 'supervisor', pid: process.pid, startTime: '1' };
  await writeFile(join(directory, 'supervisor-1-a.0.jsonl'), `${JSON.stringify(header)}\n`);
  const [reading] = await readJournals(directory);
  assert.ok(reading && !isAlive(reading));
});

test('a line that death cut off is passed over', async t => {
  const directory = await folder(t);
  const journal = new Journal(directory);
  journal.spawned(shellRequest('true'));
  const [name = ''] = await readdir(directory);
  await appendFile(join(directory, name), '{"type":"spawned","run":"half');
  const [reading] = await readJournals(directory);
  assert.equal(reading?.entries.length, 1);
  journal.close({ remove: true });
});

test('it stays small: the oldest ended attempts are forgotten, never one that runs', async t => {
  const directory = await folder(t);
  const journal = new Journal(directory, 10);
  const running = shellRequest('true');
  journal.spawned(running);
  const ended = Array.from({ length: 35 }, () => shellRequest('true'));
  for (const request of ended) {
    journal.spawned(request);
    journal.ended(request);
  }
  assert.equal(journal.entry(running)?.endedAt, undefined);
  assert.ok(journal.entry(running));
  const [oldest, newest] = [ended.at(0), ended.at(-1)];
  assert.ok(oldest && newest);
  assert.equal(journal.entry(oldest), undefined);
  assert.ok(journal.entry(newest)?.endedAt);
  assert.ok(journal.forgottenUntil !== undefined && journal.forgottenUntil <= Date.now());
  assert.ok((await readdir(directory)).length <= 2);
  const [reading] = await readJournals(directory);
  assert.deepEqual(
    reading?.entries.filter(({ endedAt }) => endedAt === undefined).map(({ run }) => run),
    [running.run],
  );
  assert.equal(reading?.forgottenUntil, journal.forgottenUntil);
  journal.close({ remove: true });
  assert.deepEqual(await readdir(directory), []);
});

test('a directory that is not there has no journals', async () => {
  assert.deepEqual(await readJournals('/no/such/folder'), []);
});
