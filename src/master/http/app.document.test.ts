import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Counter } from 'prom-client';
import { Api } from '../../../test/support/api.ts';
import type { WorkerId } from '../../domain/run/run.ts';

describe('what is served beside jobs and runs', () => {
  let api: Api;
  before(async () => {
    api = await Api.open();
  });
  after(() => api.close());

  it('the OpenAPI document lists every route, and no other', async () => {
    const { json } = await api.send('GET', '/openapi.json');
    assert.equal(json.openapi, '3.1.0');
    const documented = Object.entries(json.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`),
    );
    const pages = /^\/($|ui\/|docs|openapi\.json)/;
    const served = api.app.routes
      .filter(route => route.method !== 'ALL' && !pages.test(route.path))
      .map(route => `${route.method} ${route.path.replaceAll(/:(\w+)/g, '{$1}')}`);
    assert.deepEqual([...new Set(documented)].sort(), [...new Set(served)].sort());
    assert.ok(documented.includes('PATCH /api/v1/namespaces/{namespace}/jobs/{name}'));
  });

  it('the document holds together', async () => {
    const { json, text } = await api.send('GET', '/openapi.json');
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      assert.ok(json.components.schemas[name ?? ''], `${name} is defined`);
    }
    for (const [path, methods] of Object.entries(json.paths as Record<string, Record<string, Operation>>)) {
      for (const operation of Object.values(methods)) {
        assert.ok(operation.summary, `${path} says what it does`);
        assert.ok(Object.keys(operation.responses).length > 0);
        const declared = (operation.parameters ?? []).filter(one => one.in === 'path').map(one => one.name);
        const used = [...path.matchAll(/\{(\w+)\}/g)].map(match => match[1] ?? '');
        assert.deepEqual(declared.sort(), used.sort(), `${path}: its parameters`);
        if (!path.startsWith('/api/')) continue;
        for (const status of ['401', '403', '429', '503', 'default']) {
          assert.ok(operation.responses[status], `${path} may answer ${status}`);
        }
      }
    }
    const { JobSpec } = json.components.schemas;
    assert.deepEqual(JobSpec.required, ['schedule', 'executor']);
    assert.equal(JobSpec.additionalProperties, false);
  });

  it('no workers while Consul does not answer: none known is not none there', async () => {
    const blind = await Api.open({ workers: { current: false, list: () => [] } });
    const { status, json } = await blind.send('GET', '/api/v1/workers');
    assert.equal(status, 503);
    assert.match((json as { detail: string }).detail, /Consul does not answer/);
    await blind.close();
  });

  it('workers, as the catalog shows them', async () => {
    const worker = {
      id: 'w-1-abc' as WorkerId,
      name: 'w-1',
      node: 'n',
      address: '10.0.0.1',
      port: 8081,
      labels: { zone: 'a' },
      capacity: 10,
      executors: ['shell', 'module', 'custom'] as const,
      modules: ['send-mail'],
      customs: ['sql'],
      kubernetes: false,
      version: '1',
      startedAt: Date.parse('2026-03-01T12:00:00Z'),
      ready: true,
      checks: { alive: 'passing' as const },
    };
    api.workers = [{ ...worker, catalog: 'not for the outside' }];
    assert.deepEqual((await api.send('GET', '/api/v1/workers')).json, {
      items: [{ ...worker, startedAt: '2026-03-01T12:00:00Z' }],
    });
  });

  it('health, readiness and metrics', async () => {
    assert.deepEqual(
      [(await api.send('GET', '/healthz')).status, (await api.send('GET', '/readyz')).status],
      [200, 200],
    );
    api.readiness = { ready: false, reasons: ['the database does not answer'] };
    const { status, json } = await api.send('GET', '/readyz');
    assert.deepEqual([status, json], [503, { ready: false, reasons: ['the database does not answer'] }]);
    new Counter({ name: 'cronmesh_test_total', help: 'x', registers: [api.registry] }).inc();
    const metrics = await api.send('GET', '/metrics');
    assert.match(metrics.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    assert.match(metrics.text, /^cronmesh_test_total 1$/m);
  });

  it('every file of the page, with nothing from elsewhere', async () => {
    const page = await api.send('GET', '/');
    assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
    assert.match(page.headers.get('content-security-policy') ?? '', /^default-src 'self';/);
    const ui = fileURLToPath(new URL('../../ui/', import.meta.url));
    for (const file of globSync('*.{js,css,svg}', { cwd: ui }).filter(name => name !== 'docs.js')) {
      assert.equal((await api.send('GET', `/ui/${file}`)).status, 200, file);
    }
    assert.ok(!/(src|href)="(https?:)?\/\//.test(page.text));
    assert.equal((await api.send('GET', '/ui/..%2fapp.js')).status, 404);
    assert.equal((await api.send('GET', '/ui/tsconfig.json')).status, 404);
  });

  it('the documentation page, from here too', async () => {
    const docs = await api.send('GET', '/docs');
    for (const [, path] of docs.text.matchAll(/(?:src|href)="([^"]+)"/g)) {
      assert.equal((await api.send('GET', path ?? '')).status, 200, path);
    }
  });

  it('files are asked for again, and sent only when they changed', async () => {
    const first = await api.send('GET', '/ui/style.css');
    const tag = first.headers.get('etag') ?? '';
    const again = await api.send('GET', '/ui/style.css', undefined, { 'if-none-match': tag });
    assert.deepEqual([again.status, again.text, again.headers.get('cache-control')], [304, '', 'no-cache']);
  });

  it('answers of the API are not stored by anyone', async () => {
    const { headers } = await api.send('GET', '/api/v1/jobs');
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
  });
});

interface Operation {
  readonly summary?: string;
  readonly responses: Record<string, unknown>;
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
}
