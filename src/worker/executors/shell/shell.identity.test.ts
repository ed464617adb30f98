import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ShellExecutorSpec } from '../../../domain/job/spec.ts';
import { processesOf, recorder, shellRequest } from '../../supervisor/testing/requests.ts';
import { createShellExecutor } from './index.ts';

const root = process.getuid?.() === 0;
const options = { skip: root ? false : 'needs root, as a worker that runs as other users does' };
const executor = createShellExecutor({ users: ['nobody', 2] });

async function run(spec: Partial<ShellExecutorSpec>, by = executor) {
  const record = recorder();
  const request = shellRequest(spec);
  const result = await by.execute(request, record.hooks).result;
  return { ...record.texts, result, request };
}

const id = (flag: string, user: string): string => execFileSync('id', [flag, user], { encoding: 'utf8' }).trim();

test('a run is the user that the job names, with its groups, and no privilege of root is left', options, async () => {
  const { stdout, result } = await run({
    user: 'nobody',
    command:
      'id -u; id -g; id -G; echo "$HOME $USER $LOGNAME"; pwd; grep -E "^(CapEff|CapPrm|CapInh):" /proc/self/status',
  });
  assert.equal(result.outcome, 'Succeeded', result.message);
  const [uid, gid, groups, names, folder, ...capabilities] = stdout.trim().split('\n');
  assert.deepEqual([uid, gid, groups], [id('-u', 'nobody'), id('-g', 'nobody'), id('-G', 'nobody')]);
  assert.equal(names, '/nonexistent nobody nobody');
  // It has no home here.
  assert.equal(folder, '/');
  assert.equal(capabilities.length, 3);
  for (const line of capabilities) assert.match(line, /:\s0+$/);
});

test('by uid, too, and at home where there is one', options, async () => {
  const { stdout } = await run({ user: 2, command: 'id -un; pwd' });
  assert.equal(stdout, 'bin\n/bin\n'.replace('/bin', execFileSync('realpath', ['/bin'], { encoding: 'utf8' }).trim()));
});

test('a script is its own, and nobody else may read it', options, async () => {
  const { stdout, result } = await run({ user: 'nobody', script: 'stat -c "%a %U" "$0" "$(dirname "$0")"' });
  assert.equal(result.outcome, 'Succeeded', result.message);
  assert.equal(stdout, '700 nobody\n700 nobody\n');
});

test("it may not read what is root's", options, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'cronmesh-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'secret');
  writeFileSync(file, 'x', { mode: 0o600 });
  chmodSync(folder, 0o755);
  const { result, stderr } = await run({ user: 'nobody', command: ['cat', file] });
  assert.deepEqual(result, { outcome: 'Failed', exitCode: 1, message: 'the process exited with status 1' });
  assert.match(stderr, /Permission denied/);
});

test('what it leaves in the background is ended', options, async () => {
  const { request, system } = await run({ user: 'nobody', command: 'setsid sleep 60 & sleep 0.3' });
  assert.match(system, /ended a process/);
  assert.deepEqual(await processesOf(request.run), []);
});

test('users that are not allowed, not known, or not possible are refused', options, async () => {
  assert.deepEqual((await run({ user: 'root', command: 'true' })).result, {
    outcome: 'Failed',
    message:
      'not started: user root: this worker does not run as it; to allow it, name it in worker.shell.users (CRONMESH_WORKER_SHELL_USERS)',
  });
  assert.match((await run({ user: 0, command: 'true' })).result.message ?? '', /does not run as it/);
  assert.match(
    (await run({ user: 'nobody', command: 'true' }, createShellExecutor())).result.message ?? '',
    /to allow it/,
  );
  assert.equal(
    (await run({ user: 'no-such', command: 'true' })).result.message,
    'not started: user no-such: there is no such user on this worker',
  );
  assert.match((await run({ user: 4_000_000_000, command: 'true' })).result.message ?? '', /there is no such user/);
});

test('a program that is not there says so, behind the wrappers too', options, async () => {
  const { result } = await run({ user: 'nobody', limits: { openFiles: 64 }, command: ['/no/such/program'] });
  assert.equal(result.outcome, 'Failed');
  assert.match(result.message ?? '', /^could not start: setpriv: .*\/no\/such\/program.*No such file/);
});

test('a worker that is not root runs as nobody else', options, () => {
  const program = fileURLToPath(new URL('./identity.ts', import.meta.url));
  const script = `
    const { identityOf } = await import(${JSON.stringify(program)});
    process.setuid(65534);
    await identityOf('bin', ['bin']).catch(error => console.log(error.message));
  `;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(said, 'user bin: this worker is not root, and can run as no other user\n');
});
