import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Api } from '../../test/support/api.ts';
import { cronmesh, serveApi } from '../../test/support/cli.ts';
import { cordonPath, lanePath } from '../coordination/keys.ts';
import { encode, type LaneRecord } from '../coordination/records.ts';
import type { WorkerId } from '../domain/run/run.ts';
import type { WorkerView } from '../master/services/workers.ts';

const worker: WorkerView = {
  id: 'alpha-x1' as WorkerId,
  name: 'alpha',
  address: '127.0.0.1',
  port: 8081,
  node: 'n',
  labels: {},
  capacity: 10,
  executors: ['shell'],
  kubernetes: false,
  version: '0',
  ready: true,
  checks: {},
};

describe('cronmesh freeze, thaw, cordon, drain, uncordon', () => {
  let api: Api;
  let server: string;
  let stop: () => Promise<void>;
  before(async () => {
    ({ api, url: server, stop } = await serveApi());
    api.now = Date.now();
    api.workers = [worker];
  });
  after(() => stop());
  const run = (...args: string[]) => cronmesh(args, { server });

  it('freeze one namespace or everything, for a while, and show it', async () => {
    const one = await run('freeze', '-n', 'shop', '--reason', 'stocktaking', '--for', '2h');
    assert.deepEqual([one.status, one.stderr], [0, '']);
    assert.match(one.stdout, /^the namespace shop is frozen until 20\d\d-.*Z\n$/);
    assert.equal((await run('freeze', '--all', '--reason', 'holidays')).stdout, 'everything is frozen\n');
    const { stdout } = await run('get', 'freezes');
    assert.match(stdout, /^\* +InForce +\S+ +thawed +user via REST +holidays$/m);
    assert.match(stdout, /^shop +InForce +\S+ +20\d\d-\S+ +user via REST +stocktaking$/m);
    assert.equal((await run('thaw', '--all')).stdout, 'everything is thawed\n');
    assert.equal((await run('thaw', '-n', 'shop')).stdout, 'the namespace shop is thawed\n');
    assert.match((await run('get', 'freezes', '-n', 'shop')).stdout, /^shop +Over/m);
    const again = await run('thaw', '-n', 'shop');
    assert.deepEqual([again.status, again.stderr], [1, 'cronmesh: the namespace shop is not frozen\n']);
  });

  it('say what is wrong with a wish', async () => {
    const wrong: [args: string[], because: RegExp][] = [
      [['freeze'], /required option '--reason <text>' not specified/],
      [['freeze', '--reason', 'x', '--for', 'long'], /--for "long" is no duration/],
      [['freeze', '--reason', 'x', '--all', '-n', 'shop'], /--all is everything: leave out --namespace/],
      [['freeze', '--reason', 'x', '--for', '1h', '--until', '2099-01-01T00:00:00Z'], /cannot be used with option/],
    ];
    for (const [args, because] of wrong) {
      const { status, stderr } = await run(...args);
      assert.equal(status, 2, stderr);
      assert.match(stderr, because);
    }
  });

  it('drain a worker, and wait until it says that it runs nothing', async () => {
    const beat = (record: LaneRecord) =>
      api.coordinator.transact([{ verb: 'set', key: lanePath(worker.id, 'beat'), value: encode(record) }]);
    await beat({ v: 1, count: 1, running: 1 });
    let ended = false;
    const draining = run('drain', 'alpha', '--wait', '--reason', 'new disk').then(answer => {
      ended = true;
      return answer;
    });
    while ((await api.coordinator.get(cordonPath('alpha'))) === undefined) await new Promise(setImmediate);
    await beat({ v: 1, count: 2, running: 1, cordoned: true });
    assert.match((await run('get', 'workers')).stdout, /^alpha +drained +1 /m);
    assert.equal(ended, false);
    await beat({ v: 1, count: 3, running: 0, cordoned: true });
    assert.deepEqual(await draining, { status: 0, stdout: 'worker alpha is drained, and runs nothing\n', stderr: '' });
    assert.equal((await run('uncordon', 'alpha')).stdout, 'worker alpha is uncordoned\n');
    assert.equal((await run('cordon', 'alpha')).stdout, 'worker alpha is being cordoned\n');
    assert.match((await run('get', 'workers')).stdout, /^alpha +cordoned +0 /m);
    const unknown = await run('cordon', 'beta');
    assert.deepEqual([unknown.status, unknown.stderr], [1, 'cronmesh: there is no worker "beta": there are alpha\n']);
  });
});
