import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { Cluster } from '../support/cluster.ts';
import { consulSkip } from '../support/consul.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import type { Rest, RunView } from '../support/rest.ts';

interface EndedRun extends RunView {
  message?: string;
  httpStatus?: number;
}

const jobs = '/api/v1/namespaces/default/jobs';
const ended = ['Succeeded', 'Failed', 'TimedOut', 'Killed', 'Lost', 'Skipped'];
const value = 'pa55-w0rd/äß';
const variable = 'from the environment';

describe('executors in a cluster of separate processes', { skip: consulSkip() || postgresSkip() }, () => {
  let cluster: Cluster;
  let rest: Rest;
  let server: Server;
  let url = '';
  let seen: IncomingMessage[] = [];
  /** What the server answers: 202 first, and what it does then is the test's affair. */
  let status = 202;

  before(async () => {
    server = createServer((request, response) => {
      seen.push(request);
      response.writeHead(status).end(`got ${request.headers.authorization ?? 'nothing'}`);
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    cluster = await Cluster.start({ masters: 2, workers: 0 });
    const secrets = join(cluster.folder, 'secrets');
    mkdirSync(join(secrets, 'db'), { recursive: true });
    writeFileSync(join(secrets, 'db', 'password'), `${value}\n`);
    symlinkSync('db/password', join(secrets, 'link'));
    symlinkSync('/etc/passwd', join(secrets, 'out'));
    const env = {
      CRONMESH_WORKER_DRAIN_SECONDS: '2',
      CRONMESH_WORKER_ALLOW_PRIVATE_ADDRESSES: 'true',
      CRONMESH_WORKER_SHELL_USERS: 'nobody',
      CRONMESH_WORKER_SECRETS_ENVIRONMENT: 'TEST_VARIABLE,TEST_UNSET',
      CRONMESH_WORKER_SECRETS_DIRECTORY: secrets,
      TEST_VARIABLE: variable,
      TEST_OTHER: 'not for jobs',
    };
    for (let i = 0; i < 2; i++) await cluster.addWorker(env);
    await cluster.ready(2);
    rest = cluster.rest();
  });
  after(async () => {
    server?.closeAllConnections();
    server?.close();
    await cluster?.stop();
  });
  beforeEach(() => {
    seen = [];
    status = 202;
  });

  async function begin(name: string, spec: Record<string, unknown>): Promise<RunView> {
    await rest.json('PUT', `${jobs}/${name}`, { metadata: { name }, spec: { schedule: '@manually', ...spec } });
    return await rest.post<RunView>(`${jobs}/${name}/trigger`);
  }
  const get = (id: string) => rest.get<EndedRun>(`/api/v1/runs/${id}`);
  const end = (id: string, within = 30_000) =>
    eventually(
      `the end of ${id}`,
      async () => {
        const run = await get(id);
        return ended.includes(run.state) && run;
      },
      within,
      200,
    );
  const logs = async (id: string) => await (await rest.request('GET', `/api/v1/runs/${id}/logs`)).text();
  /** Waits for the request, and gives where it may be answered. */
  const callbackOf = async (count = 1): Promise<string> => {
    await eventually('the request', () => seen.length >= count, 20_000, 100);
    return String(seen[count - 1]?.headers['cronmesh-callback-url']);
  };
  const answer = async (to: string, body: unknown) => {
    const response = await fetch(to, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return [response.status, ((await response.json()) as { code?: string }).code];
  };
  const asynchronous = (more: Record<string, unknown> = {}) => ({
    executor: { http: { url: `${url}/work/$(CRONMESH_JOB)`, method: 'POST', asynchronous: {}, ...more } },
  });

  it('a request that is answered later runs until the callback, through any master, once', async () => {
    const { id } = await begin('later', asynchronous());
    const callback = await callbackOf();
    assert.match(callback, new RegExp(`^http://127\\.0\\.0\\.1:\\d+/api/v1/callbacks/${id}/1\\?token=[\\w-]{43}$`));
    assert.equal(seen[0]?.url, '/work/later');
    assert.match(String(seen[0]?.headers.traceparent), /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    await eventually('running', async () => (await get(id)).state === 'Running', 10_000, 200);

    assert.deepEqual(await answer(callback.replace(/token=.*/, 'token=wrong'), { outcome: 'Succeeded' }), [
      403,
      'Forbidden',
    ]);
    assert.equal((await get(id)).state, 'Running');
    assert.deepEqual(await answer(callback, { progress: 42, message: 'rows 1 to 18' }), [202, undefined]);
    const told = async () => await rest.get<{ progress?: number; progressMessage?: string }>(`/api/v1/runs/${id}`);
    await eventually('progress', async () => (await told()).progress === 42, 10_000, 200);
    assert.equal((await told()).progressMessage, 'rows 1 to 18');
    // The other master than the one that is named.
    const { host } = new URL(callback);
    const other = cluster.masters.find(({ http }) => !host.endsWith(`:${http}`));
    const elsewhere = callback.replace(host, `127.0.0.1:${other?.http}`);
    const body = { outcome: 'Succeeded', message: 'all 42 rows', output: 'row 1\n' };
    assert.deepEqual(await answer(elsewhere, body), [202, undefined]);
    const [second] = await answer(callback, { outcome: 'Failed' });
    assert.ok(second === 409 || second === 410, String(second));

    const run = await end(id);
    assert.deepEqual([run.state, run.message, run.httpStatus], ['Succeeded', 'all 42 rows', 202]);
    assert.match(await logs(id), /waiting for its callback\nrow 1\n$/);
    // The key goes with the run's release.
    await eventually('410', async () => (await answer(callback, { outcome: 'Failed' }))[0] === 410, 10_000, 200);
    assert.deepEqual(await keys('cron/callback/'), []);
  });

  it('a callback that says it failed, and one that comes too late', async () => {
    const failing = await begin('fails', asynchronous());
    await answer(await callbackOf(), { outcome: 'Failed', message: 'no disk' });
    const failed = await end(failing.id);
    assert.deepEqual([failed.state, failed.message], ['Failed', 'no disk']);

    const late = await begin('late', asynchronous({ asynchronous: { timeoutSeconds: 1 } }));
    const callback = await callbackOf(2);
    const run = await end(late.id);
    assert.deepEqual([run.state, run.message], ['TimedOut', 'no callback came within 1 s']);
    assert.deepEqual(await answer(callback, { outcome: 'Succeeded' }), [410, 'Gone']);

    const killed = await begin('killed', asynchronous());
    await callbackOf(3);
    await rest.post(`/api/v1/runs/${killed.id}/kill`);
    assert.equal((await end(killed.id)).state, 'Killed');
  });

  it('another status than 202 is an answer as any', async () => {
    status = 503;
    const run = await end((await begin('busy', asynchronous())).id);
    assert.deepEqual([run.state, run.httpStatus], ['Failed', 503]);
    status = 200;
    assert.equal((await end((await begin('at-once', asynchronous())).id)).state, 'Succeeded');
  });

  it('when its worker dies it is lost, and the callback is told', { timeout: 120_000 }, async () => {
    const { id } = await begin('orphan', asynchronous());
    const callback = await callbackOf();
    const run = await eventually('running', async () => {
      const found = await get(id);
      return found.state === 'Running' && found;
    });
    const index = cluster.workers.findIndex((_, i) => run.worker?.startsWith(`worker-${i}-`));
    await cluster.workers[index]?.program.kill();
    assert.equal((await end(id, 60_000)).state, 'Lost');
    assert.deepEqual(await answer(callback, { outcome: 'Succeeded' }), [410, 'Gone']);
    cluster.restart('worker', index);
    await cluster.ready(2);
    await eventually('no key is left', async () => (await keys('cron/callback/')).length === 0, 30_000, 500);
  });

  const refs = [
    { name: 'VARIABLE', environment: { variable: 'TEST_VARIABLE' } },
    { name: 'PASSWORD', file: { path: 'db/password' } },
    { name: 'LINKED', file: { path: 'link' } },
    { name: 'NONE', environment: { variable: 'TEST_UNSET', optional: true } },
    { name: 'NO_FILE', file: { path: 'no/such', optional: true } },
  ];

  it('values of variables and files reach the run, and are hidden in all that is kept of it', async () => {
    const command = [
      'test "$PASSWORD" = "$LINKED" && test -z "$NONE$NO_FILE$TEST_OTHER" || exit 9',
      'printf "%s\\n" "$VARIABLE" "<$PASSWORD>"',
      'printf "%s" "$PASSWORD" | base64',
      'printf "%s" "$PASSWORD" | cut -c 1-4 | tr -d "\\n"; sleep 0.3; printf "%s\\n" "$PASSWORD" | cut -c 5- >&1',
      'echo "$PASSWORD" >&2; exit 3',
    ].join('; ');
    const { id } = await begin('secrets', { secretRefs: refs, executor: { shell: { command } } });
    const run = await end(id);
    assert.deepEqual([run.state, run.message], ['Failed', 'the process exited with status 3']);
    const text = await logs(id);
    assert.match(text, /\*\*\*\n<\*\*\*>\n\*\*\*=*\n\*\*\*\n/);
    assert.ok(!text.includes('w0rd') && !text.includes(variable), text);
    assert.ok(!(await everything()).includes('w0rd') && !(await everything()).includes(variable));
  });

  it('so it is with requests, whose server says them back', async () => {
    status = 200;
    const http = { url, method: 'POST', headers: { Authorization: 'Bearer $(VARIABLE)' }, body: '$(PASSWORD)' };
    const { id } = await begin('secret-request', { secretRefs: refs, executor: { http } });
    assert.equal((await end(id)).state, 'Succeeded');
    assert.equal(seen[0]?.headers.authorization, `Bearer ${variable}`);
    assert.match(await logs(id), /got Bearer \*\*\*$/);
  });

  const refused: readonly (readonly [what: string, ref: Record<string, unknown>, says: RegExp])[] = [
    [
      'a variable that is not allowed',
      { environment: { variable: 'TEST_OTHER' } },
      /gives its variable TEST_OTHER to no job; to allow it, name it in worker\.secrets\.environment/,
    ],
    [
      'a variable that is not set',
      { environment: { variable: 'TEST_UNSET' } },
      /the variable TEST_UNSET is not set on this worker/,
    ],
    [
      'a file that is not there',
      { file: { path: 'no/such' } },
      /the file no\/such was not found in this worker's folder of secrets/,
    ],
    [
      'a link that leads out',
      { file: { path: 'out' } },
      /the file out lies outside of this worker's folder of secrets/,
    ],
    ['a folder', { file: { path: 'db' } }, /db is no file/],
  ];
  for (const [i, [what, ref, says]] of refused.entries()) {
    it(`${what} fails the run, and nothing is started`, async () => {
      const spec = { secretRefs: [{ name: 'X', ...ref }], executor: { shell: { command: 'echo ran' } } };
      const { id } = await begin(`refused-${i}`, spec);
      const run = await end(id);
      assert.equal(run.state, 'Failed');
      assert.match(run.message ?? '', says);
      assert.equal(await logs(id), '');
    });
  }

  it('a run has its trace context, and is another user where that is allowed', async () => {
    const shell = { user: 'nobody', command: 'id -un; echo "$TRACEPARENT"' };
    const { id } = await begin('nobody', { executor: { shell } });
    const run = await end(id);
    if (process.getuid?.() !== 0) {
      assert.match(run.message ?? '', /this worker is not root/);
      return;
    }
    assert.match(await logs(id), /^nobody\n00-[0-9a-f]{32}-[0-9a-f]{16}-01\n$/);
    const other = await end((await begin('bin', { executor: { shell: { ...shell, user: 'bin' } } })).id);
    assert.match(other.message ?? '', /user bin: this worker does not run as it/);
  });

  async function keys(below: string): Promise<string[]> {
    const response = await fetch(`${cluster.consul.address}/v1/kv/${below}?keys`);
    return response.status === 404 ? [] : ((await response.json()) as string[]);
  }

  /** All that Consul and the masters' API hold. */
  async function everything(): Promise<string> {
    const response = await fetch(`${cluster.consul.address}/v1/kv/cron/?recurse`);
    const entries = (await response.json()) as { Value: string | null }[];
    const values = entries.map(({ Value }) => Buffer.from(Value ?? '', 'base64').toString());
    const { items } = await rest.get<{ items: unknown[] }>('/api/v1/runs');
    return values.join('\n') + JSON.stringify(items);
  }
});
