import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { ConsulCoordinator } from '../../src/coordination/consul/consul.ts';
import { cronmesh } from '../support/cli.ts';
import { Cluster } from '../support/cluster.ts';
import { consulSkip } from '../support/consul.ts';
import { type NacosServer, rnacosSkip, startNacos } from '../support/nacos.ts';
import { eventually } from '../support/process.ts';
import type { RunView } from '../support/rest.ts';

/** What the issue promises: a change to a safe setting acts within this time. */
const within = 5_000;

interface Status {
  readonly ready: boolean;
  readonly capacity: number;
  readonly session?: string;
}

describe('settings in Consul and Nacos, of processes that run', { skip: consulSkip() || rnacosSkip() }, () => {
  let nacos: NacosServer;
  let cluster: Cluster;
  let coordinator: ConsulCoordinator;

  const put = async (text: string): Promise<void> => {
    const [result] = [await coordinator.transact([{ verb: 'set', key: 'cron/config/worker', value: text }])];
    assert.ok(result.ok);
  };
  const worker = (index = 0) => {
    const member = cluster.workers[index];
    assert.ok(member);
    return member;
  };
  const status = async (index = 0): Promise<Status> =>
    (await (await fetch(`http://127.0.0.1:${worker(index).http}/readyz`)).json()) as Status;
  const metric = async (name: string, index = 0): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${worker(index).http}/metrics`)).text();
    return Number(
      text
        .split('\n')
        .find(line => line.startsWith(`${name} `))
        ?.split(' ')
        .at(-1),
    );
  };
  const lines = (name: string): string => readFileSync(join(cluster.folder, `${name}.log`), 'utf8');
  const said = (name: string, what: RegExp) =>
    eventually(`${name} says ${what}`, () => what.test(lines(name)), within, 200);
  const capacity = (wanted: number, index = 0) =>
    eventually(`capacity ${wanted}`, async () => (await status(index)).capacity === wanted, within, 200);
  const job = async (name: string, spec: object): Promise<void> => {
    const manifest = { metadata: { name }, spec: { executor: { shell: { command: 'true' } }, ...spec } };
    await cluster.rest().request('POST', '/api/v1/namespaces/default/jobs', manifest);
  };
  const runs = async (name: string): Promise<readonly RunView[]> =>
    (await cluster.rest().get<{ items: RunView[] }>(`/api/v1/namespaces/default/jobs/${name}/runs?limit=200`)).items;

  before(async () => {
    nacos = await startNacos();
    await nacos.publish('cronmesh', 'log: { level: warn }\nworker: { capacity: 11 }');
    const sources = { CRONMESH_SOURCES_NACOS_ADDRESS: nacos.address };
    cluster = await Cluster.start({
      masters: 1,
      workers: 1,
      masterEnv: sources,
      workerEnv: { ...sources, CRONMESH_SOURCES_CONSUL_KEY: 'cron/config/worker' },
    });
    coordinator = new ConsulCoordinator({ address: cluster.consul.address });
  });
  after(async () => {
    await coordinator?.close();
    await cluster?.stop();
    await nacos?.stop();
  });

  it('a worker begins with what Nacos says, and a change there acts within 5 s', async () => {
    assert.equal((await status()).capacity, 11);
    assert.doesNotMatch(lines('worker-0'), /"level":"info"/);
    await nacos.publish('cronmesh', 'log: { level: info }\nworker: { capacity: 12 }');
    await capacity(12);
    await said('worker-0', /"level":"info".*the configuration changed/);
  });

  it('Consul is weaker than Nacos, and acts where Nacos says nothing; the session stays', async () => {
    const { session } = await status();
    await put('worker: { capacity: 5, labels: { zone: a } }');
    const catalog = async () => {
      const { items } = await cluster
        .rest()
        .get<{ items: { capacity: number; labels: Record<string, string> }[] }>('/api/v1/workers');
      return items[0];
    };
    await eventually('the label', async () => (await catalog())?.labels.zone === 'a', within, 200);
    assert.equal((await catalog())?.capacity, 12);
    await nacos.publish('cronmesh', 'log: { level: info }');
    await capacity(5);
    await eventually('the catalog', async () => (await catalog())?.capacity === 5, within, 200);
    assert.equal((await status()).session, session);
    assert.ok((await status()).ready);
  });

  it('a job runs once the worker has the label that it asks for, and no more when it has not', async () => {
    await job('in-b', { schedule: '* * * * * *', placement: { selector: { matchLabels: { zone: 'b' } } } });
    await sleep(2_500);
    assert.equal((await runs('in-b')).length, 0);
    await put('worker: { capacity: 5, labels: { zone: b } }');
    await eventually('a run', async () => (await runs('in-b')).length > 0, within, 200);
    await put('worker: { capacity: 5, labels: { zone: a } }');
    await sleep(3_000);
    const count = (await runs('in-b')).length;
    await sleep(3_000);
    assert.equal((await runs('in-b')).length, count);
  });

  it('log.level acts on loggers of parts too, both ways', async () => {
    await put('log: { level: info }\nworker: { capacity: 6, labels: { zone: a } }');
    await nacos.publish('cronmesh', 'log: { level: debug }');
    await said('worker-0', /"log.level":"debug"/);
    await nacos.publish('cronmesh', 'log: { level: error }');
    await sleep(1_500);
    const length = lines('worker-0').length;
    await put('worker: { capacity: 7 }');
    await capacity(7);
    assert.equal(lines('worker-0').slice(length), '');
    await nacos.publish('cronmesh', 'log: { level: info }');
    await said('worker-0', /"log.level":"info"/);
  });

  it('retention and rates of a master that runs act within 5 s', async () => {
    const rest = cluster.rest();
    const [old, young] = (await runs('in-b')).filter(({ state }) => state === 'Succeeded').reverse();
    assert.ok(old && young);
    const anHour = 3_600_000;
    const database = new pg.Client(cluster.postgres.url);
    await database.connect();
    await database.query('UPDATE run SET due_at = due_at - $1, finished_at = finished_at - $1 WHERE id = $2', [
      anHour,
      old.id,
    ]);
    await database.end();
    const status = async (id: string) => (await rest.request('GET', `/api/v1/runs/${id}`)).status;
    const callback = async () => (await rest.request('POST', '/api/v1/callbacks/other-run/2', {})).status;
    const refused = async () => (await Promise.all(Array.from({ length: 5 }, callback))).includes(429);
    assert.deepEqual([await status(old.id), await refused()], [200, false]);
    // 0.01 days are 14 minutes.
    await nacos.publish(
      'cronmesh',
      'log: { level: info }\nhistory: { retentionDays: 0.01 }\nhttp: { callbacksPerSecond: 1 }',
    );
    await eventually('the old run is gone', async () => (await status(old.id)) === 404, within, 200);
    await eventually('callbacks are refused', refused, within, 200);
    assert.equal(await status(young.id), 200);
    await nacos.publish('cronmesh', 'log: { level: info }');
    await eventually('callbacks are taken', async () => !(await refused()), within, 500);
  });

  it('a bad document is refused as a whole, in one line, and what was before stays', async () => {
    await put('worker: { capacity: 0, labels: { zone: c } }');
    await said(
      'worker-0',
      /"level":"error".*worker\.capacity \(from Consul key cron\/config\/worker\): must be at least 1 \(got 0\).*refused/,
    );
    await put('worker: { capcity: 3 }');
    await said('worker-0', /worker\.capcity .*did you mean capacity/);
    await nacos.publish('cronmesh', 'a: [');
    await said('worker-0', /Nacos DEFAULT_GROUP\/cronmesh is not YAML/);
    assert.equal((await status()).capacity, 7);
    assert.equal(await metric('cronmesh_config_reloads_total{source="consul",result="refused"}'), 2);
    assert.equal(await metric('cronmesh_config_reloads_total{source="nacos",result="refused"}'), 1);
  });

  it('a change that needs a restart is said to, once, and does not act; no secret is in the log', async () => {
    await nacos.publish('cronmesh', 'log: { level: info }');
    await put('worker: { capacity: 8, drainSeconds: 3 }\nconsul: { token: very-secret }');
    await said('worker-0', /"worker\.drainSeconds":3.*needs a restart/);
    await capacity(8);
    assert.equal(await metric('cronmesh_config_restart_pending'), 2);
    assert.doesNotMatch(lines('worker-0'), /very-secret/);
    await put('worker: { capacity: 8 }');
    await eventually('none waits', async () => (await metric('cronmesh_config_restart_pending')) === 0, within, 200);
  });

  it('config print shows what a worker would start with, and from where', async () => {
    const { env } = worker();
    const {
      status: exit,
      stdout,
      stderr,
    } = await cronmesh(['config', 'print', '--role', 'worker', '-o', 'json'], {
      env: { ...env, CONSUL_HTTP_TOKEN: 'very-secret' },
    });
    assert.equal(exit, 0, stderr);
    assert.doesNotMatch(stdout, /very-secret/);
    const { settings, sources } = JSON.parse(stdout);
    assert.deepEqual(settings['worker.capacity'], {
      value: 8,
      source: 'Consul key cron/config/worker',
      live: true,
    });
    assert.equal(settings['log.level'].source, 'Nacos DEFAULT_GROUP/cronmesh');
    assert.equal(settings['worker.name'].source, 'CRONMESH_WORKER_NAME');
    assert.deepEqual(settings['consul.token'], { value: '[masked]', source: 'CONSUL_HTTP_TOKEN', live: false });
    assert.deepEqual(
      sources.map((one: { status: string }) => one.status),
      ['here', 'here'],
    );
  });

  it('Consul killed and restarted: a change after it arrives', async () => {
    await cluster.consul.kill9();
    await said('worker-0', /the source is away: what it last said stays in force/);
    assert.equal((await status()).capacity, 8);
    await cluster.consul.restart({ empty: false });
    await cluster.ready(1);
    await put('worker: { capacity: 9 }');
    await capacity(9);
  });

  it('Nacos killed under load: every second has its run, and a change after its restart arrives', async () => {
    await job('steady', { schedule: '* * * * * *' });
    await eventually('it runs', async () => (await runs('steady')).length > 1);
    await nacos.kill9();
    const from = Date.now();
    await sleep(6_000);
    assert.equal(await metric('cronmesh_config_source_up{source="nacos"}'), 0);
    await nacos.restart();
    await nacos.publish('cronmesh', 'worker: { capacity: 13 }');
    await capacity(13);
    const until = Date.now();
    await sleep(2_000);
    const ticks = (await runs('steady')).map(run => Date.parse(String(run.tick))).filter(at => at > from && at < until);
    const seconds = Math.floor(until / 1_000) - Math.floor(from / 1_000);
    assert.ok(ticks.length >= seconds - 1, `${ticks.length} runs in ${seconds} s`);
    assert.equal(new Set(ticks).size, ticks.length);
    assert.ok(worker().program.running && cluster.masters[0]?.program.running);
  });

  it('a start while Nacos is away goes on with its last good copy, which only its owner can read', async () => {
    await nacos.kill9();
    const copies = join(cluster.folder, 'config');
    const files = readdirSync(copies);
    assert.equal(files.length, 2);
    for (const file of files) assert.equal(statSync(join(copies, file)).mode & 0o777, 0o600, file);
    await worker().program.stop();
    cluster.restart('worker', 0);
    await eventually('it is up', async () => (await status()).ready, 60_000, 500);
    assert.equal((await status()).capacity, 13);
    assert.match(lines('worker-0'), /the source is away: its last good copy is in force/);
  });

  it('without a copy it waits, goes on without, says so, and takes it up when it comes; it ends in time', async () => {
    const { env } = worker();
    const folder = join(cluster.folder, 'other');
    const began = Date.now();
    const { program } = await cluster.addWorker({
      ...env,
      CRONMESH_WORKER_NAME: 'w1',
      CRONMESH_HTTP_PORT: '0',
      CRONMESH_DATA_DIRECTORY: folder,
    });
    await eventually('it started', () => /"http":(\d+).*"msg":"started"/.test(program.output), 120_000, 500);
    assert.ok(Date.now() - began > 9_000);
    assert.match(
      program.output,
      /"level":"error".*the source is away, and there is no copy: starting WITHOUT its settings/,
    );
    await nacos.restart();
    await eventually('it took it up', () => /"worker.capacity":13/.test(program.output), 10_000, 200);
    await nacos.kill9();
    const stopping = Date.now();
    assert.equal(await program.stop(), 0);
    assert.ok(Date.now() - stopping < 10_000);
  });
});
