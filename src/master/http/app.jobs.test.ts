import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { dump } from 'js-yaml';
import { Api, manifest } from '../../../test/support/api.ts';
import { validateManifest } from '../../domain/job/validate.ts';

const path = (name = '', namespace = 'default') => `/api/v1/namespaces/${namespace}/jobs${name && `/${name}`}`;

describe('jobs over REST', () => {
  let api: Api;
  before(async () => {
    api = await Api.open();
  });
  after(() => api.close());

  const create = async (name: string, spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}) => {
    const { status, json } = await api.send('POST', path(), manifest(name, spec, metadata));
    assert.equal(status, 201);
    return json;
  };

  describe('creating', () => {
    it('answers the whole job, its place and its tag, and publishes it', async () => {
      const answer = await api.send('POST', path('', 'shop'), manifest('new', { timeZone: 'Europe/Berlin' }));
      assert.equal(answer.status, 201);
      assert.equal(answer.headers.get('location'), '/api/v1/namespaces/shop/jobs/new');
      assert.equal(answer.headers.get('etag'), '"1"');
      const { metadata, spec, status, ...kind } = answer.json;
      assert.deepEqual(kind, { apiVersion: 'cronmesh.io/v1alpha1', kind: 'CronJob' });
      assert.equal(metadata.creationTimestamp, '2026-03-01T12:00:00Z');
      assert.match(metadata.uid, /^[a-z0-9]{16}$/);
      assert.equal(spec.misfirePolicy, 'Skip');
      assert.deepEqual(status, {
        source: 'api',
        updatedAt: '2026-03-01T12:00:00Z',
        floor: '2026-03-01T12:00:00Z',
        eligibleWorkers: 0,
        problems: ['no ready worker matches (executor shell)'],
        nextTick: '2026-03-02T02:00:00Z',
      });
      assert.ok(api.publishing.published.includes('shop/new'));
    });

    it('takes YAML, and the namespace of the metadata', async () => {
      const yaml = dump(manifest('from-yaml', {}, { namespace: 'elsewhere', labels: { team: 'a' } }));
      const answer = await api.send('POST', '/api/v1/jobs', yaml, {
        'content-type': 'application/yaml; charset=utf-8',
      });
      assert.equal(answer.status, 201);
      assert.equal(answer.json.metadata.namespace, 'elsewhere');
      assert.deepEqual(answer.json.metadata.labels, { team: 'a' });
    });

    it('refuses a second one of the same name', async () => {
      await create('twice');
      const { status, json } = await api.send('POST', path(), manifest('twice'));
      assert.deepEqual(
        [status, json.code, json.detail],
        [409, 'AlreadyExists', 'the job default/twice exists already'],
      );
    });

    it('writes nothing on bad input', async () => {
      const { status, json } = await api.send('POST', path(), manifest('bad', { schedule: '61 * * * *' }));
      assert.deepEqual([status, json.code, json.errors[0].field], [400, 'InvalidInput', 'spec.schedule']);
      assert.equal((await api.send('GET', path('bad'))).status, 404);
      assert.ok(!api.publishing.published.includes('default/bad'));
    });

    it('succeeds though Consul is away: the outbox has it', async () => {
      api.publishing.fail = new Error('no quorum');
      await create('unpublished');
      api.publishing.fail = undefined;
      const waiting = await api.store.pendingPublications(1_000);
      assert.ok(waiting.some(publication => publication.name === 'unpublished'));
    });
  });

  describe('replacing', () => {
    it('creates what is missing', async () => {
      const { status, headers } = await api.send('PUT', path('put-new'), { spec: manifest('x').spec });
      assert.deepEqual([status, headers.get('location')], [201, '/api/v1/namespaces/default/jobs/put-new']);
    });

    it('needs a precondition on what exists', async () => {
      await create('guarded');
      const { status, json } = await api.send('PUT', path('guarded'), manifest('guarded', { schedule: '@daily' }));
      assert.deepEqual([status, json.code], [428, 'PreconditionRequired']);
      assert.match(json.detail, /If-Match with its ETag \("1"\)/);
    });

    it('follows If-Match', async () => {
      await create('matched');
      const put = (schedule: string, tag: string) =>
        api.send('PUT', path('matched'), manifest('matched', { schedule }), { 'if-match': tag });
      const first = await put('@daily', '"1"');
      assert.deepEqual([first.status, first.headers.get('etag'), first.json.metadata.revision], [200, '"2"', 2]);
      const stale = await put('@weekly', '"1"');
      assert.deepEqual([stale.status, stale.json.code], [412, 'StaleRevision']);
      assert.match(stale.json.detail, /is at revision 2, not 1/);
      assert.equal((await put('@weekly', '"7", "2"')).status, 200);
      assert.equal((await put('@monthly', '*')).headers.get('etag'), '"4"');
      assert.equal((await put('@monthly', 'W/"4"')).json.errors[0].field, 'If-Match');
    });

    it('of a missing job with If-Match fails, and so does If-None-Match: * of one that exists', async () => {
      const missing = await api.send('PUT', path('missing'), manifest('missing'), { 'if-match': '"1"' });
      assert.deepEqual([missing.status, missing.json.code], [412, 'StaleRevision']);
      await create('present');
      const present = await api.send('PUT', path('present'), manifest('present'), { 'if-none-match': '*' });
      assert.deepEqual([present.status, present.json.detail], [412, 'the job default/present exists already']);
      assert.equal((await api.send('PUT', path('absent'), manifest('absent'), { 'if-none-match': '*' })).status, 201);
    });

    it('takes back what was read, as it was read, and its revision as If-Match', async () => {
      await create('round', {}, { labels: { a: 'b' }, annotations: { note: 'x' } });
      const read = (await api.send('GET', path('round'))).json;
      const same = await api.send('PUT', path('round'), read);
      assert.deepEqual([same.status, same.json.metadata.revision], [200, 1]);
      read.spec.timeoutSeconds = 5;
      assert.equal((await api.send('PUT', path('round'), read)).json.metadata.revision, 2);
      const stale = await api.send('PUT', path('round'), read);
      assert.deepEqual([stale.status, stale.json.code], [412, 'StaleRevision']);
    });

    it('does not mistake a later job of the same name for the one that was read', async () => {
      const old = await create('reborn');
      await api.send('DELETE', path('reborn'));
      await create('reborn');
      const { status, json } = await api.send('PUT', path('reborn'), old);
      assert.equal(status, 412);
      assert.match(json.detail, /was deleted and made again/);
    });

    it('with the same content makes no new revision, and stamps no floor', async () => {
      await create('same', { suspend: false });
      api.now += 60_000;
      const published = api.publishing.published.length;
      const { json } = await api.send('PUT', path('same'), manifest('same'), { 'if-match': '*' });
      assert.deepEqual([json.metadata.revision, json.status.floor], [1, '2026-03-01T12:00:00Z']);
      assert.equal(api.publishing.published.length, published);
      api.now -= 60_000;
    });
  });

  describe('patching', () => {
    it('changes what is named and leaves the rest', async () => {
      await create('patched', { timeoutSeconds: 9 }, { labels: { a: '1', b: '2' } });
      const patch = { metadata: { labels: { a: null } }, spec: { schedule: '@hourly' } };
      const { status, json } = await api.send('PATCH', path('patched'), patch, {
        'content-type': 'application/merge-patch+json',
      });
      assert.equal(status, 200);
      assert.deepEqual(json.metadata.labels, { b: '2' });
      assert.deepEqual([json.spec.schedule, json.spec.timeoutSeconds], ['@hourly', 9]);
    });

    it('sets back to the default with null, and changes the executor', async () => {
      await create('unset', { timeoutSeconds: 9 });
      const executor = { shell: null, http: { url: 'https://example.com' } };
      const { json } = await api.send('PATCH', path('unset'), { spec: { timeoutSeconds: null, executor } });
      assert.equal(json.spec.timeoutSeconds, 3_600);
      assert.deepEqual(Object.keys(json.spec.executor), ['http']);
    });

    it('is judged as a whole, and writes nothing when it is wrong', async () => {
      await create('limited', { maxConcurrentRuns: 3 });
      const wrong = await api.send('PATCH', path('limited'), { spec: { concurrencyPolicy: 'Forbid' } });
      assert.deepEqual([wrong.status, wrong.json.errors[0].field], [400, 'spec.maxConcurrentRuns']);
      assert.equal((await api.send('GET', path('limited'))).json.metadata.revision, 1);
    });

    it('cannot rename, and a patch too deep is refused', async () => {
      await create('fixed');
      const renamed = await api.send('PATCH', path('fixed'), { metadata: { name: 'other' } });
      assert.equal(renamed.json.errors[0].message, 'must be "fixed", as in the address, or be left out');
      const deep = `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`;
      const { status, json } = await api.send('PATCH', path('fixed'), deep, { 'content-type': 'application/json' });
      assert.deepEqual([status, json.code], [400, 'MalformedBody']);
    });

    it('follows If-Match', async () => {
      await create('patch-match');
      const body = { spec: { schedule: '@daily' } };
      assert.equal((await api.send('PATCH', path('patch-match'), body, { 'if-match': '"9"' })).status, 412);
      assert.equal((await api.send('PATCH', path('patch-match'), body, { 'if-match': '"1"' })).status, 200);
    });

    it('of a missing job is 404', async () => {
      assert.equal((await api.send('PATCH', path('nobody'), { spec: {} })).json.code, 'NotFound');
    });
  });

  describe('suspending and resuming', () => {
    it('never fires what lay between', async () => {
      await create('paused', { schedule: '* * * * *' });
      const suspended = await api.send('POST', path('paused/suspend'));
      assert.deepEqual([suspended.json.spec.suspend, suspended.json.status.nextTick], [true, undefined]);
      assert.deepEqual((await api.send('GET', path('paused/next'))).json.items, []);
      api.now += 600_500;
      const resumed = await api.send('POST', path('paused/resume'));
      assert.equal(resumed.json.status.floor, '2026-03-01T12:10:00.500Z');
      assert.equal(resumed.json.status.nextTick, '2026-03-01T12:11:00Z');
      assert.equal(resumed.json.metadata.revision, 3);
      assert.equal((await api.send('POST', path('paused/resume'))).json.metadata.revision, 3);
      api.now -= 600_500;
    });

    it('of a missing job is 404', async () => {
      assert.equal((await api.send('POST', path('nobody/suspend'))).status, 404);
      assert.equal((await api.send('POST', path('nobody/resume'))).status, 404);
    });
  });

  describe('deleting', () => {
    it('follows If-Match, publishes, and is done once', async () => {
      await create('gone');
      assert.equal((await api.send('DELETE', path('gone'), undefined, { 'if-match': '"2"' })).status, 412);
      const deleted = await api.send('DELETE', path('gone'), undefined, { 'if-match': '"1"' });
      assert.deepEqual([deleted.status, deleted.text], [204, '']);
      const again = await api.send('DELETE', path('gone'));
      assert.deepEqual([again.status, again.json.detail], [404, 'there is no job default/gone']);
      assert.equal(api.publishing.published.filter(key => key === 'default/gone').length, 2);
    });
  });

  describe('jobs of Kubernetes', () => {
    it('are changed there, and run from here', async () => {
      const valid = validateManifest(manifest('from-k8s'));
      await api.jobs.create(valid, 'kubernetes');
      for (const [method, target, body] of [
        ['PATCH', 'from-k8s', { spec: { schedule: '@daily' } }],
        ['DELETE', 'from-k8s', undefined],
        ['POST', 'from-k8s/suspend', undefined],
      ] as const) {
        const { status, json } = await api.send(method, path(target), body);
        assert.deepEqual([status, json.code], [409, 'Conflict']);
        assert.match(json.detail, /kubectl edit mcj -n default from-k8s/);
      }
      assert.equal((await api.send('POST', path('from-k8s/trigger'))).status, 202);
    });
  });

  describe('next ticks', () => {
    it('are as many as asked for, from when asked for', async () => {
      await create('ticking', { schedule: '30 2 * * *', timeZone: 'Europe/Berlin' });
      const { json } = await api.send('GET', path('ticking/next?count=2&from=2026-03-28T12:00:00Z'));
      assert.deepEqual(json, {
        items: ['2026-03-29T01:00:00Z', '2026-03-30T00:30:00Z'],
        schedule: '30 2 * * *',
        timeZone: 'Europe/Berlin',
        suspended: false,
      });
      assert.equal((await api.send('GET', path('ticking/next'))).json.items.length, 5);
      assert.equal((await api.send('GET', path('nobody/next'))).status, 404);
    });
  });

  describe('while the clock is off', () => {
    it('nothing is stamped: 503, and reading goes on', async () => {
      await create('stamped');
      api.clockOk = false;
      for (const [method, target, body] of [
        ['POST', '', manifest('late')],
        ['PATCH', 'stamped', { spec: { schedule: '@daily' } }],
        ['POST', 'stamped/suspend', undefined],
        ['POST', 'stamped/trigger', undefined],
        ['DELETE', 'stamped', undefined],
      ] as const) {
        const { status, json, headers } = await api.send(method, path(target), body);
        assert.deepEqual([status, json.code, headers.get('retry-after')], [503, 'Unavailable', '1']);
      }
      assert.equal((await api.send('GET', path('stamped'))).status, 200);
      api.clockOk = true;
    });
  });
});

