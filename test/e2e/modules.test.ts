import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { load } from 'js-yaml';
import { Cluster } from '../support/cluster.ts';
import { consulSkip } from '../support/consul.ts';
import { docBlocks } from '../support/doc-blocks.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually, freePort, Program } from '../support/process.ts';
import { Rest, type RunView } from '../support/rest.ts';

interface ModuleRun extends RunView {
  message?: string;
  exitCode?: number;
  signal?: string;
  progress?: number;
  progressMessage?: string;
  progressAt?: string;
}

interface Problem {
  errors: { field: string; value?: string; message: string }[];
}

const jobs = '/api/v1/namespaces/default/jobs';
const blocks = docBlocks('docs/extending.md');

/** What the tests need beside the examples of the page. */
const probes = `
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { defineJob } from 'cronmesh/jobs';
import { z } from 'zod';

export const probe = defineJob({
  name: 'probe',
  input: z.object({ does: z.string(), gate: z.string().default('') }).refine(input => input.does !== 'nothing', 'do something'),
  async run({ input, signal, log, progress, env }) {
    log.info('on ' + env.CRONMESH_WORKER);
    switch (input.does) {
      case 'throw': throw new Error('the shelf is empty');
      case 'exit': process.exit(4);
      case 'reject': void Promise.reject(new Error('nobody waits')); await delay(60_000);
      case 'gate':
        progress(42, 'half past');
        while (!existsSync(input.gate)) await delay(50);
        progress(100);
        return 'through';
      case 'stop':
        progress(1);
        await once(signal, 'abort');
        log.info('it was aborted');
        return;
      case 'stubborn':
        progress(1);
        signal.addEventListener('abort', () => log.info('it was aborted'));
        await delay(60_000);
    }
    return { message: 'done' };
  },
});
`;

/** A folder of modules: the page's examples, and the probes. */
function writeModules(folder: string): void {
  mkdirSync(join(folder, 'modules'), { recursive: true });
  for (const file of ['modules/report.ts', 'modules/file-drop.ts'])
    writeFileSync(join(folder, file), blocks.get(file) ?? '');
  writeFileSync(join(folder, 'modules/probe.mts'), probes);
}

