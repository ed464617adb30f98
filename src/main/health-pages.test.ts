import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { healthPages } from './health-pages.ts';

describe('the pages of a process without a REST API', () => {
  let ready = true;
  const serve = healthPages({
    whose: 'a worker',
    status: () => ({ ready, running: 3 }),
    registry: new Registry(),
    pages: { '/jobs': () => ({ jobs: { 'default/a': 2 } }) },
  });
  const get = async (path: string) => {
    const answer = await serve(new Request(`http://localhost${path}`));
    return { status: answer.status, body: await answer.text() };
  };

  it('shows its status, and with 503 when it is not ready', async () => {
    assert.deepEqual(await get('/readyz'), { status: 200, body: '{"ready":true,"running":3}' });
    ready = false;
    assert.equal((await get('/readyz')).status, 503);
    assert.equal((await get('/healthz')).status, 200);
  });

  it('has the pages that it was given', async () => {
    assert.deepEqual(await get('/jobs'), { status: 200, body: '{"jobs":{"default/a":2}}' });
  });

  it('names all its pages to who asks for another', async () => {
    const { status, body } = await get('/job');
    assert.equal(status, 404);
    assert.equal(JSON.parse(body).detail, 'a worker has /healthz, /readyz, /jobs and /metrics');
  });
});
