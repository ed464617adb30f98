import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sourcesOf } from '../../modules/catalog.ts';
import { loadModules } from '../../modules/load.ts';
import type { StartRequest } from '../../supervisor/protocol.ts';
import { processesOf, recorder, shellRequest, until } from '../../supervisor/testing/requests.ts';
import { createModuleExecutor, type ModuleSources } from './index.ts';

const folder = fileURLToPath(new URL('testing', import.meta.url));
type Rest = Partial<StartRequest>;

describe('the module executor', () => {
  let sources: ModuleSources;
  before(async () => {
    sources = sourcesOf(await loadModules(['./jobs.ts'], folder), folder);
  });

  const begin = (executor: StartRequest['executor'], rest: Rest = {}) => {
    const request = { ...shellRequest('true', rest), executor };
    const record = recorder();
    const execution = createModuleExecutor(sources).execute(request, record.hooks);
    return { ...record, request, execution };
  };
  const job = (name: string, input?: unknown, rest?: Rest) => begin({ module: { name, input } }, rest);
  const resultOf = (name: string, input?: unknown) => job(name, input).execution.result;

  it('tells a run all about itself, and takes what it says', async () => {
    const told = begin(
      { module: { name: 'tell', input: { whom: 'ada' } } },
      {
        attempt: 3,
        secrets: { SECRET: 's3cret' },
        particulars: { member: { index: 1, count: 4 }, arguments: ['--now'] },
        env: {
          CRONMESH_TICK: '2026-11-24T20:00:00Z',
          CRONMESH_FENCING_TOKEN: '42',
        },
      },
    );
    assert.deepEqual(await told.execution.result, { outcome: 'Succeeded', message: 'told ada' });
    const [line = '', ...more] = told.texts.stdout.split('\n');
    assert.deepEqual(JSON.parse(line), {
      whom: 'ada',
      times: 1,
      job: { namespace: 'default', name: 'job' },
      attempt: 3,
      tick: '2026-11-24T20:00:00.000Z',
      shard: { index: 1, count: 4 },
      given: ['--now'],
      fencingToken: '42',
      secret: 's3cret',
    });
    assert.deepEqual(more, ['of its own run', '']);
    assert.equal(told.texts.stderr, 'a warning\n');
    assert.deepEqual(told.steps, [[25, 'a quarter'], [50]]);
    assert.equal(typeof (await told.started), 'number');
  });

  it('gives an input without a schema as it is', async () => {
    assert.equal((await resultOf('plain', { a: [1, null] })).message, 'got {"a":[1,null]}');
    assert.equal((await resultOf('plain')).message, 'got undefined');
  });

  it('refuses a wrong input with the field, the value and what is allowed', async () => {
    const message = 'not started: input.whom: Too small: expected string to have >=2 characters (got "x")';
    assert.deepEqual(await resultOf('tell', { whom: 'x' }), { outcome: 'Failed', message });
    assert.match((await resultOf('tell')).message ?? '', /^not started: input: .*expected object.* \(got nothing\)$/);
  });

  it('runs what a third party made an executor of', async () => {
    const { result } = begin({ custom: { name: 'drop', with: { folder: '/in', size: '5' } } }).execution;
    assert.deepEqual(await result, { outcome: 'Succeeded', message: 'dropped job in /in' });
    const wrong = await begin({ custom: { name: 'drop', with: { folder: '/in', colour: 'red' } } }).execution.result;
    assert.match(wrong.message ?? '', /^not started: with: Unrecognized key: "colour"/);
    assert.deepEqual(await begin({ custom: { name: 'tell' } }).execution.result, {
      outcome: 'Failed',
      message: 'not started: no module of this worker defines the executor tell',
    });
  });

  it('tells how each failure came about', async () => {
    const thrown = job('fails', 'throw');
    assert.deepEqual(await thrown.execution.result, { outcome: 'Failed', message: 'the shelf is empty' });
    assert.match(
      thrown.texts.stderr,
      /Error: the shelf is empty\n\s+at .*jobs\.ts[\s\S]*cause.*Error: nobody filled it/,
    );
    assert.deepEqual(await resultOf('fails', 'text'), { outcome: 'Failed', message: 'a text' });
    const exit = (exitCode: number) => ({
      outcome: 'Failed',
      exitCode,
      message: `the process exited with status ${exitCode} before run() had ended`,
    });
    assert.deepEqual(await resultOf('fails', 'exit'), exit(7));
    assert.deepEqual(await resultOf('fails', 'nothing'), exit(0));
    assert.deepEqual(await resultOf('fails', 'signal'), {
      outcome: 'Failed',
      signal: 'SIGSEGV',
      message: 'the process was ended by SIGSEGV',
    });
    assert.deepEqual(await resultOf('fails', 'rejection'), {
      outcome: 'Failed',
      message: 'unhandled rejection: nobody waits for me',
    });
    assert.deepEqual(await resultOf('fails', 'late'), { outcome: 'Failed', message: 'out of nowhere' });
  });

  it('aborts the signal first, and ends everything after the grace', async () => {
    const kind = job('waits', { child: true });
    await kind.printed('waiting');
    assert.equal((await processesOf(kind.request.run)).length, 2);
    kind.execution.end({ kind: 'killed', by: 'ada' }, 10_000);
    assert.deepEqual(await kind.execution.result, { outcome: 'Killed', message: 'killed by ada' });
    assert.match(kind.texts.stdout, /aborted: AbortError/);
    assert.deepEqual(await processesOf(kind.request.run), []);

    const stubborn = job('waits', { stubborn: true });
    await stubborn.printed('waiting');
    stubborn.execution.end({ kind: 'timeout' }, 300);
    const result = await stubborn.execution.result;
    assert.deepEqual([result.outcome, result.signal], ['TimedOut', 'SIGKILL']);
    assert.match(stubborn.texts.stdout, /aborted: AbortError/);
  });

  it('leaves nothing behind', async () => {
    const left = job('background');
    assert.equal((await left.execution.result).outcome, 'Succeeded');
    assert.match(left.texts.system, /ended a process that the run left in the background/);
    await until(async () => (await processesOf(left.request.run)).length === 0);
  });
});
