import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { dump } from 'js-yaml';
import { Api, manifest } from '../../../test/support/api.ts';

const path = (name = '', namespace = 'default') => `/api/v1/namespaces/${namespace}/calendars${name && `/${name}`}`;
const jobPath = (name: string) => `/api/v1/namespaces/default/jobs/${name}`;
const calendar = (name: string, spec: Record<string, unknown>) => ({ kind: 'Calendar', metadata: { name }, spec });
const ics = { 'content-type': 'text/calendar; charset=utf-8' };
const holidays = readFileSync(new URL('../../../test/fixtures/icalendar/holidays.ics', import.meta.url), 'utf8');

describe('calendars over REST', () => {
  let api: Api;
  before(async () => {
    api = await Api.open();
  });
  after(() => api.close());

  const create = async (name: string, spec: Record<string, unknown> = { dates: ['2026-03-03'] }) => {
    const answer = await api.send('POST', path(), calendar(name, spec));
    assert.equal(answer.status, 201, JSON.stringify(answer.json));
    return answer.json;
  };
  const createJob = async (name: string, spec: Record<string, unknown>) => {
    const answer = await api.send('POST', '/api/v1/namespaces/default/jobs', manifest(name, spec));
    assert.equal(answer.status, 201, JSON.stringify(answer.json));
    return answer.json;
  };

  it('are created with every default, shown with the jobs that name them, and listed', async () => {
    const answer = await api.send('POST', path('', 'shop'), dump(calendar('first', { dates: ['2026-12-25'] })), {
      'content-type': 'application/yaml',
    });
    assert.equal(answer.status, 201);
    assert.equal(answer.headers.get('location'), '/api/v1/namespaces/shop/calendars/first');
    assert.equal(answer.headers.get('etag'), '"1"');
    assert.deepEqual(answer.json, {
      apiVersion: 'cronmesh.io/v1alpha1',
      kind: 'Calendar',
      metadata: {
        name: 'first',
        namespace: 'shop',
        labels: {},
        annotations: {},
        revision: 1,
        creationTimestamp: '2026-03-01T12:00:00Z',
      },
      spec: { timeZone: 'UTC', dates: ['2026-12-25'], ranges: [], weekly: [] },
      status: { updatedAt: '2026-03-01T12:00:00Z', usedBy: [] },
    });
    await api.send('POST', path('', 'shop'), calendar('second', { weekly: [{ days: ['Sat', 'Sun'] }] }));
    const first = await api.send('GET', `${path('', 'shop')}?limit=1`);
    assert.deepEqual(
      first.json.items.map((item: { metadata: { name: string } }) => item.metadata.name),
      ['first'],
    );
    const second = await api.send('GET', `${path('', 'shop')}?limit=1&cursor=${first.json.next}`);
    assert.deepEqual(
      second.json.items.map((item: { metadata: { name: string } }) => item.metadata.name),
      ['second'],
    );
    assert.equal((await api.send('GET', '/api/v1/calendars?namespace=shop')).json.items.length, 2);
  });

  it('are replaced from the revision that was read only, and what was read can be sent back', async () => {
    const created = await create('replaced');
    assert.equal(
      (await api.send('PUT', path('replaced'), calendar('replaced', { dates: ['2026-03-04'] }))).status,
      428,
    );
    const same = await api.send('PUT', path('replaced'), created);
    assert.deepEqual([same.status, same.json.metadata.revision], [200, 1]);
    const other = { ...created, spec: { dates: ['2026-03-04'] } };
    const changed = await api.send('PUT', path('replaced'), other);
    assert.deepEqual([changed.status, changed.json.metadata.revision], [200, 2]);
    assert.deepEqual([(await api.send('PUT', path('replaced'), other)).status], [412]);
    const put = await api.send('PUT', path('put'), calendar('put', { dates: ['2026-03-04'] }));
    assert.equal(put.status, 201);
  });

  it('refuse a job that names one that is not there, and tell those that are', async () => {
    await create('bank-holidays');
    const wrong = manifest('lost', { calendars: { exclude: ['bank-holiday'] } });
    const { status, json } = await api.send('POST', '/api/v1/namespaces/default/jobs', wrong);
    assert.deepEqual([status, json.code], [400, 'InvalidInput']);
    assert.deepEqual(json.errors, [
      {
        field: 'spec.calendars.exclude[0]',
        value: '"bank-holiday"',
        message: json.errors[0].message,
      },
    ]);
    assert.match(json.errors[0].message, /^is no calendar of the namespace default; did you mean "bank-holidays"\?/);
  });

  it('are not deleted while a job names them', async () => {
    await create('named');
    await createJob('names-it', { calendars: { exclude: ['named'] } });
    const refused = await api.send('DELETE', path('named'));
    assert.deepEqual([refused.status, refused.json.code], [409, 'Conflict']);
    assert.match(refused.json.detail, /is named by the job names-it; take it out of spec\.calendars there first/);
    assert.deepEqual((await api.send('GET', path('named'))).json.status.usedBy, ['names-it']);
    await api.send('DELETE', jobPath('names-it'));
    assert.equal((await api.send('DELETE', path('named'))).status, 204);
    assert.equal((await api.send('GET', path('named'))).status, 404);
  });

  it('take times out of jobs: next and why tell which, and by what', async () => {
    await create('holidays', { timeZone: 'Europe/Berlin', dates: ['2026-03-03'], weekly: [{ days: ['Sat', 'Sun'] }] });
    await createJob('nightly', {
      schedule: '0 3 * * *',
      timeZone: 'Europe/Berlin',
      calendars: { exclude: ['holidays'] },
      endAt: '2026-03-10T00:00:00Z',
    });
    const { json } = await api.send('GET', `${jobPath('nightly')}/next?count=5&excluded=true`);
    assert.deepEqual(json.items, [
      '2026-03-02T02:00:00Z',
      '2026-03-04T02:00:00Z',
      '2026-03-05T02:00:00Z',
      '2026-03-06T02:00:00Z',
      '2026-03-09T02:00:00Z',
    ]);
    assert.deepEqual(json.excluded, [
      {
        at: '2026-03-03T02:00:00Z',
        calendar: 'holidays',
        reason: 'calendar holidays excludes it (2026-03-03)',
      },
      { at: '2026-03-07T02:00:00Z', calendar: 'holidays', reason: 'calendar holidays excludes it (Sat,Sun)' },
      { at: '2026-03-08T02:00:00Z', calendar: 'holidays', reason: 'calendar holidays excludes it (Sat,Sun)' },
    ]);
    assert.equal((await api.send('GET', `${jobPath('nightly')}/next`)).json.excluded, undefined);
    const late = await api.send('GET', `${jobPath('nightly')}/next?count=2&excluded=true&from=2026-03-09T12:00:00Z`);
    assert.deepEqual(late.json.items, []);
    assert.deepEqual(late.json.excluded[0], {
      at: '2026-03-10T02:00:00Z',
      reason: 'it is after endAt (2026-03-10T00:00:00Z)',
    });

    api.now = Date.parse('2026-03-04T12:00:00Z');
    const why = await api.send('GET', `${jobPath('nightly')}/why?at=2026-03-03+03:00`);
    assert.equal(why.json.outcome, 'LeftOut');
    assert.equal(
      why.json.message,
      '2026-03-03T02:00:00Z (2026-03-03 03:00 in Europe/Berlin) of default/nightly falls out: calendar holidays excludes it (2026-03-03); the next is 2026-03-04T02:00:00Z',
    );
    api.now = Date.parse('2026-03-01T12:00:00Z');
  });

  it('change the ticks of every job that names them, from then on', async () => {
    const created = await create('moving', { dates: ['2026-03-02'] });
    const before = await createJob('moved', { schedule: '0 3 * * *', calendars: { exclude: ['moving'] } });
    assert.equal(before.status.nextTick, '2026-03-03T03:00:00Z');
    api.now += 60_000;
    const { length } = api.publishing.published;
    const changed = await api.send('PUT', path('moving'), { ...created, spec: { dates: ['2026-03-03'] } });
    assert.equal(changed.status, 200);
    assert.deepEqual(api.publishing.published.slice(length), ['default/moved']);
    const after = (await api.send('GET', jobPath('moved'))).json;
    assert.equal(after.metadata.revision, 2);
    assert.deepEqual([after.status.floor, after.status.nextTick], ['2026-03-01T12:01:00Z', '2026-03-02T03:00:00Z']);
    api.clockOk = false;
    const refused = await api.send('PUT', path('moving'), { ...changed.json, spec: { dates: ['2026-03-05'] } });
    assert.equal(refused.status, 503);
    api.clockOk = true;
    api.now -= 60_000;
  });

  it('bound backfills too: what falls out gets no run', async () => {
    await create('quiet', { dates: ['2026-02-02', '2026-02-03'] });
    await createJob('filled', { schedule: '0 3 * * *', calendars: { exclude: ['quiet'] } });
    const range = { from: '2026-02-01T00:00:00Z', to: '2026-02-06T00:00:00Z' };
    const { status, json } = await api.send('POST', `${jobPath('filled')}/backfills`, range);
    assert.deepEqual([status, json.total, json.nextTick], [201, 3, '2026-02-01T03:00:00Z']);
    const stored = await api.store.getBackfill(json.id);
    assert.deepEqual(stored?.schedule.calendars?.[0]?.spec.dates, ['2026-02-02', '2026-02-03']);
  });

  it('say when a jittered tick comes', async () => {
    const job = await createJob('jittered', { schedule: '0 3 * * *', jitterSeconds: 3_600 });
    const { nextTick } = job.status;
    assert.match(nextTick, /^2026-03-02T03:/);
    assert.notEqual(nextTick, '2026-03-02T03:00:00Z');
    const why = (await api.send('GET', `${jobPath('jittered')}/why?at=2026-03-02T03:00:00Z`)).json;
    assert.deepEqual([why.tick, why.exact, why.outcome], [nextTick, true, 'Future']);
  });

  describe('import', () => {
    it('makes one of an iCalendar file, notes its window, and keeps labels when it is done again', async () => {
      const query = '?from=2026-01-01&to=2027-06-01';
      const answer = await api.send('POST', `${path('imported')}/import${query}`, holidays, ics);
      assert.equal(answer.status, 201, JSON.stringify(answer.json));
      assert.equal(answer.json.spec.timeZone, 'Europe/Berlin');
      assert.ok(answer.json.spec.ranges.some(({ from }: { from: string }) => from === '2026-12-25'));
      assert.deepEqual(answer.json.metadata.annotations, { 'cronmesh.io/icalendar-window': '2026-01-01/2027-06-01' });
      const labelled = { ...answer.json, metadata: { ...answer.json.metadata, labels: { team: 'ops' } } };
      assert.equal((await api.send('PUT', path('imported'), labelled)).json.metadata.revision, 2);
      const again = await api.send('PUT', `${path('imported')}${query}`, holidays, ics);
      assert.deepEqual(
        [again.status, again.json.metadata.revision, again.json.metadata.labels],
        [200, 2, { team: 'ops' }],
      );
      const wide = await api.send('POST', `${path('imported')}/import`, holidays, ics);
      assert.deepEqual(wide.json.metadata.annotations, { 'cronmesh.io/icalendar-window': '2025-03-01/2031-03-01' });
      assert.equal(wide.json.metadata.revision, 3);
    });

    it('refuses what is no such file, with its line, and a window that is none', async () => {
      const send = async (query: string, text: string, headers = ics) => {
        const { status, json } = await api.send('POST', `${path('wrong')}/import${query}`, text, headers);
        return [status, json.detail] as const;
      };
      assert.deepEqual(await send('', 'hello'), [400, 'iCalendar line 1 is no property: "hello" (wanted NAME:value)']);
      assert.deepEqual(await send('?from=2027-01-01&to=2026-01-01', holidays), [
        400,
        'query parameter to must be after from (2027-01-01)',
      ]);
      assert.deepEqual(await send('?from=soon', holidays), [
        400,
        'query parameter from must be a date (2026-12-25) or an instant as RFC 3339',
      ]);
      assert.equal((await send('', '{}', { 'content-type': 'application/json' }))[0], 415);
      assert.equal((await api.send('POST', `${path('Wrong')}/import`, holidays, ics)).status, 400);
    });
  });

  // What is said of each field: test/bad-input.
  describe('wrong input', () => {
    it('is what is larger than a calendar may be', async () => {
      const dates = Array.from({ length: 5_000 }, (_, i) => new Date(i * 86_400_000).toISOString().slice(0, 10));
      const { status, json } = await api.send(
        'POST',
        path(),
        calendar('large', {
          dates,
          ranges: [
            { from: '2026-01-01', to: '2026-01-02' },
            ...Array.from({ length: 40 }, () => ({ from: '2026-01-01', to: '2026-01-02' })),
          ],
        }),
      );
      assert.equal(status, 400);
      assert.match(json.detail, /^spec is too large: \d+ bytes as JSON, and at most 65536 are allowed/);
    });
  });
});
