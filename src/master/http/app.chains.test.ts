import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Api, manifest } from '../../../test/support/api.ts';

const jobs = '/api/v1/namespaces/default/jobs';

describe('chains and pauses over REST', () => {
  let api: Api;
  before(async () => {
    api = await Api.open();
  });
  after(() => api.close());

  it('shows what a job comes after, missing jobs too, and what comes after it', async () => {
    for (const [name, after] of [
      ['extract', undefined],
      ['load', [{ job: 'extract' }, { job: 'prices', outcome: 'Always' }]],
    ] as const) {
      const made = await api.send('POST', jobs, manifest(name, { ...(after && { after }) }));
      assert.equal(made.status, 201);
    }
    const { json } = await api.send('GET', `${jobs}/load/chain`);
    assert.deepEqual(json, {
      upstreams: [
        { job: 'extract', outcome: 'Success', exists: true },
        { job: 'prices', outcome: 'Always', exists: false },
      ],
      downstreams: [],
    });
    const above = await api.send('GET', `${jobs}/extract/chain`);
    assert.deepEqual(above.json.downstreams, [{ job: 'load', outcome: 'Success', exists: true }]);
    assert.equal((await api.send('GET', `${jobs}/nothing/chain`)).status, 404);
  });

  it('refuses a cycle with its path and the field', async () => {
    const wrong = await api.send('POST', jobs, manifest('prices', { after: [{ job: 'load' }] }));
    assert.deepEqual(
      [wrong.status, wrong.json.code, wrong.json.detail],
      [400, 'InvalidInput', 'after: prices → load → prices is a cycle'],
    );
    assert.deepEqual(wrong.json.errors, [
      { field: 'spec.after', value: '["load"]', message: 'prices → load → prices is a cycle' },
    ]);
  });

  it('gives a run without a chain alone', async () => {
    const run = await api.send('POST', `${jobs}/extract/trigger`);
    const { json } = await api.send('GET', `/api/v1/runs/${run.json.id}/chain`);
    assert.deepEqual(
      json.items.map(({ id }: { id: string }) => id),
      [run.json.id],
    );
    assert.equal((await api.send('GET', '/api/v1/runs/nothing/chain')).status, 404);
  });

  it('shows a pause, says why nothing ran in it, and ends it', async () => {
    await api.send('POST', jobs, manifest('limited', { schedule: '* * * * *', maxRuns: 1 }));
    const job = await api.jobs.get({ namespace: 'default', name: 'limited' });
    const term = await api.store.nextTerm('scheduler', 'master-1');
    const detail = 'it has had its 1 runs (maxRuns)';
    await api.store.pauseAtLimit(term, [{ uid: job.uid, countsFrom: job.countsFrom, detail }], api.now);
    const at = '2026-03-01T12:00:00Z';
    const shown = await api.send('GET', `${jobs}/limited`);
    assert.deepEqual(shown.json.status.paused, { at, reason: 'RunLimit', detail });
    assert.equal(shown.json.status.nextTick, undefined);
    const next = await api.send('GET', `${jobs}/limited/next`);
    assert.deepEqual([next.json.items, next.json.suspended], [[], true]);
    api.now += 600_000;
    const why = await api.send('GET', `${jobs}/limited/why?at=${encodeURIComponent('2026-03-01T12:05:00Z')}`);
    assert.equal(why.json.outcome, 'Suspended');
    assert.ok(why.json.message.endsWith(`the job has been paused since ${at}: ${detail}`), why.json.message);
    const resumed = await api.send('POST', `${jobs}/limited/resume`);
    assert.deepEqual([resumed.json.status.paused, resumed.json.status.floor], [undefined, '2026-03-01T12:10:00Z']);
    assert.equal(resumed.json.status.nextTick, '2026-03-01T12:11:00Z');
  });
});
