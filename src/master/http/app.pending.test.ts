import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Api, manifest } from '../../../test/support/api.ts';

const jobs = '/api/v1/namespaces/default/jobs';

describe('runs that are asked for without end', () => {
  let api: Api;
  before(async () => {
    api = await Api.open({ most: { perJob: 3, total: 4 } });
    for (const name of ['a', 'b']) await api.send('POST', jobs, manifest(name));
  });
  after(() => api.close());
  const trigger = (name: string, body?: unknown) => api.send('POST', `${jobs}/${name}/trigger`, body);

  it('are refused with a code when as many of the job wait as may, delayed ones included', async () => {
    assert.equal((await trigger('a')).status, 202);
    assert.equal((await trigger('a', { delaySeconds: 60 })).status, 202);
    assert.equal((await trigger('a')).status, 202);
    const { status, json, headers } = await trigger('a');
    assert.deepEqual([status, json.code], [429, 'TooManyPending']);
    assert.match(json.detail, /3 runs of default\/a wait.*pending\.perJob is 3/);
    assert.match(headers.get('retry-after') ?? '', /^\d+$/);
    assert.equal((await api.store.pendingRuns(10)).length, 3, 'nothing was made');
  });

  it('are refused when as many of all jobs wait as may; a dry run is not', async () => {
    assert.equal((await trigger('b')).status, 202);
    const { status, json } = await trigger('b');
    assert.deepEqual([status, json.code], [429, 'TooManyPending']);
    assert.match(json.detail, /4 runs of all jobs wait.*pending\.total is 4/);
    assert.equal((await trigger('b', { dryRun: true })).status, 200);
  });

  it('are taken again once one has gone', async () => {
    const [waiting] = await api.store.pendingRuns(10);
    await api.store.cancelRun(waiting?.id ?? assert.fail(), 'not needed', api.now);
    assert.equal((await trigger('b')).status, 202);
  });
});
