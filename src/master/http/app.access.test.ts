import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { Api, manifest } from '../../../test/support/api.ts';
import { type LogLine, recordingLogger } from '../../../test/support/log-lines.ts';
import type { ApiRole, ApiToken } from '../../config/security.ts';
import { Access } from './access.ts';
import { ruleOf } from './authorize.ts';

const jobs = '/api/v1/namespaces/shop/jobs';

describe('access to REST', () => {
  const { logger, lines } = recordingLogger();
  let tokens: ApiToken[] = [];
  let api: Api;
  const token = (name: string, role: ApiRole, namespaces: string[]): ApiToken => ({
    name,
    role,
    namespaces,
    sha256: createHash('sha256').update(`secret-of-${name}`).digest('hex'),
  });
  const as = (name: string) => ({ authorization: `Bearer secret-of-${name}` });
  const send = async (name: string | undefined, method: string, path: string, body?: unknown) =>
    await api.send(method, path, body, name === undefined ? {} : as(name));
  const status = async (...given: Parameters<typeof send>) => (await send(...given)).status;

  before(async () => {
    tokens = [
      token('root', 'admin', ['*']),
      token('seller', 'editor', ['shop']),
      token('reader', 'viewer', ['shop', 'bank']),
      token('banker', 'editor', ['bank']),
    ];
    api = await Api.open({ access: new Access(() => tokens, { metrics: true }), logger });
    for (const namespace of ['shop', 'bank', 'mine']) {
      await send('root', 'POST', `/api/v1/namespaces/${namespace}/jobs`, manifest('one'));
      await send('root', 'POST', `/api/v1/namespaces/${namespace}/calendars`, {
        metadata: { name: 'free' },
        spec: { dates: ['2026-12-25'] },
      });
    }
  });
  after(() => api.close());

  it('refuses whoever has no token, or one that is not known: 401, said once', async () => {
    const { status: answered, json, headers } = await send(undefined, 'GET', '/api/v1/jobs');
    assert.deepEqual([answered, json.code], [401, 'Unauthorized']);
    assert.equal(headers.get('www-authenticate'), 'Bearer realm="cronmesh"');
    for (const given of ['Bearer wrong', 'Basic c2VjcmV0', 'Bearer', 'secret-of-root', `Bearer ${'x'.repeat(5_000)}`]) {
      assert.equal(
        (await api.send('POST', jobs, manifest('x'), { authorization: given })).status,
        401,
        given.slice(0, 30),
      );
    }
    assert.equal(await status(undefined, 'GET', '/api/v1/nowhere'), 401, 'nor does it tell what there is');
    const said = lines.filter((line: LogLine) => /^refused: the token is not known here/.test(line.msg));
    assert.equal(said.length, 1);
    assert.ok(!JSON.stringify(lines).includes('wrong'), 'and never shows what was sent');
  });

  it('leaves health, the page and the document open, and metrics where they are to be', async () => {
    for (const path of ['/healthz', '/readyz', '/', '/openapi.json'])
      assert.equal(await status(undefined, 'GET', path), 200);
    assert.deepEqual(
      [await status(undefined, 'GET', '/metrics'), await status('reader', 'GET', '/metrics')],
      [401, 200],
    );
    // Its own token is asked for, by another 401 or 403.
    assert.notEqual((await send(undefined, 'POST', '/api/v1/callbacks/abc-1/1', {})).status, 404);
  });

  it('lets viewers read and no more: 403 names the role', async () => {
    assert.equal(await status('reader', 'GET', `${jobs}/one`), 200);
    for (const [method, path] of [
      ['POST', jobs],
      ['DELETE', `${jobs}/one`],
      ['POST', `${jobs}/one/trigger`],
      ['POST', '/api/v1/namespaces/shop/freeze'],
    ] as const) {
      const { status: answered, json } = await send('reader', method, path, manifest('x'));
      assert.deepEqual([answered, json.code], [403, 'Forbidden'], path);
      assert.match(json.detail, /^the role editor is needed: reader is viewer$/);
    }
  });

  it('keeps a token to its namespaces: 403 names the namespace', async () => {
    assert.equal(await status('seller', 'POST', jobs, manifest('two')), 201);
    assert.equal(await status('seller', 'POST', '/api/v1/jobs', manifest('three', {}, { namespace: 'shop' })), 201);
    for (const [method, path, body] of [
      ['GET', '/api/v1/namespaces/bank/jobs', undefined],
      ['GET', '/api/v1/namespaces/bank/jobs/one', undefined],
      ['GET', '/api/v1/namespaces/%62ank/jobs/one', undefined],
      ['PUT', '/api/v1/namespaces/bank/jobs/x', manifest('x')],
      ['POST', '/api/v1/namespaces/bank/jobs/one/trigger', undefined],
      ['POST', '/api/v1/jobs', manifest('x', {}, { namespace: 'bank' })],
      ['POST', '/api/v1/jobs', manifest('x')],
      ['GET', '/api/v1/jobs?namespace=bank', undefined],
      ['GET', '/api/v1/runs?namespace=bank', undefined],
      ['GET', '/api/v1/calendars?namespace=bank', undefined],
      ['GET', '/api/v1/backfills?namespace=bank', undefined],
      ['GET', '/api/v1/notifications?namespace=bank', undefined],
      ['DELETE', '/api/v1/namespaces/bank/calendars/free', undefined],
      ['POST', '/api/v1/namespaces/bank/freeze', { reason: 'x' }],
    ] as const) {
      const { status: answered, json } = await send('seller', method, path, body);
      assert.deepEqual([answered, json.code], [403, 'Forbidden'], `${method} ${path}`);
      assert.match(json.detail, /^seller has no access to the namespace "(bank|default)"$/);
    }
  });

  it('shows lists of what a token may see alone, page by page', async () => {
    const seen = async (who: string, path: string) => {
      const found: string[] = [];
      for (let next: string | undefined = '', cursor = ''; next !== undefined; cursor = `&cursor=${next}`) {
        const { json } = await send(who, 'GET', `${path}?limit=1${cursor}`);
        found.push(
          ...json.items.map(
            (one: { metadata?: { namespace: string }; namespace?: string }) => one.metadata?.namespace ?? one.namespace,
          ),
        );
        next = json.next;
      }
      return [...new Set(found)].sort();
    };
    for (const namespace of ['shop', 'bank', 'mine']) {
      await send('root', 'POST', `/api/v1/namespaces/${namespace}/jobs/one/trigger`);
    }
    for (const list of ['/api/v1/jobs', '/api/v1/runs', '/api/v1/calendars']) {
      assert.deepEqual(await seen('root', list), ['bank', 'mine', 'shop'], list);
      assert.deepEqual(await seen('reader', list), ['bank', 'shop'], list);
      assert.deepEqual(await seen('banker', list), ['bank'], list);
    }
    assert.equal(await status('banker', 'GET', '/api/v1/notifications'), 200);
    assert.equal(await status('banker', 'GET', '/api/v1/backfills'), 200);
  });

  it('has no run for whoever may not see its namespace', async () => {
    const { json: run } = await send('root', 'POST', `${jobs}/one/trigger`);
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/logs'],
      ['GET', '/logs?follow=true'],
      ['GET', '/chain'],
      ['POST', '/kill'],
    ] as const) {
      const { status: answered, json } = await send('banker', method, `/api/v1/runs/${run.id}${path}`);
      assert.deepEqual([answered, json.code], [404, 'NotFound'], path);
    }
    const { json: killed, status: answered } = await send('seller', 'POST', `/api/v1/runs/${run.id}/kill`);
    assert.equal(answered, 202, JSON.stringify(killed));
    assert.equal(api.publishing.kills.at(-1)?.by ?? 'seller via REST', 'seller via REST');
  });

  it('leaves workers and everything at once to admins, and freezes of others unseen', async () => {
    for (const who of ['reader', 'seller']) {
      assert.equal(await status(who, 'POST', '/api/v1/workers/a/cordon', { reason: 'x' }), 403);
      assert.equal(await status(who, 'POST', '/api/v1/freeze', { reason: 'x' }), 403);
      assert.equal(await status(who, 'DELETE', '/api/v1/freeze'), 403);
      assert.equal(await status(who, 'GET', '/api/v1/workers'), 200);
    }
    await send('root', 'POST', '/api/v1/namespaces/mine/freeze', { reason: 'secret plan' });
    await send('seller', 'POST', '/api/v1/namespaces/shop/freeze', { reason: 'x' });
    const scopes = async (who: string) =>
      (await send(who, 'GET', '/api/v1/freeze')).json.items.map(
        (one: { scope: string; by: string }) => `${one.scope} ${one.by}`,
      );
    assert.deepEqual(await scopes('seller'), ['shop seller via REST']);
    assert.equal((await scopes('root')).length, 2);
  });

  it('takes tokens as they are now', async () => {
    const before = tokens;
    tokens = tokens.filter(one => one.name !== 'banker');
    assert.equal(await status('banker', 'GET', '/api/v1/jobs'), 401);
    tokens = before;
    assert.equal(await status('banker', 'GET', '/api/v1/jobs'), 200);
  });

  it('has a rule for each route; one without is for admins', () => {
    const routes = api.app.routes.filter(one => one.method !== 'ALL' && one.path.startsWith('/api/'));
    assert.ok(routes.length > 30);
    const closed = [
      ...new Set(
        routes.filter(one => ruleOf(one.method, one.path) === 'admin').map(one => `${one.method} ${one.path}`),
      ),
    ];
    assert.deepEqual(closed.sort(), [
      'DELETE /api/v1/freeze',
      'POST /api/v1/freeze',
      'POST /api/v1/workers/:name/cordon',
      'POST /api/v1/workers/:name/drain',
      'POST /api/v1/workers/:name/uncordon',
    ]);
    assert.equal(ruleOf('POST', '/api/v1/whatever'), 'admin');
  });
});