describe('modules in a cluster of separate processes', { skip: consulSkip() || postgresSkip() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'cronmesh-modules-'));
  let cluster: Cluster;
  let rest: Rest;

  before(async () => {
    writeModules(folder);
    cluster = await Cluster.start({ masters: 1, workers: 1 });
    rest = cluster.rest();
  });
  after(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const post = (name: string, spec: Record<string, unknown>): Promise<Response> =>
    rest.request('POST', jobs, { metadata: { name }, spec: { schedule: '@manually', ...spec } });
  const make = async (name: string, executor: unknown, more: Record<string, unknown> = {}): Promise<void> => {
    const response = await post(name, { executor, ...more });
    assert.equal(response.status, 201, await response.text());
  };
  const refused = async (executor: unknown): Promise<string[]> => {
    const response = await post('refused', { executor });
    assert.equal(response.status, 422, await response.clone().text());
    const { errors } = (await response.json()) as Problem;
    return errors.map(({ field, value, message }) => `${field} = ${value}: ${message}`);
  };
  const trigger = async (name: string): Promise<string> => (await rest.post<RunView>(`${jobs}/${name}/trigger`)).id;
  const reach = (id: string, what: string, is: (run: ModuleRun) => boolean): Promise<ModuleRun> =>
    eventually(`${id}: ${what}`, async () => {
      const run = await rest.get<ModuleRun>(`/api/v1/runs/${id}`);
      return is(run) && run;
    });
  const ended = (id: string): Promise<ModuleRun> =>
    reach(id, 'ended', run => ['Succeeded', 'Failed', 'TimedOut', 'Killed', 'Lost', 'Skipped'].includes(run.state));
  const log = async (id: string): Promise<string> =>
    await (await rest.request('GET', `/api/v1/runs/${id}/logs`)).text();
  const does = async (
    name: string,
    input: Record<string, unknown>,
    more: Record<string, unknown> = {},
  ): Promise<string> => {
    await make(name, { module: { name: 'probe', input } }, more);
    return await trigger(name);
  };

  it('takes a job that names a module while no worker has any; it waits for one', async () => {
    await make('early', { module: { name: 'sales-report', input: { shops: ['Lyon'] } } });
    const id = await trigger('early');
    assert.equal((await reach(id, 'asked for', () => true)).state, 'Pending');
    await cluster.addWorker({ CRONMESH_WORKER_MODULES: join(folder, 'modules') });
    await cluster.ready(2);
    const run = await ended(id);
    assert.deepEqual(
      [run.state, run.message, run.worker?.startsWith('worker-1-')],
      ['Succeeded', '1 shops, in EUR', true],
    );
  });

  it('shows which worker has what', async () => {
    const { items } = await rest.get<{ items: Record<string, unknown>[] }>('/api/v1/workers');
    assert.deepEqual(
      items.map(({ name, executors, modules, customs }) => ({ name, executors, modules, customs })),
      [
        { name: 'worker-0', executors: ['shell', 'http'], modules: [], customs: [] },
        {
          name: 'worker-1',
          executors: ['shell', 'http', 'module', 'custom'],
          modules: ['probe', 'sales-report'],
          customs: ['file-drop'],
        },
      ],
    );
  });

  it('refuses names that no worker has, and inputs that the schema refuses', async () => {
    assert.deepEqual(await refused({ module: { name: 'sale-report' } }), [
      'spec.executor.module.name = "sale-report": is no job of any worker’s modules; did you mean "sales-report"? Known are probe, sales-report',
    ]);
    assert.deepEqual(await refused({ custom: { name: 'sql' } }), [
      'spec.executor.custom.name = "sql": is no executor of any worker’s modules. Known are file-drop',
    ]);
    assert.deepEqual(await refused({ module: { name: 'sales-report', input: { shops: ['a'], currency: 'GBP' } } }), [
      'spec.executor.module.input.currency = "GBP": must be one of "EUR", "CNY", "USD"',
    ]);
    assert.deepEqual(await refused({ module: { name: 'sales-report' } }), [
      'spec.executor.module.input = undefined: is needed: a mapping',
    ]);
    assert.deepEqual(
      await refused({ custom: { name: 'file-drop', with: { folder: '/tmp', prefix: 'a', colour: 1 } } }),
      ['spec.executor.custom.with.colour = 1: is not a known field. Allowed here: folder, prefix, content'],
    );
  });

  it('runs the examples of the page, on the worker that has them', async () => {
    for (const [file, message] of [
      ['sales-report.yaml', /^2 shops, in EUR$/],
      ['orders.yaml', /^dropped \/tmp\/orders-/],
    ] as const) {
      const manifest = load(blocks.get(file) ?? '') as { metadata: { name: string } };
      await rest.post(jobs, manifest);
      const run = await ended(await trigger(manifest.metadata.name));
      assert.match(run.message ?? '', message);
      assert.deepEqual([run.state, run.worker?.startsWith('worker-1-')], ['Succeeded', true]);
      if (file !== 'orders.yaml') continue;
      const dropped = run.message?.slice('dropped '.length) ?? '';
      assert.match(readFileSync(dropped, 'utf8'), /^please fetch\n\d+\n$/);
      rmSync(dropped);
    }
    for (let i = 0; i < 3; i++) {
      const { worker, state } = await ended(await trigger('sales-report'));
      assert.deepEqual([state, worker?.startsWith('worker-1-')], ['Succeeded', true]);
    }
  });

  it('tells how a run ended: by a throw, an exit status, a rejection, or what only its schema’s code refuses', async () => {
    const runs = await Promise.all(
      ['throw', 'exit', 'reject', 'nothing'].map(async what => ended(await does(`does-${what}`, { does: what }))),
    );
    assert.deepEqual(
      runs.map(({ state, message, exitCode }) => [state, message, exitCode]),
      [
        ['Failed', 'the shelf is empty', undefined],
        ['Failed', 'the process exited with status 4 before run() had ended', 4],
        ['Failed', 'unhandled rejection: nobody waits', undefined],
        ['Failed', 'not started: input: do something (got {"does":"nothing"})', undefined],
      ],
    );
    assert.match(await log(runs[0]?.id ?? ''), /Error: the shelf is empty\n\s+at .*probe\.mts/);
  });

  it('shows the progress of a run while it goes on, and keeps it', async () => {
    const gate = join(folder, 'gate');
    const id = await does('gated', { does: 'gate', gate });
    const going = await reach(id, 'progress', run => run.progress !== undefined);
    assert.deepEqual([going.state, going.progress, going.progressMessage], ['Running', 42, 'half past']);
    assert.match(going.progressAt ?? '', /^\d{4}-/);
    writeFileSync(gate, '');
    const run = await ended(id);
    assert.deepEqual(
      [run.state, run.message, run.progress, run.progressMessage],
      ['Succeeded', 'through', 100, undefined],
    );
  });

  it('shows that of a shell run, from a line of its output', async () => {
    await make('lines', { shell: { command: 'echo "::progress 30 of it"' } });
    const run = await ended(await trigger('lines'));
    assert.deepEqual([run.state, run.progress, run.progressMessage], ['Succeeded', 30, 'of it']);
    assert.equal(await log(run.id), '::progress 30 of it\n');
  });

  it('aborts the signal of a run that is killed, and of one that takes too long, and ends what does not listen', async () => {
    const killed = await does('kill', { does: 'stop' }, { terminationGraceSeconds: 20 });
    await reach(killed, 'begun', run => run.progress !== undefined);
    await rest.post(`/api/v1/runs/${killed}/kill`);
    assert.deepEqual((({ state, signal }) => [state, signal])(await ended(killed)), ['Killed', undefined]);
    assert.match(await log(killed), /it was aborted/);

    const late = await does('late', { does: 'stubborn' }, { timeoutSeconds: 3, terminationGraceSeconds: 0.5 });
    assert.deepEqual((({ state, signal }) => [state, signal])(await ended(late)), ['TimedOut', 'SIGKILL']);
    assert.match(await log(late), /it was aborted/);
  });
});

