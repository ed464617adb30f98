import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Api, manifest } from '../../../test/support/api.ts';
import { cordonPath, freezeKey, lanePath } from '../../coordination/keys.ts';
import { type CordonRecord, decode, encode, type FreezeRecord, type LaneRecord } from '../../coordination/records.ts';
import type { WorkerId } from '../../domain/run/run.ts';
import type { WorkerView } from '../services/workers.ts';

const worker: WorkerView = {
  id: 'alpha-x1' as WorkerId,
  name: 'alpha',
  address: '127.0.0.1',
  port: 8081,
  node: 'n',
  labels: { disk: 'ssd' },
  capacity: 10,
  executors: ['shell'],
  kubernetes: false,
  version: '0',
  ready: true,
  checks: {},
};

describe('brakes over REST', () => {
  let api: Api;
  const rules = { shop: { executors: ['http' as const] }, '*': { executors: ['shell' as const, 'http' as const] } };

  before(async () => {
    api = await Api.open({ rules });
    api.now = Date.now();
    api.workers = [worker];
  });
  after(async () => {
    await api.close();
  });

  const inConsul = async () => {
    const entry = await api.coordinator.get(freezeKey);
    return entry && decode<FreezeRecord>(entry).scopes;
  };

  describe('freezes', () => {
    it('are in Consul when the answer comes, are shown, and are thawed', async () => {
      const path = '/api/v1/namespaces/shop/freeze';
      const frozen = await api.send('POST', path, { reason: 'stocktaking' });
      assert.deepEqual([frozen.status, frozen.json.scope, frozen.json.reason], [200, 'shop', 'stocktaking']);
      const since = Date.parse(frozen.json.since);
      assert.deepEqual(await inConsul(), { shop: [{ since, by: 'user via REST', reason: 'stocktaking' }] });
      const states = async (at: string) =>
        (await api.send('GET', at)).json.items.map(({ scope, state }: { scope: string; state: string }) => [
          scope,
          state,
        ]);
      assert.deepEqual(await states(path), [['shop', 'InForce']]);
      assert.deepEqual(await states('/api/v1/freeze'), [['shop', 'InForce']]);
      assert.deepEqual(await states('/api/v1/namespaces/other/freeze'), []);
      api.now += 1_000;
      const thawed = await api.send('DELETE', path);
      assert.deepEqual([thawed.status, thawed.json.state], [200, 'Over']);
      assert.deepEqual(
        (await inConsul())?.shop?.map(({ endedAt }) => endedAt),
        [since + 1_000],
        'workers are to know which ticks lay in it',
      );
      const again = await api.send('DELETE', path);
      assert.deepEqual([again.status, again.json.code], [404, 'NotFound']);
      assert.match(again.json.detail, /^the namespace shop is not frozen$/);
    });

    it('show in jobs, and answer why a tick of them has no run', async () => {
      await api.send('POST', '/api/v1/jobs', manifest('frosty', { schedule: '* * * * * *' }));
      await api.send('POST', '/api/v1/freeze', { reason: 'holidays' });
      api.now += 5_000;
      const { json } = await api.send('GET', '/api/v1/namespaces/default/jobs/frosty');
      assert.equal(json.status.problems.length, 1);
      assert.match(json.status.problems[0], /^everything has been frozen since .*, by user via REST: holidays$/);
      const at = new Date(Math.floor(api.now / 1_000) * 1_000).toISOString();
      const why = await api.send('GET', `/api/v1/namespaces/default/jobs/frosty/why?at=${at}`);
      assert.equal(why.json.outcome, 'Frozen');
      assert.match(
        why.json.message,
        /everything has been frozen since .*: holidays; the record is made once it is over$/,
      );
      await api.send('DELETE', '/api/v1/freeze');
    });

    const wrong: [body: unknown, message: RegExp][] = [
      [{}, /^reason is needed: a string$/],
      [{ reason: '' }, /^reason must not be empty$/],
      [{ reason: 'x'.repeat(501) }, /^reason must have at most 500 characters$/],
      [{ reason: 'x', until: 'tomorrow' }, /^until must be an instant as RFC 3339/],
      [{ reason: 'x', until: '2020-01-01T00:00:00Z' }, /^until must lie in the future; it is .* now$/],
      [{ reason: 'x', untill: '2099-01-01T00:00:00Z' }, /^untill is not a known field; did you mean until\?/],
    ];
    for (const [given, message] of wrong) {
      it(`refuses ${JSON.stringify(given).slice(0, 60)}`, async () => {
        const { status, json } = await api.send('POST', '/api/v1/freeze', given);
        assert.deepEqual([status, json.code], [400, 'InvalidInput']);
        assert.match(json.detail, message);
      });
    }
  });

  describe('cordons', () => {
    it('stand by the worker’s name, and are shown with what it still runs', async () => {
      const sent = await api.send('POST', '/api/v1/workers/alpha/drain', { reason: 'new disk' });
      assert.equal(sent.status, 204, sent.text);
      const key = await api.coordinator.get(cordonPath('alpha'));
      assert.ok(key);
      const { v: _, ...cordon } = decode<CordonRecord>(key);
      assert.deepEqual(cordon, { drain: true, by: 'user via REST', reason: 'new disk', at: api.now });
      const beat = (record: LaneRecord) =>
        api.coordinator.transact([{ verb: 'set', key: lanePath(worker.id, 'beat'), value: encode(record) }]);
      const shown = async () => (await api.send('GET', '/api/v1/workers')).json.items[0];
      await beat({ v: 1, count: 1, running: 0 });
      assert.deepEqual([(await shown()).running, (await shown()).idle], [0, false], 'it has not heard of it');
      await beat({ v: 1, count: 2, running: 1, cordoned: true });
      assert.deepEqual([(await shown()).running, (await shown()).idle], [1, false]);
      await beat({ v: 1, count: 3, running: 0, cordoned: true });
      assert.deepEqual([(await shown()).cordon.reason, (await shown()).idle], ['new disk', true]);
      assert.equal((await api.send('POST', '/api/v1/workers/alpha/uncordon')).status, 204);
      assert.equal(await api.coordinator.get(cordonPath('alpha')), undefined);
      assert.equal((await shown()).cordon, undefined);
    });

    it('of a worker that is not there are refused, but for taking one back', async () => {
      for (const what of ['cordon', 'drain', 'uncordon']) {
        const { status, json } = await api.send('POST', `/api/v1/workers/beta/${what}`);
        assert.deepEqual([status, json.detail], [404, 'there is no worker "beta": there are alpha']);
      }
      const value = encode<CordonRecord>({ v: 1, drain: false, by: 'x', at: 0, reason: '' });
      await api.coordinator.transact([{ verb: 'set', key: cordonPath('beta'), value }]);
      assert.equal((await api.send('POST', '/api/v1/workers/beta/uncordon')).status, 204);
    });
  });

  describe('executors that a namespace does not allow', () => {
    const shop = '/api/v1/namespaces/shop/jobs';
    const http = { executor: { http: { url: 'https://example.org/' } } };
    const message = 'is not allowed in namespace shop: allowed are http';

    it('are refused at creation, and at each edit, naming the field', async () => {
      const { status, json } = await api.send('POST', shop, manifest('a'));
      assert.deepEqual([status, json.code], [403, 'Forbidden']);
      assert.equal(json.detail, `spec.executor.shell ${message}`);
      assert.deepEqual(json.errors, [{ field: 'spec.executor.shell', message }]);
      assert.equal((await api.send('PUT', `${shop}/a`, manifest('a'))).status, 403);
      assert.equal((await api.send('POST', shop, manifest('a', http))).status, 201);
      const patch = { spec: { executor: { http: null, shell: { command: 'date' } } } };
      assert.equal((await api.send('PATCH', `${shop}/a`, patch)).status, 403);
      const pod = { kubernetes: { template: { spec: { containers: [{ name: 'a', image: 'a' }] } } } };
      const other = await api.send('POST', '/api/v1/jobs', manifest('pod', { executor: pod }));
      assert.match(
        other.json.detail,
        /^spec\.executor\.kubernetes is not allowed in namespace default: allowed are shell, http$/,
      );
    });

    it('of jobs made before go on: they may be stopped, deleted or given another, and are told of', async () => {
      const open = await Api.open({ rules: {} });
      const { json: made } = await open.send('POST', shop, manifest('old'));
      const strict = Api.over(open, { rules });
      const { json } = await strict.send('GET', `${shop}/old`);
      assert.deepEqual(json.status.problems, [
        'no ready worker matches (executor shell)',
        `spec.executor.shell ${message}; it goes on, and can only be suspended, deleted or given another executor`,
      ]);
      assert.equal((await strict.send('PATCH', `${shop}/old`, { spec: { schedule: '@daily' } })).status, 403);
      assert.equal((await strict.send('POST', `${shop}/old/suspend`)).status, 200);
      assert.equal((await strict.send('POST', `${shop}/old/resume`)).status, 403);
      assert.equal(
        (
          await strict.send('PATCH', `${shop}/old`, {
            spec: { suspend: false, executor: { shell: null, ...http.executor } },
          })
        ).status,
        200,
      );
      assert.equal(made.spec.executor.shell.command, 'date');
      await open.close();
    });
  });

  it('shows which jobs no ready worker may run, in the list as well', async () => {
    await api.send(
      'POST',
      '/api/v1/jobs',
      manifest('lonely', { placement: { selector: { matchLabels: { disk: 'tape' } } } }),
    );
    await api.send(
      'POST',
      '/api/v1/jobs',
      manifest('served', { placement: { selector: { matchLabels: { disk: 'ssd' } } } }),
    );
    const problems = async () => {
      const { items } = (await api.send('GET', '/api/v1/namespaces/default/jobs')).json;
      const wanted = items.filter((job: { metadata: { name: string } }) => /^(lonely|served)$/.test(job.metadata.name));
      return wanted.map((job: { status: { problems?: string[] } }) => job.status.problems);
    };
    assert.deepEqual(await problems(), [['no ready worker matches (selector disk=tape, executor shell)'], undefined]);
    api.workers = [{ ...worker, ready: false }];
    assert.deepEqual((await problems())[1], ['no ready worker matches (selector disk=ssd, executor shell)']);
    api.workers = [worker];
  });

  describe('a wrong method', () => {
    const wrong: [method: string, path: string, allow: string][] = [
      ['PUT', '/api/v1/jobs', 'GET, HEAD, POST'],
      ['POST', '/api/v1/namespaces/default/jobs/a', 'DELETE, GET, HEAD, PATCH, PUT'],
      ['GET', '/api/v1/namespaces/default/jobs/a/trigger', 'POST'],
      ['DELETE', '/api/v1/runs/x', 'GET, HEAD'],
      ['PATCH', '/api/v1/freeze', 'DELETE, GET, HEAD, POST'],
      ['GET', '/api/v1/workers/alpha/cordon', 'POST'],
      ['POST', '/healthz', 'GET, HEAD'],
      ['POST', '/', 'GET, HEAD'],
    ];
    for (const [method, path, allow] of wrong) {
      it(`is answered 405 with what is allowed: ${method} ${path}`, async () => {
        const { status, headers, json } = await api.send(method, path);
        assert.deepEqual([status, json.code, headers.get('allow')], [405, 'MethodNotAllowed', allow]);
      });
    }
    it('of a path that is none is a 404', async () => {
      const { status, headers } = await api.send('PUT', '/api/v1/nothing');
      assert.deepEqual([status, headers.get('allow')], [404, null]);
    });
  });
});
