import assert from 'node:assert/strict';
import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ShellExecutorSpec } from '../../../domain/job/spec.ts';
import { recorder, shellRequest } from '../../supervisor/testing/requests.ts';
import { createShellExecutor } from './index.ts';

const shellExecutor = createShellExecutor();

async function run(spec: Partial<ShellExecutorSpec> | string) {
  const record = recorder();
  const result = await shellExecutor.execute(shellRequest(spec), record.hooks).result;
  return { ...record.texts, result };
}

test('a command that exits with 0 has succeeded', async () => {
  const { result, stdout, stderr } = await run('echo out; echo err >&2');
  assert.deepEqual(result, { outcome: 'Succeeded', exitCode: 0 });
  assert.equal(stdout, 'out\n');
  assert.equal(stderr, 'err\n');
});

test('another status and a signal are failures that say so', async () => {
  assert.deepEqual((await run('exit 3')).result, {
    outcome: 'Failed',
    exitCode: 3,
    message: 'the process exited with status 3',
  });
  assert.deepEqual((await run('kill -9 $$')).result, {
    outcome: 'Failed',
    signal: 'SIGKILL',
    message: 'the process was ended by SIGKILL',
  });
});

test('a list runs as it is, without a shell', async () => {
  assert.equal((await run({ command: ['echo', '$HOME', '; exit 1'] })).stdout, '$HOME ; exit 1\n');
});

test('a script runs from a private file, which is removed', async () => {
  const body = '#!/bin/sh\nstat -c %a "$0" "$(dirname "$0")"\necho "$0"\n';
  const { result, stdout } = await run({ script: body });
  assert.equal(result.outcome, 'Succeeded');
  const [file, folder, path = ''] = stdout.split('\n');
  assert.deepEqual([file, folder], ['700', '700']);
  await assert.rejects(readdir(join(path, '..')), { code: 'ENOENT' });
});

test('another interpreter runs a script', async () => {
  const { stdout } = await run({ script: 'console.log(6 * 7)', interpreter: process.execPath });
  assert.equal(stdout, '42\n');
});

test('standard input is what the job says, and empty otherwise', async () => {
  assert.equal((await run({ command: 'cat', stdin: 'one\ntwo' })).stdout, 'one\ntwo');
  assert.equal((await run('cat; echo end')).stdout, 'end\n');
  // More than a pipe holds, for a process that reads none of it.
  assert.equal((await run({ command: 'true', stdin: 'x'.repeat(1_000_000) })).result.outcome, 'Succeeded');
});

test('the environment holds the run and the job, and no secret of the worker', async () => {
  process.env.DATABASE_URL = 'postgres://secret';
  process.env.CONSUL_HTTP_TOKEN = 'secret';
  const { stdout } = await run({ command: '/usr/bin/env', env: { GREETING: 'hello', CRONMESH_RUN: 'forged' } });
  const names = stdout.split('\n').map(line => line.split('=')[0] ?? '');
  assert.ok(stdout.includes('GREETING=hello\n') && stdout.includes('CRONMESH_FENCING_TOKEN=42\n'));
  assert.ok(names.includes('PATH') && names.includes('CRONMESH_ATTEMPT'));
  assert.ok(!stdout.includes('secret') && !stdout.includes('forged'));
  assert.ok(!names.includes('NODE_CHANNEL_FD'));
});

test('it runs in the working directory', async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'cronmesh-test-')));
  assert.equal((await run({ command: 'pwd', workingDirectory: folder })).stdout, `${folder}\n`);
  await rm(folder, { recursive: true });
});

test('what could not be started says what was missing', async () => {
  const program = await run({ command: ['/no/such/program'] });
  assert.deepEqual(program.result, { outcome: 'Failed', message: 'could not start: /no/such/program was not found' });
  const interpreter = await run({ command: 'true', interpreter: '/no/such/sh' });
  assert.match(interpreter.result.message ?? '', /^could not start: \/no\/such\/sh was not found$/);
  const folder = await run({ command: 'true', workingDirectory: '/no/such/folder' });
  assert.equal(folder.result.message, 'could not start: the working directory /no/such/folder does not exist');
  const file = await run({ command: 'true', workingDirectory: '/etc/passwd' });
  assert.match(file.result.message ?? '', /^could not start: \/etc\/passwd is not a directory$/);
  const rights = await run({ command: ['/etc/passwd'] });
  assert.match(rights.result.message ?? '', /^could not start: \/etc\/passwd may not be executed/);
});

test('what was asked for with the run comes behind the job’s own arguments, and over its variables', async () => {
  const asked = { particulars: { arguments: ['a b', '', '$x'], env: { OWN: 'asked', CRONMESH_RUN: 'never' } } };
  const outputOf = async (spec: Partial<ShellExecutorSpec>) => {
    const record = recorder();
    const request = shellRequest({ env: { OWN: 'job', KEPT: 'x' }, ...spec }, asked);
    await shellExecutor.execute(request, record.hooks).result;
    return record.texts.stdout.replace(request.run, 'RUN');
  };
  const print = 'printf "<%s>" "$@"; printf "|$OWN|$KEPT|$CRONMESH_RUN"';
  assert.equal(await outputOf({ command: print }), '<a b><><$x>|asked|x|RUN');
  assert.equal(await outputOf({ script: print }), '<a b><><$x>|asked|x|RUN');
  assert.equal(await outputOf({ command: ['sh', '-c', print, 'sh', 'own'] }), '<own><a b><><$x>|asked|x|RUN');
});
