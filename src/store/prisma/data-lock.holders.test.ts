import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { lockDirectory } from './data-lock.ts';

const inUseBy = (pid: number) => ({
  code: 'Conflict',
  message: new RegExp(`^the data folder .* is in use by process ${pid}: [^\\n]*$`),
});

it('refuses a second holder in one line, and admits the next one after the first', async t => {
  const folder = join(temporaryDirectory(t), 'db');
  const unlock = await lockDirectory(folder);
  await assert.rejects(lockDirectory(folder), inUseBy(process.pid));
  await unlock();
  assert.equal(existsSync(`${folder}.lock`), false);
  await (await lockDirectory(folder))();
});

it('refuses while another process lives, and takes over when it was killed', async t => {
  const folder = join(temporaryDirectory(t), 'db');
  const holder = await holdingProcess(t, folder);
  await assert.rejects(lockDirectory(folder), inUseBy(holder.pid ?? 0));
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  await (await lockDirectory(folder))();
});

it('takes over from a process whose pid has come again', { skip: !existsSync('/proc/self/stat') }, async t => {
  const folder = join(temporaryDirectory(t), 'db');
  writeFileSync(`${folder}.lock`, JSON.stringify({ pid: process.pid, began: 'another-boot/1' }));
  await (await lockDirectory(folder))();
});

it('goes by the pid alone where nothing tells when a process began', async t => {
  const folder = join(temporaryDirectory(t), 'db');
  writeFileSync(`${folder}.lock`, JSON.stringify({ pid: process.pid }));
  await assert.rejects(lockDirectory(folder), inUseBy(process.pid));
});

it('lets one of many take over a lock that is nobody’s', async t => {
  const parent = temporaryDirectory(t);
  const folder = join(parent, 'db');
  for (let round = 0; round < 20; round++) {
    writeFileSync(`${folder}.lock`, 'half a lo');
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(folder)));
    const [unlock, ...others] = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []));
    assert.equal(others.length, 0);
    assert.deepEqual(readdirSync(parent), ['db.lock'], 'nothing else is left behind');
    await unlock?.();
  }
});

it('takes over from one that was killed while it took over', async t => {
  const parent = temporaryDirectory(t);
  const folder = join(parent, 'db');
  const dead = JSON.stringify({ pid: process.pid, began: 'another-boot/1' });
  for (const name of ['db.lock', 'db.lock.takeover']) writeFileSync(join(parent, name), dead);
  const unlock = await lockDirectory(folder);
  assert.deepEqual(readdirSync(parent), ['db.lock']);
  await unlock();
});

it('leaves a lock alone that has become another’s', async t => {
  const folder = join(temporaryDirectory(t), 'db');
  const unlock = await lockDirectory(folder);
  writeFileSync(`${folder}.lock`, '{"pid":1}');
  await unlock();
  assert.equal(readFileSync(`${folder}.lock`, 'utf8'), '{"pid":1}');
});

/** A process that has taken the lock and waits. */
async function holdingProcess(t: TestContext, folder: string): Promise<ChildProcess> {
  const module = new URL('./data-lock.ts', import.meta.url).href;
  const script = `
    const { lockDirectory } = await import(${JSON.stringify(module)});
    await lockDirectory(${JSON.stringify(folder)});
    console.log('locked');
    setInterval(() => {}, 60_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}
