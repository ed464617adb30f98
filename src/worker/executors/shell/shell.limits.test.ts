import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { shellExecutor } from '../../../domain/job/spec/executors.ts';
import type { ShellExecutorSpec } from '../../../domain/job/spec.ts';
import { recorder, shellRequest } from '../../supervisor/testing/requests.ts';
import { createShellExecutor } from './index.ts';
import { wrap, wrapperFailure } from './wrapping.ts';

const root = process.getuid?.() === 0;
const executor = createShellExecutor({ users: ['nobody'] });

async function run(spec: Partial<ShellExecutorSpec>) {
  const record = recorder();
  const result = await executor.execute(shellRequest(spec), record.hooks).result;
  return { ...record.texts, result };
}

test('each limit is in force before the program begins', async () => {
  const limits = { cpuSeconds: 7, memoryBytes: 2 ** 30, openFiles: 77, fileBytes: 4_096 };
  const { stdout, result } = await run({ command: ['cat', '/proc/self/limits'], limits });
  assert.equal(result.outcome, 'Succeeded', result.message);
  const limit = (name: string) => new RegExp(`^${name} +(\\d+) +(\\d+)`, 'm').exec(stdout)?.slice(1);
  assert.deepEqual(limit('Max cpu time'), ['7', '8']);
  assert.deepEqual(limit('Max address space'), [String(2 ** 30), String(2 ** 30)]);
  assert.deepEqual(limit('Max open files'), ['77', '77']);
  assert.deepEqual(limit('Max file size'), ['4096', '4096']);
});

test('processor time: the process is ended, and the message says by what', { timeout: 60_000 }, async () => {
  const { result } = await run({ command: 'while :; do :; done', limits: { cpuSeconds: 1 } });
  assert.deepEqual(result, {
    outcome: 'Failed',
    signal: 'SIGXCPU',
    message: 'the process was ended by SIGXCPU: it likely reached limits.cpuSeconds of 1',
  });
});

test('the size of files: it is cut, and the message says by what', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'cronmesh-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'f');
  const { result } = await run({
    command: ['dd', 'if=/dev/zero', `of=${file}`, 'bs=1000', 'count=9'],
    limits: { fileBytes: 5_000 },
  });
  assert.equal(result.message, 'the process was ended by SIGXFSZ: it likely reached limits.fileBytes of 5000');
  assert.equal(statSync(file).size, 5_000);
});

test('address space: what asks for more does not get it', async () => {
  const command = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=300M', 'count=1'];
  assert.equal((await run({ command })).result.outcome, 'Succeeded');
  const { result, stderr } = await run({ command, limits: { memoryBytes: 200 * 2 ** 20 } });
  assert.equal(result.outcome, 'Failed');
  assert.match(stderr, /memory exhausted/);
});

test('open files: no more are opened', async () => {
  const command = 'exec 3</dev/null 4</dev/null 5</dev/null 6</dev/null; echo open';
  assert.equal((await run({ command })).stdout, 'open\n');
  const { result, stdout } = await run({ command, limits: { openFiles: 5 } });
  assert.deepEqual([result.outcome, stdout], ['Failed', '']);
});

test('processes: no more are begun, and root is told that they are not counted', {
  skip: !root && 'needs root',
}, async () => {
  const command = 'for i in 1 2 3 4 5 6 7 8; do sleep 0.5 & done; wait; echo all';
  const { stdout, stderr } = await run({ user: 'nobody', limits: { processes: 3 }, command, interpreter: '/bin/sh' });
  assert.equal(stdout, '');
  assert.match(stderr, /Cannot fork|Resource temporarily unavailable/);
  assert.equal((await run({ user: 'nobody', limits: { processes: 20_000 }, command })).stdout, 'all\n');
  assert.deepEqual((await run({ command, limits: { processes: 3 } })).result, {
    outcome: 'Failed',
    message: 'limits.processes could not be applied: the system does not count the processes of root; name a user',
  });
});

test('a limit that the system refuses fails the run by name, and nothing is run', async () => {
  // Above fs.nr_open, which not even root may pass.
  const shell = { ...shellExecutor.parse({ command: 'echo ran' }), limits: { openFiles: 2 ** 40 } };
  const record = recorder();
  const result = await executor.execute({ ...shellRequest('true'), executor: { shell } }, record.hooks).result;
  const { stdout } = record.texts;
  assert.equal(stdout, '');
  assert.equal(result.outcome, 'Failed');
  assert.match(
    result.message ?? '',
    /^limits\.openFiles could not be applied: prlimit: failed to set the NOFILE resource limit/,
  );
});

test('arguments stay what they are, whatever is in them', async () => {
  const command = ['printf', '%s\n', '--cpu=1', '$(id)', '; exit 1', '--', "'"];
  const { stdout } = await run({ command, limits: { openFiles: 64 } });
  assert.equal(stdout, "--cpu=1\n$(id)\n; exit 1\n--\n'\n");
  assert.deepEqual(wrap({ file: '-x', args: ['a'] }, { openFiles: 9 }, undefined), {
    file: 'prlimit',
    args: ['--nofile=9:9', '--', '-x', 'a'],
  });
});

test('a program that ends like a wrapper is not taken for one', () => {
  assert.equal(wrapperFailure({ file: 'sh', args: [] }, 1, 'prlimit: no'), undefined);
  assert.equal(wrapperFailure({ file: 'prlimit', args: [] }, 3, 'prlimit: no'), undefined);
  assert.equal(wrapperFailure({ file: 'prlimit', args: [] }, 1, 'x\nprlimit: no'), undefined);
});
