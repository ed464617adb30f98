import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually, freePort, Program } from '../support/process.ts';
import { Rest, type RunView } from '../support/rest.ts';

describe('standalone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cronmesh-standalone-'));
  const proof = join(folder, 'proof');
  let env: Record<string, string>;
  let rest: Rest;
  let program: Program;

  const start = (): Program => new Program(['standalone'], { env, log: join(folder, 'log'), cwd: folder });
  const succeeded = async (since: number): Promise<boolean> => {
    const { items } = await rest.get<{ items: RunView[] }>('/api/v1/runs?state=Succeeded&limit=50');
    return items.some(run => Date.parse(run.tick ?? '') >= since);
  };
  const ticks = (): string[] => (existsSync(proof) ? readFileSync(proof, 'utf8').split('\n').filter(Boolean) : []);

  before(async () => {
    const port = await freePort();
    env = { CRONMESH_HTTP_PORT: String(port) };
    rest = new Rest(`http://127.0.0.1:${port}`);
    program = start();
  });
  after(async () => {
    await program.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  it('runs its first jobs by itself', async () => {
    await eventually('a seeded job succeeded', () => succeeded(0), 30_000);
    const { items } = await rest.get<{ items: { metadata: { name: string } }[] }>('/api/v1/jobs');
    assert.deepEqual(items.map(job => job.metadata.name).sort(), ['by-hand', 'disk', 'health', 'hello', 'slow']);
    const page = await rest.request('GET', '/');
    assert.match(page.headers.get('content-type') ?? '', /text\/html/);
  });

  it('keeps a log for each run', async () => {
    const { items } = await rest.get<{ items: RunView[] }>(
      '/api/v1/namespaces/default/jobs/hello/runs?state=Succeeded',
    );
    const [run] = items;
    assert.ok(run);
    const log = await (await rest.request('GET', `/api/v1/runs/${run.id}/logs`)).text();
    assert.match(log, new RegExp(`Hello from run ${run.id}`));
  });

  it('takes the callback of an asynchronous request', async () => {
    const callback = Promise.withResolvers<string>();
    const server = createServer((request, response) => {
      response.writeHead(202).end();
      callback.resolve(String(request.headers['cronmesh-callback-url']));
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const executor = { http: { url: `http://127.0.0.1:${port}/`, asynchronous: {} } };
      const jobs = '/api/v1/namespaces/default/jobs';
      await rest.post(jobs, { metadata: { name: 'later' }, spec: { schedule: '@manually', executor } });
      const { id } = await rest.post<RunView>(`${jobs}/later/trigger`);
      const url = await callback.promise;
      assert.ok(url.startsWith(`${rest.base}/api/v1/callbacks/${id}/1?token=`), url);
      const body = JSON.stringify({ outcome: 'Failed', message: 'no disk' });
      const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      assert.equal(answer.status, 202);
      const run = await eventually('its end', async () => {
        const found = await rest.get<RunView & { message?: string }>(`/api/v1/runs/${id}`);
        return found.state === 'Failed' && found;
      });
      assert.equal(run.message, 'no disk');
    } finally {
      server.close();
    }
  });

  it('refuses a second process on the same data in one line', async () => {
    const second = new Program(['standalone'], {
      env: { CRONMESH_HTTP_PORT: String(await freePort()) },
      log: join(folder, 'second'),
      cwd: folder,
    });
    assert.notEqual(await second.exited, 0);
    const lines = second.output.split('\n').filter(line => line.startsWith('cronmesh: '));
    assert.equal(lines.length, 1, second.output);
    assert.match(lines[0] ?? '', new RegExp(String(program.pid)));
  });

  it('keeps jobs and cursors over stops and kills, and starts no tick twice', async () => {
    await rest.post('/api/v1/namespaces/default/jobs', {
      metadata: { name: 'each-second' },
      spec: { schedule: '* * * * * *', executor: { shell: { command: `echo $CRONMESH_TICK >> ${proof}` } } },
    });
    await eventually('the job ran', () => ticks().length >= 2);
    for (const way of ['stop', 'kill', 'stop', 'kill'] as const) {
      await program[way]();
      const before = ticks().length;
      program = start();
      await eventually(`runs again after a ${way}`, () => ticks().length > before, 30_000);
    }
    const starts = ticks();
    assert.equal(new Set(starts).size, starts.length, 'a tick was started twice');
  });

  it('accounts for the ticks while it was down', async () => {
    await eventually(
      'each tick of the last restart has a run or a skip',
      async () => {
        const { items } = await rest.get<{ items: { reason: string; count: number }[] }>(
          '/api/v1/namespaces/default/jobs/each-second/skips',
        );
        return items.length > 0 && items.every(skip => skip.count > 0);
      },
      60_000,
    );
  });

  it('stops in order on TERM', async () => {
    assert.equal(await program.stop(), 0);
  });
});
