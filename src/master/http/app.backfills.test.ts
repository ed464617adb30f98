import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Api, manifest } from '../../../test/support/api.ts';

const jobs = '/api/v1/namespaces/default/jobs';

describe('backfills over REST', () => {
  let api: Api;
  before(async () => {
    api = await Api.open();
    await api.send('POST', jobs, manifest('a', { schedule: '*/10 * * * *', timeZone: 'Asia/Tokyo' }));
    await api.send('POST', jobs, manifest('b', { schedule: '@manually' }));
    await api.send('POST', jobs, manifest('c', { schedule: '* * * * * *' }));
  });
  after(() => api.close());

  const day = { from: '2026-02-01T00:00:00Z', to: '2026-02-02T00:00:00Z' };
  const ask = (body: unknown, name = 'a') => api.send('POST', `${jobs}/${name}/backfills`, body);

  it('are asked for: 201, Running, with the number of ticks', async () => {
    const { status, json, headers } = await ask({ ...day, parallelism: 4, order: 'NewestFirst' });
    assert.equal(status, 201);
    assert.equal(headers.get('location'), `/api/v1/backfills/${json.id}`);
    assert.match(json.id, new RegExp(`^${json.jobUid}-b-[a-z0-9]{6}$`));
    assert.deepEqual(json, {
      id: json.id,
      jobUid: json.jobUid,
      namespace: 'default',
      name: 'a',
      ...day,
      parallelism: 4,
      order: 'NewestFirst',
      onlyMissing: true,
      schedule: '*/10 * * * *',
      state: 'Running',
      requestedAt: '2026-03-01T12:00:00Z',
      total: 144,
      done: 0,
      running: 0,
      succeeded: 0,
      failed: 0,
      skipped: 0,
      leftOut: 0,
      nextTick: '2026-02-01T23:50:00Z',
    });
    assert.deepEqual((await api.send('GET', `/api/v1/backfills/${json.id}`)).json, json);
  });

  it('take the beginning and leave out the end', async () => {
    const { json } = await ask({ from: '2026-02-01T00:10:00Z', to: '2026-02-01T00:20:00Z', onlyMissing: false });
    assert.deepEqual(
      [json.total, json.nextTick, json.parallelism, json.order, json.onlyMissing],
      [1, '2026-02-01T00:10:00Z', 1, 'OldestFirst', false],
    );
  });

  const wrong: readonly [body: unknown, field: string, message: RegExp][] = [
    [{ to: day.to }, 'from', /is needed: a string/],
    [{ from: day.from }, 'to', /is needed: a string/],
    [{ ...day, from: 'yesterday' }, 'from', /must be an instant as RFC 3339/],
    [{ ...day, to: 1 }, 'to', /must be a string; put it in quotes/],
    [{ from: day.to, to: day.from }, 'from', /must be before `to`/],
    [{ from: day.to, to: day.to }, 'from', /must be before `to`/],
    [{ ...day, to: '2026-03-01T12:00:01Z' }, 'to', /must not be in the future/],
    [{ ...day, parallelism: 0 }, 'parallelism', /must be at least 1/],
    [{ ...day, parallelism: 101 }, 'parallelism', /must be at most 100/],
    [{ ...day, parallelism: 1.5 }, 'parallelism', /must be a whole number/],
    [{ ...day, parallelism: '3' }, 'parallelism', /must be a (whole )?number/],
    [{ ...day, order: 'oldestFirst' }, 'order', /must be one of .*; did you mean "OldestFirst"\?/],
    [{ ...day, onlyMissing: 1 }, 'onlyMissing', /must be true or false/],
    [{ ...day, until: day.to }, 'until', /is not a known field/],
    [{ ...day, paralelism: 2 }, 'paralelism', /did you mean parallelism\?/],
    [[], '(document)', /must be a mapping/],
    [
      { from: '2026-02-01T00:01:00Z', to: '2026-02-01T00:02:00Z' },
      'from',
      /^no tick of the schedule "\*\/10 \* \* \* \*" lies in/,
    ],
  ];
  for (const [body, field, message] of wrong) {
    it(`refuse ${JSON.stringify(body).slice(0, 90)}`, async () => {
      const { status, json } = await ask(body);
      assert.deepEqual([status, json.code, json.errors?.[0]?.field], [400, 'InvalidInput', field]);
      assert.match(json.errors[0].message, message);
    });
  }

  it('refuse too many ticks, with their number, and a job that has none', async () => {
    const two = await ask({ from: '2026-02-01T00:00:00Z', to: '2026-02-02T12:00:00Z' }, 'c');
    assert.match(two.json.errors[0].message, /^129600 ticks of .* and at most 100000 may be asked for at once/);
    const all = await ask({ from: '2025-02-01T00:00:00Z', to: '2026-02-02T12:00:00Z' }, 'c');
    assert.match(all.json.errors[0].message, /^more than 1000000 ticks/);
    assert.match((await ask(day, 'b')).json.errors[0].message, /^no tick of the schedule "@manually"/);
    assert.equal((await ask({ ...day, from: '2026-02-01T20:13:20Z' }, 'c')).json.total, 13_600);
    assert.equal((await ask(day, 'nobody')).status, 404);
  });

  it('are refused while this master’s clock is off, and without a body', async () => {
    api.clockOk = false;
    assert.equal((await ask(day)).status, 503);
    api.clockOk = true;
    assert.equal((await api.send('POST', `${jobs}/a/backfills`)).status, 415);
  });

  it('are listed, of a job and of all, and found by id only', async () => {
    const ids = async (path: string) =>
      (await api.send('GET', path)).json.items.map((one: { name: string }) => one.name);
    assert.deepEqual(await ids(`${jobs}/a/backfills`), ['a', 'a']);
    assert.deepEqual((await ids('/api/v1/backfills')).sort(), ['a', 'a', 'c']);
    assert.deepEqual(await ids('/api/v1/backfills?job=c&namespace=default&state=Running'), ['c']);
    const first = (await api.send('GET', '/api/v1/backfills?limit=2')).json;
    const rest = (await api.send('GET', `/api/v1/backfills?limit=2&cursor=${first.next}`)).json;
    assert.deepEqual([first.items.length, rest.items.length, rest.next], [2, 1, undefined]);
    assert.equal((await api.send('GET', '/api/v1/backfills/x')).status, 404);
    assert.equal((await api.send('GET', '/api/v1/backfills/abc-b-123456')).status, 404);
    assert.equal((await api.send('GET', `${jobs}/nobody/backfills`)).status, 404);
    assert.equal((await api.send('GET', '/api/v1/backfills?state=Broken')).status, 400);
  });

  it('are cancelled, once', async () => {
    const { id } = (await ask(day)).json;
    const { status, json } = await api.send('DELETE', `/api/v1/backfills/${id}`);
    assert.deepEqual([status, json.state, json.message], [202, 'Cancelled', 'cancelled by user via REST']);
    const again = await api.send('DELETE', `/api/v1/backfills/${id}`);
    assert.deepEqual([again.status, again.json.detail], [409, `the backfill ${id} has ended already: Cancelled`]);
    assert.equal((await api.send('DELETE', '/api/v1/backfills/abc-b-123456')).status, 404);
  });
});
