import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Api, manifest } from '../../../test/support/api.ts';
import type { WorkerId } from '../../domain/run/run.ts';
import type { WorkerView } from '../services/workers.ts';

const jobs = '/api/v1/namespaces/default/jobs';

describe('jobs that come to several runs, over REST', () => {
  let api: Api;
  before(async () => {
    api = await Api.open();
  });
  after(() => api.close());

  const worker = (name: string, zone: string, ready = true): WorkerView => ({
    id: `${name}-x1` as WorkerId,
    name,
    address: '127.0.0.1',
    port: 1,
    node: 'n',
    labels: { zone },
    capacity: 1,
    executors: ['shell'],
    kubernetes: false,
    version: '0',
    ready,
    checks: {},
  });

  it('are asked for with all runs of Shards, which are listed by their whole', async () => {
    await api.send('POST', jobs, manifest('parts', { placement: { mode: 'Shards', shards: 3 } }));
    const { status, json } = await api.send('POST', `${jobs}/parts/trigger`);
    assert.equal(status, 202);
    const ids = json.runs.map((run: { id: string }) => run.id);
    const whole = json.id.replace(/-0$/, '');
    assert.deepEqual(ids, [`${whole}-0`, `${whole}-1`, `${whole}-2`]);
    assert.deepEqual(
      api.publishing.triggers.slice(-3).map(({ particulars }) => particulars),
      [0, 1, 2].map(index => ({ member: { index, count: 3 } })),
    );
    const list = await api.send('GET', `/api/v1/runs?whole=${whole}`);
    assert.deepEqual(list.json.items.map((run: { id: string }) => run.id).sort(), ids);
    const one = await api.send('GET', `/api/v1/runs/${ids[2]}`);
    assert.deepEqual(
      [one.json.member, one.json.particulars, one.json.runs],
      [{ index: 2, count: 3 }, undefined, undefined],
    );
  });

  it('come with mode All to the eligible workers that are ready, and to a word when there is none', async () => {
    const matchExpressions = [{ key: 'zone', operator: 'In', values: ['north', 'south'] }];
    await api.send(
      'POST',
      jobs,
      manifest('everywhere', { placement: { mode: 'All', selector: { matchExpressions } } }),
    );
    api.workers = [worker('c', 'north'), worker('a', 'south'), worker('b', 'east'), worker('d', 'north', false)];
    const { json } = await api.send('POST', `${jobs}/everywhere/trigger`);
    assert.deepEqual(
      json.runs.map(({ member }: { member: unknown }) => member),
      [
        { index: 0, count: 2, worker: 'a' },
        { index: 1, count: 2, worker: 'c' },
      ],
    );
    api.workers = [worker('b', 'east')];
    const refused = await api.send('POST', `${jobs}/everywhere/trigger`);
    assert.equal(refused.status, 503);
    assert.match(refused.json.detail, /default\/everywhere runs on every eligible worker, and no ready worker/);
  });

  it('that are alone answer as they did', async () => {
    await api.send('POST', jobs, manifest('alone'));
    const { json } = await api.send('POST', `${jobs}/alone/trigger`);
    assert.deepEqual([json.runs, json.member], [undefined, undefined]);
    const { json: list } = await api.send('GET', `/api/v1/runs?whole=${json.id}`);
    assert.deepEqual(
      list.items.map(({ id }: { id: string }) => id),
      [json.id],
    );
  });

  it('are told in one line of all their runs', async () => {
    const spec = { schedule: '0 * * * *', placement: { mode: 'Shards', shards: 3 } };
    const { json: job } = await api.send('POST', jobs, manifest('told', spec));
    const tick = Date.parse('2026-03-01T13:00:00Z');
    api.now = tick + 120_000;
    const base = {
      jobUid: job.metadata.uid,
      namespace: 'default',
      name: 'told',
      tick,
      trigger: 'tick',
      attempt: 1,
    } as const;
    for (const index of [0, 1, 2]) {
      const about = {
        ...base,
        run: `${job.metadata.uid}-${tick.toString(36)}-${index}` as never,
        member: { index, count: 3 },
      };
      await api.report('w-1', { ...about, type: 'claimed', at: tick + 3, fencingToken: '17', revision: 1 });
      const failed = index === 1;
      const ended = { outcome: failed ? 'Failed' : 'Succeeded', exitCode: failed ? 3 : 0 } as const;
      await api.report('w-1', { ...about, type: 'finished', at: tick + 9, ...ended });
    }
    const { json } = await api.send('GET', `${jobs}/told/why?at=2026-03-01T13:00:00Z`);
    assert.equal(json.outcome, 'Run');
    assert.match(
      json.message,
      /3 of 3 runs: 1 Failed, 2 Succeeded; run 2\/3 \(.*-1\): it ran: Failed on w-1 \(exit 3\)/,
    );
    assert.equal(json.run.member.index, 1);
  });
});
