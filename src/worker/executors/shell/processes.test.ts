import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { attemptKey } from '../../supervisor/attempt.ts';
import { until } from '../../supervisor/testing/requests.ts';
import { listProcesses, type ProcessInfo } from './processes.ts';

const attempt = { run: 'uid-blank' as never, attempt: 1 };

/** A process without an environment, as one in the middle of `exec` shows it; a line makes it one of the attempt's. */
async function blank(t: TestContext): Promise<ChildProcess & { pid: number }> {
  const marked = `env CRONMESH_RUN=${attempt.run} CRONMESH_ATTEMPT=${attempt.attempt} sleep 1000`;
  const child = spawn('sh', ['-c', `read line; exec ${marked}`], { env: {}, stdio: ['pipe', 'ignore', 'ignore'] });
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  return child as ChildProcess & { pid: number };
}

const find = (list: readonly ProcessInfo[], pid: number): ProcessInfo | undefined => list.find(one => one.pid === pid);

test('a process that was listed in the middle of its start is known by its mark from the next list on', async t => {
  const child = await blank(t);
  assert.deepEqual(find(await listProcesses(), child.pid)?.isBlank, true);
  child.stdin?.write('\n');
  await until(async () => find(await listProcesses(), child.pid)?.attempt === attemptKey(attempt));
});

test('a list waits some milliseconds for what is in the middle of its start', async t => {
  // On a busy machine a start may take longer than that.
  for (let tries = 0; tries < 10; tries++) {
    const child = await blank(t);
    const list = listProcesses();
    child.stdin?.write('\n');
    if (find(await list, child.pid)?.attempt === attemptKey(attempt)) return;
  }
  assert.fail('none of ten');
});