describe('lists of jobs', () => {
  let api: Api;
  before(async () => {
    api = await Api.open();
    for (let i = 0; i < 7; i++) {
      const labels = { team: i % 2 === 0 ? 'even' : 'odd', n: String(i) };
      await api.send('POST', path('', i < 5 ? 'a' : 'b'), manifest(`job-${i}`, {}, { labels }));
    }
  });
  after(() => api.close());

  const names = async (query: string) => {
    const { status, json } = await api.send('GET', query);
    assert.equal(status, 200);
    return json.items.map((job: { metadata: { name: string } }) => job.metadata.name);
  };

  it('page by cursor, each job once', async () => {
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const { json } = await api.send(
        'GET',
        `/api/v1/jobs?limit=3${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      seen.push(...json.items.map((job: { metadata: { name: string } }) => job.metadata.name));
      assert.ok(json.items.length <= 3);
      if (json.next === undefined) break;
      cursor = json.next;
    }
    assert.deepEqual(seen, ['job-0', 'job-1', 'job-2', 'job-3', 'job-4', 'job-5', 'job-6']);
  });

  it('filter by namespace, label and name', async () => {
    assert.deepEqual(await names('/api/v1/namespaces/b/jobs'), ['job-5', 'job-6']);
    assert.deepEqual(await names('/api/v1/jobs?namespace=b&label=team=even'), ['job-6']);
    assert.deepEqual(await names('/api/v1/jobs?label=team=even,n=2'), ['job-2']);
    assert.deepEqual(await names('/api/v1/jobs?label=team=even&label=n=4'), ['job-4']);
    assert.deepEqual(await names('/api/v1/jobs?search=b-3'), ['job-3']);
    assert.deepEqual(await names('/api/v1/namespaces/nowhere/jobs'), []);
  });

  it('show the next tick and the last run', async () => {
    const run = (await api.send('POST', '/api/v1/namespaces/a/jobs/job-1/trigger')).json;
    const { json } = await api.send('GET', '/api/v1/jobs?search=job-1');
    const [{ status }] = json.items;
    assert.equal(status.nextTick, '2026-03-02T03:00:00Z');
    assert.deepEqual([status.lastRun.id, status.lastRun.state], [run.id, 'Pending']);
  });

  it('refuse parameters that they do not know, and say which they do', async () => {
    const { status, json } = await api.send('GET', '/api/v1/jobs?lable=a=b&limit=0&label=x&cursor=%00');
    assert.equal(status, 400);
    assert.deepEqual(json.errors, [
      { field: 'label', value: '"x"', message: 'must be key=value, several separated by commas or given again' },
      { field: 'cursor', value: '"\\u0000"', message: 'must be text without NUL' },
      { field: 'limit', value: '"0"', message: 'must be at least 1' },
      {
        field: 'lable',
        value: '"a=b"',
        message: 'is not a known field; did you mean label? Allowed here: namespace, label, search, cursor, limit',
      },
    ]);
    const foreign = await api.send('GET', '/api/v1/jobs?cursor=bm90IG1pbmU');
    assert.deepEqual([foreign.status, foreign.json.errors[0].field], [400, 'cursor']);
  });
});