describe('modules in one process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cronmesh-modules-'));
  let program: Program | undefined;
  after(async () => {
    await program?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const start = (config: string, port: number): Program => {
    writeFileSync(join(folder, 'worker.yaml'), config);
    const env = { CRONMESH_HTTP_PORT: String(port), CRONMESH_DATA_DIRECTORY: join(folder, 'data') };
    return new Program(['standalone', '--config', join(folder, 'worker.yaml')], { env, log: join(folder, 'log') });
  };

  it('stop the start with one line where they can’t be loaded', async () => {
    const broken = start('worker: { modules: [./nowhere] }', await freePort());
    assert.equal(await broken.exited, 2);
    assert.match(
      broken.output,
      /^cronmesh: worker\.modules: \.\/nowhere cannot be loaded: there is no file or folder \S+\n$/,
    );
    assert.ok(!existsSync(join(folder, 'data/database')));
    const idle = start('worker: { executors: [module] }', await freePort());
    assert.equal(await idle.exited, 2);
    assert.match(
      idle.output,
      /^cronmesh: worker\.executors names module, and worker\.modules brings no job; leave it out\n$/,
    );
  });

  it('are found from the folder of the configuration file', async () => {
    writeModules(folder);
    const port = await freePort();
    program = start(blocks.get('worker.yaml') ?? '', port);
    const rest = new Rest(`http://127.0.0.1:${port}`);
    await eventually('served', async () => (await rest.request('GET', '/readyz')).ok);
    await rest.post(jobs, load(blocks.get('sales-report.yaml') ?? ''));
    const { id } = await rest.post<RunView>(`${jobs}/sales-report/trigger`);
    const run = await eventually(
      'ended',
      async () => {
        const now = await rest.get<ModuleRun>(`/api/v1/runs/${id}`);
        return now.state !== 'Pending' && now.state !== 'Claimed' && now.state !== 'Running' && now;
      },
      60_000,
    );
    assert.deepEqual([run.state, run.message], ['Succeeded', '2 shops, in EUR']);
  });
});
