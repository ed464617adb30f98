import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { cronmesh } from '../support/cli.ts';
import { Cluster } from '../support/cluster.ts';
import { consulSkip } from '../support/consul.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import type { Rest, RunView } from '../support/rest.ts';

const jobs = '/api/v1/namespaces/default/jobs';

interface RequestedRun extends RunView {
  requestedAt: string;
  startedAt?: string;
  message?: string;
  arguments?: string[];
  env?: Record<string, string>;
}

describe('runs on request in a cluster of separate processes', { skip: consulSkip() || postgresSkip() }, () => {
  let cluster: Cluster;
  let rest: Rest;

  before(async () => {
    cluster = await Cluster.start({ masters: 1, workers: 3, workerEnv: { CRONMESH_WORKER_DRAIN_SECONDS: '5' } });
    rest = cluster.rest();
  });
  after(async () => {
    if (process.env.CRONMESH_TEST_KEEP !== '1') await cluster?.stop();
  });

  const proofOf = (name: string): string => join(cluster.folder, `proof-${name}`);
  const proof = (name: string): string => (existsSync(proofOf(name)) ? readFileSync(proofOf(name), 'utf8') : '');
  const make = async (name: string, shell: Record<string, unknown>, spec: Record<string, unknown> = {}) => {
    await rest.post(jobs, { metadata: { name }, spec: { schedule: '@manually', executor: { shell }, ...spec } });
  };
  const trigger = (name: string, body?: unknown) => rest.post<RequestedRun>(`${jobs}/${name}/trigger`, body);
  const ended = (id: string, state: string) =>
    eventually(
      `${id} ${state}`,
      async () => {
        const run = await rest.get<RequestedRun>(`/api/v1/runs/${id}`);
        return run.state === state && run;
      },
      60_000,
      200,
    );

  const awkward = ['a b', '', `"double" 'single' \`tick\``, '$HOME $(id) \\ *', 'héllo 世界 🎉', 'two\nlines', '--x'];

  it('arguments and variables reach a command, a list and a script exactly, and a retry too', async () => {
    const print = (name: string) =>
      `for a in "$@"; do printf '<%s>' "$a"; done >> ${proofOf(name)}; printf '[%s|%s|%s]' "$OWN" "$JOBS" "$CRONMESH_ATTEMPT" >> ${proofOf(name)}`;
    const retry = { limit: 1, backoff: { initialSeconds: 0 } };
    const first = '[ "$CRONMESH_ATTEMPT" = 2 ]';
    const forms = {
      string: { command: `${print('string')}; ${first}` },
      list: { command: ['/bin/sh', '-c', `${print('list')}; ${first}`, 'sh', 'own'] },
      script: { script: `${print('script')}\n${first}\n` },
    };
    const env = { OWN: 'ne"w\n世界 $X', EMPTY: '' };
    for (const [name, shell] of Object.entries(forms)) {
      await make(name, { ...shell, env: { OWN: 'of the job', JOBS: 'kept' } }, { retry });
      const { id } = await trigger(name, { arguments: awkward, env });
      const run = await ended(id, 'Succeeded');
      assert.deepEqual([run.attempt, run.arguments, run.env], [2, awkward, env]);
      const given = [...(name === 'list' ? ['own'] : []), ...awkward].map(one => `<${one}>`).join('');
      assert.equal(proof(name), [1, 2].map(attempt => `${given}[${env.OWN}|kept|${attempt}]`).join(''));
    }
    const { id } = await trigger('string');
    await ended(id, 'Succeeded');
    assert.ok(proof('string').endsWith('[of the job|kept|1][of the job|kept|2]'), 'the next run has none of it');
  });

  it('the command line brings them, and --wait exits by the outcome', async () => {
    await make('by-hand', { command: 'printf "%s,%s,%s" "$1" "$2" "$OWN"; [ "$1" = ok ]' });
    const server = rest.base;
    const fine = await cronmesh(['trigger', 'by-hand', '--arg', 'ok', '-e', 'OWN=a=b', '-f', '--', '-x y'], { server });
    assert.deepEqual([fine.status, fine.stdout], [0, 'ok,-x y,a=b'], fine.stderr);
    const bad = await cronmesh(['trigger', 'by-hand', '--wait', '--arg', 'no'], { server });
    assert.deepEqual([bad.status, bad.stdout], [1, '']);
    assert.match(bad.stderr, /Failed \(exit 1/);
  });

  it('a delayed run starts at its time, by the job as it is then; a cancelled one never does', async () => {
    await make('later', { command: `date +%s%3N >> ${proofOf('later')}` });
    const at = new Date(Date.now() + 5_000).toISOString();
    const delayed = await trigger('later', { at });
    const other = await trigger('later', { delaySeconds: 5 });
    assert.deepEqual([delayed.state, delayed.requestedAt], ['Pending', at]);
    const shown = await cronmesh(['get', 'run', other.id], { server: rest.base });
    assert.match(shown.stdout, /Pending, due in [1-5]/);
    await rest.request('PATCH', `${jobs}/later`, {
      spec: { suspend: true, executor: { shell: { command: `echo new $(date +%s%3N) >> ${proofOf('later')}` } } },
    });
    const killed = await rest.post<RequestedRun>(`/api/v1/runs/${other.id}/kill`);
    assert.deepEqual([killed.state, killed.reason, killed.attempt], ['Skipped', 'Cancelled', 0]);
    assert.match(killed.message ?? '', /^cancelled by .* before it was due$/);
    assert.equal((await rest.request('POST', `/api/v1/runs/${other.id}/kill`)).status, 409);
    await ended(delayed.id, 'Succeeded');
    await new Promise(resolve => setTimeout(resolve, 4_000));
    const [line = '', ...more] = proof('later').trim().split('\n');
    assert.deepEqual(more, [], 'the cancelled one did not start');
    const started = Number(/^new (\d+)$/.exec(line)?.[1]);
    assert.ok(started >= Date.parse(at), `${started} is not before ${at}`);
    assert.ok(started < Date.parse(at) + 8_000, `${started} is soon after ${at}`);
  });

  it('a delayed run of a job that is gone is skipped, and says so', async () => {
    await make('gone', { command: `echo x >> ${proofOf('gone')}` });
    const { id } = await trigger('gone', { delaySeconds: 3 });
    await rest.request('DELETE', `${jobs}/gone`);
    const run = await ended(id, 'Skipped');
    assert.deepEqual([run.reason, proof('gone')], ['JobChanged', '']);
  });

  it('a dry run changes nothing', async () => {
    await make('held', { command: 'sleep 30', env: { A: 'job', B: 'job' } }, { concurrencyPolicy: 'Forbid' });
    const holder = await trigger('held');
    await ended(holder.id, 'Running');
    await eventually('only the going run is left', async () => (await keys()).every(key => !key.includes('/trigger/')));
    const [keysBefore, rowsBefore] = [await snapshot(), await rows()];
    const plan = await rest.post<{ message: string; workers: { name: string; rank: number }[]; env: object }>(
      `${jobs}/held/trigger`,
      { dryRun: true, arguments: ['x'], env: { B: 'mine' } },
    );
    const again = await rest.post<{ concurrency: unknown }>(`${jobs}/held/trigger?dryRun=true`);
    assert.deepEqual([await snapshot(), await rows()], [keysBefore, rowsBefore]);
    assert.match(plan.message, new RegExp(`would wait: Forbid allows 1 at once, and ${holder.id} is going`));
    assert.deepEqual(
      plan.workers.map(({ rank }) => rank),
      [0, 1, 2],
    );
    assert.deepEqual(plan.workers.map(({ name }) => name).sort(), ['worker-0', 'worker-1', 'worker-2']);
    assert.deepEqual(
      { ...plan.env, CRONMESH_RUN: '' },
      {
        A: 'job',
        B: 'mine',
        CRONMESH_NAMESPACE: 'default',
        CRONMESH_JOB: 'held',
        CRONMESH_RUN: '',
        CRONMESH_ATTEMPT: '1',
      },
    );
    const { worker } = await rest.get<RequestedRun>(`/api/v1/runs/${holder.id}`);
    assert.deepEqual(again.concurrency, {
      policy: 'Forbid',
      limit: 1,
      free: false,
      holders: [{ run: holder.id, slot: '0', worker }],
    });
    const shown = await cronmesh(['trigger', 'held', '--dry-run', '--arg', 'x'], { server: rest.base });
    assert.match(shown.stdout, /^Runs: +\["\/bin\/sh","-c","sleep 30","sh","x"\]$/m, shown.stderr);
    await rest.post(`/api/v1/runs/${holder.id}/kill`);
  });

  const consul = async <T>(path: string): Promise<T> =>
    (await (await fetch(`${cluster.consul.address}/v1/kv/${path}`)).json()) as T;
  const keys = () => consul<string[]>('cron/?keys');
  /** Every key and value but what beats each second. */
  const snapshot = async () => {
    const entries = await consul<{ Key: string; Value: string | null; ModifyIndex: number }[]>('cron/?recurse');
    return entries
      .filter(({ Key }) => !/^cron\/(epoch|lane\/)/.test(Key))
      .map(({ Key, Value, ModifyIndex }) => `${Key} ${ModifyIndex} ${Value}`);
  };
  const rows = async () => {
    const client = new pg.Client({ connectionString: cluster.postgres.url });
    await client.connect();
    const counts: Record<string, string> = {};
    for (const table of ['job', 'job_spell', 'outbox', 'run', 'run_log', 'skip', 'backfill']) {
      const { rows: found } = await client.query(`SELECT count(*) AS count FROM ${table}`);
      counts[table] = found[0].count;
    }
    await client.end();
    return counts;
  };
});
