import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Authority, opensslSkip } from '../support/certificates.ts';
import { Cluster } from '../support/cluster.ts';
import { consulSkip } from '../support/consul.ts';
import { type ConsulProgram, type GuardedConsul, startGuardedConsul } from '../support/consul-acl.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import type { Rest, RunView } from '../support/rest.ts';

const jobs = '/api/v1/namespaces/default/jobs';

describe('Consul with ACLs in default-deny and TLS', { skip: consulSkip() || postgresSkip() || opensslSkip() }, () => {
  let authority: Authority;
  let consul: GuardedConsul;
  let cluster: Cluster;
  let rest: Rest;

  before(async () => {
    authority = new Authority();
    consul = await startGuardedConsul(authority);
    const access = (program: ConsulProgram) => ({
      CONSUL_HTTP_ADDR: consul.secureAddress,
      CONSUL_CACERT: authority.caFile,
      CONSUL_HTTP_TOKEN: consul.tokens[program],
      CRONMESH_LOG_LEVEL: 'debug',
    });
    cluster = await Cluster.start({
      masters: 2,
      workers: 3,
      consul,
      masterEnv: access('master'),
      workerEnv: access('worker'),
    });
    rest = cluster.rest();
  });
  after(async () => {
    await cluster?.stop();
    authority?.remove();
  });

  const make = (name: string, command: string, spec: Record<string, unknown> = {}) =>
    rest.post(jobs, {
      metadata: { name },
      spec: { schedule: '@manually', terminationGraceSeconds: 1, executor: { shell: { command } }, ...spec },
    });
  const ask = (name: string) => rest.post<RunView>(`${jobs}/${name}/trigger`);
  const runsOf = async (name: string) => (await rest.get<{ items: RunView[] }>(`${jobs}/${name}/runs`)).items;
  const ends = (run: RunView, state: string) =>
    eventually(
      `${run.name}: ${state}`,
      async () => (await rest.get<RunView>(`/api/v1/runs/${run.id}`)).state === state,
    );
  const goes = (run: RunView) => ends(run, 'Running');

  it('runs ticks, all policies, members, retries, kills, freezes and cordons', async () => {
    const every = { schedule: '* * * * * *' };
    await make('ticks', 'true', every);
    await make('forbid', 'sleep 2', { ...every, concurrencyPolicy: 'Forbid' });
    await make('everywhere', 'sleep 1', { ...every, concurrencyPolicy: 'Forbid', placement: { mode: 'All' } });
    await make('replace', 'sleep 30', { concurrencyPolicy: 'Replace' });
    await make('queue', 'sleep 1', { concurrencyPolicy: 'Queue' });
    await make('again', 'exit 1', { retry: { limit: 1, backoff: { initialSeconds: 1 } } });

    const former = await ask('replace');
    await goes(former);
    const latter = await ask('replace');
    await goes(latter);
    assert.notEqual((await rest.get<RunView>(`/api/v1/runs/${former.id}`)).state, 'Running');
    await rest.post(`/api/v1/runs/${latter.id}/kill`);
    await ends(latter, 'Killed');
    const queued = [await ask('queue'), await ask('queue')];
    for (const run of queued) await ends(run, 'Succeeded');
    const failed = await ask('again');
    await eventually('a second attempt', async () => {
      const run = await rest.get<RunView & { attempt: number }>(`/api/v1/runs/${failed.id}`);
      return run.attempt === 2 && run.state === 'Failed';
    });
    for (const name of ['ticks', 'forbid', 'everywhere']) {
      await eventually(
        `${name} runs`,
        async () => (await runsOf(name)).filter(run => run.state === 'Succeeded').length > 3,
      );
    }
    await rest.post('/api/v1/workers/worker-0/drain', { reason: 'a test' });
    await rest.post('/api/v1/workers/worker-0/uncordon');
    await rest.post('/api/v1/namespaces/default/freeze', { reason: 'a test' });
    await rest.json('DELETE', '/api/v1/namespaces/default/freeze');
  });

  it('lets a dead worker’s supervisor release its locks', async () => {
    await make('held', 'sleep 60', { concurrencyPolicy: 'Forbid', placement: { mode: 'One' } });
    const run = await ask('held');
    await goes(run);
    const { worker } = await rest.get<RunView & { worker: string }>(`/api/v1/runs/${run.id}`);
    const index = cluster.workers.findIndex((_, i) => worker.startsWith(`worker-${i}-`));
    const began = performance.now();
    await cluster.workers[index]?.program.kill();
    await ends(run, 'Lost');
    assert.ok(performance.now() - began < 14_000, 'without the lock delay of a lost session');
    cluster.restart('worker', index);
    await cluster.ready(3);
  });

  it('was refused nothing', () => {
    const names = [...cluster.masters.map((_, i) => `master-${i}`), ...cluster.workers.map((_, i) => `worker-${i}`)];
    for (const name of names) {
      const refused = readFileSync(join(cluster.folder, `${name}.log`), 'utf8')
        .split('\n')
        .filter(line => /Permission denied|ACL not found|: 403/.test(line));
      assert.deepEqual(refused.slice(0, 3), [], name);
    }
  });

  describe('what is not needed', () => {
    const status = async (program: ConsulProgram | undefined, method: string, path: string, body?: unknown) => {
      const answer = await fetch(`${consul.address}/v1/${path}`, {
        method,
        ...(program && { headers: { 'x-consul-token': consul.tokens[program] } }),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      await answer.arrayBuffer();
      return answer.status;
    };
    const refuses = async (program: ConsulProgram, keys: readonly string[]) => {
      for (const key of keys) assert.equal(await status(program, 'PUT', `kv/${key}`, 'x'), 403, `${program}: ${key}`);
    };

    it('is refused to a worker: definitions, epochs, brakes, elections, other prefixes', async () => {
      const others = ['cron/jobs/default/x', 'cron/feed/1', 'cron/feed/head', 'cron/epoch', 'cron/freeze'];
      await refuses('worker', [...others, 'cron/cordon/worker-0', 'cron/leader/master', 'cron/published/x', 'other/x']);
      for (const prefix of ['', 'cron/', 'cron/jobs/', 'other/']) {
        assert.equal(await status('worker', 'DELETE', `kv/${prefix}?recurse=true`), 403, prefix);
      }
      assert.equal(await status('worker', 'PUT', 'agent/service/register', { Name: 'cronmesh-master', Port: 1 }), 403);
      assert.equal(await status('worker', 'PUT', 'agent/service/register', { Name: 'web', Port: 1 }), 403);
      assert.equal(await status('worker', 'GET', 'acl/tokens'), 403);
    });

    it('is refused to a master: schemas of modules, wholes, doubts, workers’ places, other prefixes', async () => {
      await refuses('master', ['cron/modules/x', 'cron/whole/default/x', 'cron/doubt', 'other/x', 'cron/x']);
      assert.equal(await status('master', 'PUT', 'agent/service/register', { Name: 'cronmesh-worker', Port: 1 }), 403);
      assert.equal(await status('master', 'GET', 'acl/tokens'), 403);
    });

    it('is refused to the operator: runs, kills, locks, brakes', async () => {
      const keys = ['trigger/default/x/y', 'killer/default/x/y', 'lock/default/x/0', 'cursor/default/x', 'freeze'];
      await refuses('operator', [...keys.map(key => `cron/${key}`), 'cron/epoch', 'cron/leader/master']);
    });

    it('is refused to agents, and everything to whoever has no token', async () => {
      await refuses('agent', ['cron/jobs/default/x', 'cron/lock/default/x/0']);
      assert.equal(await status(undefined, 'PUT', 'kv/cron/jobs/default/x', 'x'), 403);
      assert.equal(await status(undefined, 'PUT', 'agent/service/register', { Name: 'cronmesh-worker', Port: 1 }), 403);
    });
  });
});
