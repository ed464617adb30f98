import assert from 'node:assert/strict';
import { test } from 'node:test';
import { moduleCatalogPath } from '../../coordination/keys.ts';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
import { type JobSpecInput, jobSpec } from '../../domain/job/spec.ts';
import type { WorkerId } from '../../domain/run/run.ts';
import { silentLogger } from '../../observability/logger.ts';
import { ModuleCheck } from './modules.ts';
import type { WorkerView } from './workers.ts';

const worker = (name: string, changes: Partial<WorkerView>): WorkerView => ({
  id: name as WorkerId,
  name,
  address: '10.0.0.1',
  port: 8081,
  node: 'n',
  labels: {},
  capacity: 1,
  executors: ['module'],
  modules: ['mail'],
  kubernetes: false,
  version: '1',
  ready: true,
  checks: {},
  ...changes,
});

const catalog = (input: unknown): string =>
  JSON.stringify({ v: 1, jobs: [{ name: 'mail', schema: input }], executors: [] });
const needs = (field: string) =>
  catalog({ type: 'object', properties: { [field]: { type: 'string' } }, required: [field] });

async function messages(
  workers: readonly WorkerView[],
  executor: JobSpecInput['executor'],
  options: { readonly current?: boolean; readonly catalogs?: Readonly<Record<string, string>> } = {},
): Promise<string[]> {
  const coordinator = new MemoryCoordinator();
  await coordinator.open();
  for (const [hash, value] of Object.entries(options.catalogs ?? {})) {
    await coordinator.transact([{ verb: 'set', key: moduleCatalogPath(hash), value }]);
  }
  const check = new ModuleCheck({
    workers: { current: options.current ?? true, list: () => workers },
    coordinator,
    logger: silentLogger,
  });
  const found = await check.problems(jobSpec.parse({ schedule: '@daily', executor }));
  await coordinator.close();
  return found.map(({ field, message }) => `${field} ${message}`);
}

const mail = (input?: unknown) => ({ module: { name: 'mail', ...(input !== undefined && { input }) } });

test('nothing is said of a name while no worker has modules, or none is seen', async () => {
  assert.deepEqual(await messages([], { module: { name: 'mial' } }), []);
  assert.deepEqual(await messages([worker('w', { executors: ['shell'] })], { module: { name: 'mial' } }), []);
  assert.deepEqual(await messages([worker('w', {})], { module: { name: 'mial' } }, { current: false }), []);
  assert.deepEqual(await messages([worker('w', {})], { shell: { command: 'date' } }), []);
});

test('a name that none has is refused, with the nearest', async () => {
  const [message] = await messages([worker('w', {}), worker('v', { modules: ['post'] })], { module: { name: 'mial' } });
  assert.equal(
    message,
    'spec.executor.module.name is no job of any worker’s modules; did you mean "mail"? Known are mail, post',
  );
});

test('an input is held against the schema; during an update either one will do', async () => {
  const catalogs = { old: needs('to'), new: needs('recipient') };
  const workers = [worker('w', { catalog: 'old' }), worker('v', { catalog: 'new' })];
  assert.deepEqual(await messages(workers, mail({ to: 'a' }), { catalogs }), []);
  assert.deepEqual(await messages(workers, mail({ recipient: 'a' }), { catalogs }), []);
  assert.deepEqual(await messages(workers, mail({ to: 5 }), { catalogs }), [
    'spec.executor.module.input.to must be a string; put it in quotes: "5"',
  ]);
});

test('what can’t be read or understood is left to the run', async () => {
  const catalogs = { broken: '{', strange: catalog({ $ref: '#/nowhere' }), none: catalog(undefined) };
  for (const hash of ['broken', 'strange', 'none', 'gone']) {
    assert.deepEqual(await messages([worker('w', { catalog: hash })], mail({ to: 5 }), { catalogs }), [], hash);
  }
});
