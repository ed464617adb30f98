import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { dump } from 'js-yaml';
import { Api } from '../support/api.ts';
import { job, lines } from './row.ts';
import { tables } from './tables.ts';

/** As JSON where it can say it; NaN and the infinities only YAML can. */
function written(manifest: unknown): { readonly body: string; readonly type: string } {
  const body = JSON.stringify(manifest);
  const whole = isDeepStrictEqual(JSON.parse(body), withoutUndefined(manifest));
  return whole
    ? { body, type: 'application/json' }
    : { body: dump(manifest, { skipInvalid: true }), type: 'application/yaml' };
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, part]) => part !== undefined);
  return Object.fromEntries(kept.map(([name, part]) => [name, withoutUndefined(part)]));
}

describe('a wrong manifest sent to the REST API', () => {
  let api: Api;
  before(async () => {
    api = await Api.open();
  });
  after(() => api.close());

  const noTrace = async (): Promise<void> => {
    assert.deepEqual((await api.store.listJobs({ limit: 1 })).items, []);
    assert.deepEqual((await api.store.listCalendars({ limit: 1 })).items, []);
    assert.deepEqual(await api.store.pendingPublications(1), []);
    assert.deepEqual(api.publishing.published, []);
  };

  for (const { kind, path, rows } of tables) {
    for (const [what, manifest, says] of rows) {
      it(`is refused, and leaves nothing behind: a ${kind}, ${what}`, async () => {
        const { body, type } = written(manifest);
        const { status, headers, json } = await api.send('POST', path, body, { 'content-type': type });
        assert.deepEqual(
          [status, headers.get('content-type'), json.status, json.code],
          [400, 'application/problem+json', 400, 'InvalidInput'],
        );
        assert.deepEqual(lines(json.errors), says);
        await noTrace();
      });
    }
  }

  it('a right one is taken, by the same way', async () => {
    await noTrace();
    const { body, type } = written(job());
    assert.equal((await api.send('POST', '/api/v1/jobs', body, { 'content-type': type })).status, 201);
    assert.equal((await api.store.listJobs({ limit: 1 })).items.length, 1);
    assert.equal((await api.store.pendingPublications(1)).length, 1);
  });
});
