import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { Api, manifest } from '../support/api.ts';
import { cpuMs, fuzz, Mutator } from './support/mutate.ts';
import { Random } from './support/random.ts';
import { seed } from './support/settings.ts';

/** What no answer may hold: it is in the answer to nothing that was asked. */
const secret = 'hunter2-in-the-environment';
const slowestMs = 2_000;

const yaml = globSync(new URL('../../deploy/examples/*.yaml', import.meta.url).pathname).map(name =>
  readFileSync(name),
);
const bodies = [
  ...yaml.flatMap(file => file.toString().split(/^---$/m)),
  JSON.stringify(manifest('a')),
  JSON.stringify({ metadata: { name: 'b' }, spec: { dates: ['2026-12-25'], weekly: [{ days: ['Sat'] }] } }),
  '{"spec":{"suspend":true,"placement":{"selector":{"matchLabels":{"zone":"a"}}}}}',
  '{"arguments":["--full"],"env":{"A":"b"},"delaySeconds":5,"dryRun":true}',
  '{"from":"2026-01-01T00:00:00Z","to":"2026-02-01T00:00:00Z","parallelism":2,"onlyMissing":true}',
  '{"reason":"a change","until":"2026-11-30T00:00:00Z"}',
  '{"outcome":"Succeeded","message":"fine","output":"x"}',
  readFileSync(new URL('../fixtures/icalendar/holidays.ics', import.meta.url)).toString(),
];
const types = [
  'application/json',
  'application/yaml',
  'application/merge-patch+json',
  'text/calendar',
  'text/plain',
  'application/json; charset=utf-16',
  '',
  'multipart/form-data; boundary=a',
];
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACEX'];
const queries = [
  '',
  'limit=1',
  'limit=0',
  'cursor=W10',
  'cursor=WzEsIngiXQ',
  'label=a%3Db',
  'search=%25_',
  'count=100',
  'excluded=true',
  'at=03:00',
  'at=2026-03-01T03:00',
  'follow=false',
  'after=9007199254740993',
  'state=Failed&state=Lost',
  'since=0001-01-01T00:00:00Z',
  'until=9999-12-31T23:59:59.999999999%2B14:00',
  'from=275760-09-13',
  'timeZone=x',
  'dryRun=true',
  '%00=%00',
  'a=%zz',
  'whole=%00',
  'job=%F0%9F%98%80',
];
const some: readonly (readonly [string, string])[] = [
  ['if-match', '"1"'],
  ['if-match', '*'],
  ['if-match', '"999999999999999", "1"'],
  ['if-match', 'W/"1"'],
  ['if-none-match', '*'],
  ['last-event-id', '99999999999999999999'],
  ['content-encoding', 'gzip'],
  ['content-length', '99999999999'],
  ['x-request-id', '$(jndi:x)'],
  ['origin', 'http://evil.example'],
  ['accept', 'text/event-stream'],
  ['range', 'bytes=0-'],
];

const jobs = ['a', 'b.c', 'nightly'];

describe('fuzz: REST', () => {
  let api: Api;
  let operations: readonly (readonly [method: string, path: string])[];
  before(async () => {
    process.env.CRONMESH_FUZZ_SECRET = secret;
    api = await Api.open();
    const { paths } = (await api.send('GET', '/openapi.json')).json as { paths: Record<string, object> };
    operations = Object.entries(paths)
      .filter(([path]) => !path.endsWith('/events'))
      .flatMap(([path, by]) => Object.keys(by).map(method => [method.toUpperCase(), path] as const));
    const secretRefs = [{ name: 'TOKEN', environment: { variable: 'CRONMESH_FUZZ_SECRET' } }];
    for (const name of jobs)
      assert.equal((await api.send('POST', '/api/v1/jobs', manifest(name, { secretRefs }))).status, 201);
    const calendar = { metadata: { name: 'holidays' }, spec: { dates: ['2026-12-25'] } };
    assert.equal((await api.send('POST', '/api/v1/namespaces/default/calendars', calendar)).status, 201);
    assert.equal((await api.send('POST', '/api/v1/namespaces/default/jobs/a/trigger')).status, 202);
  });
  after(async () => {
    delete process.env.CRONMESH_FUZZ_SECRET;
    await api.close();
  });

  it('answers any request as it documents, and goes on', async () => {
    const random = new Random(seed);
    const names = new Mutator(['default', 'a', 'holidays', '1hr1yplf1fnqtucf-m-j1gws98oco', '..', '%2e%2e%2f', '*'], {
      most: 600,
      random,
    });
    const seen = new Map<number, number>();
    await fuzz(1_500, new Mutator(bodies, { random }), async (mutated, number) => {
      const body = random.below(4) === 0 ? Buffer.from(random.pick(bodies)) : mutated;
      const [run] = (await api.store.listRuns({ limit: 1 })).items;
      const usual = {
        namespace: 'default',
        name: random.pick([...jobs, 'holidays']),
        id: run?.id ?? 'x',
        attempt: '1',
      };
      const [documented, template] = random.pick(operations);
      const path = template.replace(/\{(\w+)\}/g, (_, name: keyof typeof usual) =>
        random.below(8) === 0 ? encodeURIComponent(names.next().toString('latin1')) : usual[name],
      );
      const query = random.below(2) === 0 ? '' : `?${random.pick(queries)}`;
      const method = random.below(8) === 0 ? random.pick(methods) : documented;
      const headers: Record<string, string> = { host: 'localhost', 'content-type': typeOf(body, random) };
      for (let i = random.below(6) - 3; i > 0; i--) Object.assign(headers, Object.fromEntries([random.pick(some)]));

      const began = cpuMs();
      const response = await api.app.request(`${path}${query}`, {
        method,
        headers,
        ...(method !== 'GET' && method !== 'HEAD' && { body: new Uint8Array(body) }),
      });
      const { status } = response;
      const type = response.headers.get('content-type') ?? '';
      const text = type.startsWith('text/event-stream') ? '' : await response.text();
      const ms = cpuMs() - began;
      const what = `${number}: ${method} ${path}${query} ${JSON.stringify(headers)} → ${status} ${text.slice(0, 500)}`;
      seen.set(status, (seen.get(status) ?? 0) + 1);
      assert.ok(status < 500 || status === 503, what);
      assert.ok(ms < slowestMs, `${ms} ms: ${what}`);
      assert.ok(!text.includes(secret), what);
      if (status < 400 || method === 'HEAD') return;
      assert.ok(text.length < 100_000, `${text.length} characters: ${what}`);
      assert.equal(type, 'application/problem+json', what);
      const problem = JSON.parse(text);
      assert.ok(problem.status === status && problem.code && problem.detail && problem.instance, what);
    });
    // Answers of all kinds were seen: the requests were neither too wild nor too tame.
    for (const status of [200, 400, 404, 405])
      assert.ok((seen.get(status) ?? 0) > 0, `no ${status}: ${JSON.stringify([...seen])}`);
    assert.equal((await api.send('GET', '/api/v1/jobs')).status, 200);
  });
});

function typeOf(body: Buffer, random: Random): string {
  if (random.below(8) === 0) return random.pick(types);
  const start = body.toString('latin1', 0, 20);
  if (start.startsWith('BEGIN')) return 'text/calendar';
  return /^\s*[[{]/.test(start) ? 'application/json' : 'application/yaml';
}
