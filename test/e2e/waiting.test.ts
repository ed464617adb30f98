import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ConsulServer, consulSkip, startConsul } from '../support/consul.ts';
import { type PostgresServer, postgresSkip, startPostgres } from '../support/postgres.ts';
import { eventually, freePort, Program } from '../support/process.ts';
import { Rest, type RunView } from '../support/rest.ts';

const skip = consulSkip() || postgresSkip();
const job = '/api/v1/namespaces/default/jobs/each-second';

describe('a master and a worker whose servers are away', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'cronmesh-waiting-'));
  const proof = join(folder, 'proof');
  let consul: ConsulServer;
  let postgres: PostgresServer;
  let masterConfig: string;
  let grpcPort: number;
  let master: Program;
  let worker: Program;
  let rest: Rest;
  let workerRest: Rest;

  const run = (name: string, args: string[], env: Record<string, string> = {}): Program =>
    new Program(args, { env, log: join(folder, `${name}.log`), cwd: folder });
  const settings = (name: string, values: object): string => {
    const path = join(folder, `${name}.yaml`);
    writeFileSync(path, JSON.stringify(values));
    return path;
  };
  const status = async (at: Rest, path: string): Promise<number> => (await at.request('GET', path)).status;
  const ticks = (): string[] => (existsSync(proof) ? readFileSync(proof, 'utf8').split('\n').filter(Boolean) : []);
  const succeededSince = async (since: number): Promise<boolean> => {
    const { items } = await rest.get<{ items: RunView[] }>(`${job}/runs?state=Succeeded&limit=1`);
    return items.some(({ tick }) => Date.parse(tick ?? '') > since);
  };

  before(async () => {
    [consul, postgres] = await Promise.all([startConsul(), startPostgres()]);
    await Promise.all([consul.kill9(), postgres.crash()]);
    const [http, workerHttp] = [await freePort(), await freePort()];
    grpcPort = await freePort();
    const host = '127.0.0.1';
    masterConfig = settings('master', {
      http: { host, port: http },
      grpc: { host, port: grpcPort },
      consul: { address: consul.address },
      database: { url: postgres.url },
    });
    const workerConfig = settings('worker', {
      http: { host, port: workerHttp },
      consul: { address: consul.address },
      data: { directory: folder },
    });
    rest = new Rest(`http://${host}:${http}`);
    workerRest = new Rest(`http://${host}:${workerHttp}`);
    master = run('master', ['master', '--config', masterConfig]);
    worker = run('worker', ['worker', '--config', workerConfig]);
  });
  after(async () => {
    await worker?.stop();
    await master?.stop();
    await consul?.stop();
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('wait, and say for what', async () => {
    await eventually('the master says so', () => /"msg":"waiting for the database"/.test(master.output));
    await eventually('the worker says so', () => /"msg":"waiting for Consul at /.test(worker.output));
    for (const one of [rest, workerRest]) {
      assert.deepEqual([await status(one, '/healthz'), await status(one, '/readyz')], [200, 503]);
    }
    assert.ok(master.running && worker.running);
  });

  it('take jobs once the database is there, Consul or not', async () => {
    await postgres.restart();
    await eventually('the master is ready', async () => (await status(rest, '/readyz')) === 200, 60_000);
    await rest.post('/api/v1/namespaces/default/jobs', {
      metadata: { name: 'each-second' },
      spec: { schedule: '* * * * * *', executor: { shell: { command: `echo $CRONMESH_TICK >> ${proof}` } } },
    });
  });

  it('run them once Consul is there', async () => {
    await consul.restart({ empty: true });
    await eventually('a run succeeded', () => succeededSince(0), 60_000);
    assert.equal(await status(workerRest, '/readyz'), 200);
  });

  it('go on while the database is away, and lose no result', async () => {
    await postgres.crash();
    await eventually('the master is not ready', async () => (await status(rest, '/readyz')) === 503);
    const { status: refused, headers } = await rest.request('GET', '/api/v1/jobs');
    assert.deepEqual([refused, headers.get('content-type')], [503, 'application/problem+json']);
    const before = ticks().length;
    await eventually('ticks go on', () => ticks().length >= before + 3);
    const [missing = ''] = ticks().slice(-1);
    await postgres.restart();
    await eventually(
      'the run of the time between is there',
      async () => {
        const { items } = await rest.get<{ items: RunView[] }>(`${job}/runs?state=Succeeded&limit=100`);
        return items.some(({ tick }) => tick === missing);
      },
      60_000,
    );
  });

  it('go on once Consul is back, and start nothing twice', async () => {
    await consul.kill9();
    await eventually('the worker is not ready', async () => (await status(workerRest, '/readyz')) === 503, 60_000);
    assert.ok(master.running && worker.running);
    await consul.restart({ empty: false });
    const back = Date.now();
    await eventually('runs succeed again', () => succeededSince(back), 60_000);
    assert.equal(new Set(ticks()).size, ticks().length);
  });

  it('refuse a gRPC port in use, and a database that is not there, in one line', async () => {
    const taken = run('second', ['master', '--config', masterConfig], { CRONMESH_HTTP_PORT: String(await freePort()) });
    await eventually('the second master has ended', () => !taken.running).finally(() => taken.kill());
    assert.equal(await taken.exited, 2, taken.output);
    assert.match(
      taken.output,
      new RegExp(`^cronmesh: grpc\\.port: cannot listen on 127\\.0\\.0\\.1:${grpcPort}; [^\n]+\n$`),
    );
    const url = new URL(postgres.url);
    url.pathname = '/nowhere';
    const stranger = run('third', ['migrate'], { DATABASE_URL: url.href });
    await eventually('the migration has ended', () => !stranger.running).finally(() => stranger.kill());
    assert.equal(await stranger.exited, 1, stranger.output);
    assert.match(stranger.output, /^cronmesh: .*"nowhere" does not exist\n$/);
  });

  it('stop in order', async () => {
    assert.deepEqual(await Promise.all([worker.stop(), master.stop()]), [0, 0]);
  });
});
