import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { RunId } from '../../src/domain/run/run.ts';
import { traceIdOf } from '../../src/observability/trace-context.ts';
import { Cluster } from '../support/cluster.ts';
import { consulSkip } from '../support/consul.ts';
import { panelQueries, withValues } from '../support/dashboards.ts';
import { documentedFields } from '../support/log-fields.ts';
import { Loki, lokiSkip } from '../support/loki.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import type { Rest, RunView } from '../support/rest.ts';

const jobs = '/api/v1/namespaces/default/jobs';
const skip = consulSkip() || postgresSkip() || lokiSkip();

describe('logs of a cluster of separate processes', { skip }, () => {
  let loki: Loki;
  let cluster: Cluster;
  let rest: Rest;
  const secret = 'a-token-for-loki';

  before(async () => {
    // It comes later: nobody is to wait for it.
    loki = await Loki.prepare();
    const env = { CRONMESH_LOGS_LOKI_URL: loki.url, CRONMESH_LOGS_LOKI_TOKEN: secret };
    cluster = await Cluster.start({ masters: 1, workers: 1, masterEnv: env, workerEnv: env });
    rest = cluster.rest();
  });
  after(async () => {
    await cluster?.stop();
    await loki?.stop();
  });

  const logOf = (name: string): string => readFileSync(join(cluster.folder, `${name}.log`), 'utf8');
  const metric = async (http: number | undefined, name: string): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text();
    return Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1]);
  };
  const found = (query: string, wanted: (lines: readonly string[]) => boolean) =>
    eventually(
      query,
      async () => {
        const entries = await loki.lines(query);
        return wanted(entries.map(({ line }) => line)) && entries;
      },
      20_000,
      500,
    );

  it('do not hold up jobs, or take memory without a bound, while Loki is away', async () => {
    await rest.post(jobs, {
      metadata: { name: 'each-second' },
      spec: { schedule: '* * * * * *', executor: { shell: { command: 'echo "tick $CRONMESH_TICK"' } } },
    });
    const runs = await eventually('five runs', async () => {
      const all = await rest.all<RunView & { startedAt?: string }>(`${jobs}/each-second/runs`);
      return all.filter(run => run.state === 'Succeeded').length >= 5 && all;
    });
    for (const { tick = '', startedAt } of runs) {
      if (startedAt !== undefined) assert.ok(Date.parse(startedAt) - Date.parse(tick) < 1_000, `${tick}: ${startedAt}`);
    }
    for (const http of [cluster.masters[0]?.http, cluster.workers[0]?.http]) {
      await eventually(
        'a push failed',
        async () => (await metric(http, 'cronmesh_loki_pushes_total{result="failed"}')) > 0,
      );
      assert.ok((await metric(http, 'cronmesh_loki_waiting_bytes')) <= 8 * 1024 * 1024);
      assert.equal(await metric(http, 'cronmesh_loki_dropped_total'), 0);
    }
    const told = logOf('master-0').match(/Loki does not take the log/g) ?? [];
    assert.equal(told.length, 1, 'it is said once a minute');
    assert.ok((await metric(cluster.masters[0]?.http, 'cronmesh_output_archive_lag_seconds')) > 0);
  });

  it('are found once Loki has come: those of the programs, from their start, and what runs printed', async () => {
    await loki.start();
    for (const program of ['master', 'worker']) {
      const entries = await found(`{app="cronmesh", kind="log", program="${program}"}`, lines =>
        lines.some(line => /"msg":"(ready|started)"/.test(line)),
      );
      const printed = logOf(`${program}-0`).split('\n');
      for (const { line } of entries) assert.ok(printed.includes(line), line);
    }
    const [run] = (await rest.all<RunView>(`${jobs}/each-second/runs`))
      .filter(({ state }) => state === 'Succeeded')
      .slice(-1);
    assert.ok(run);
    const [entry] = await found(`{app="cronmesh", kind="output"} | run="${run.id}"`, lines => lines.length > 0);
    assert.equal(Date.parse(entry?.line.replace('tick ', '') ?? ''), Date.parse(run.tick ?? ''));
    assert.equal(entry?.labels.traceId, traceIdOf(run.id as RunId));
    const byTrace = await loki.lines(`{app="cronmesh"} | traceId="${traceIdOf(run.id as RunId)}"`);
    assert.ok(byTrace.some(({ labels }) => labels.kind === 'output'));
  });

  it('are one JSON object a line, with the fields of docs/logs.md, and the trace of each run that they are about', async () => {
    const { id } = await rest.post<{ id: string }>(`${jobs}/each-second/suspend`).then(async () => {
      await rest.post(jobs, {
        metadata: { name: 'sleeps' },
        spec: { schedule: '@manually', executor: { shell: { command: 'sleep 60' } } },
      });
      return await rest.post<{ id: string }>(`${jobs}/sleeps/trigger`);
    });
    await eventually('it runs', async () => (await rest.get<RunView>(`/api/v1/runs/${id}`)).state === 'Running');
    await rest.post(`/api/v1/runs/${id}/kill`);
    await eventually('it was killed', async () => (await rest.get<RunView>(`/api/v1/runs/${id}`)).state === 'Killed');
    const known = documentedFields();
    const traced: unknown[] = [];
    for (const name of ['master-0', 'worker-0']) {
      const text = logOf(name);
      assert.ok(!text.includes(secret), 'no secret is in it');
      for (const line of text.split('\n').filter(Boolean)) {
        const fields = JSON.parse(line) as Record<string, unknown>;
        for (const field of ['level', 'time', 'program', 'pid', 'msg']) assert.ok(field in fields, `${field}: ${line}`);
        for (const field of Object.keys(fields))
          assert.ok(known.has(field), `${field} is not in docs/logs.md: ${line}`);
        assert.ok(!Number.isNaN(Date.parse(String(fields.time))));
        if (typeof fields.run === 'string') assert.equal(fields.traceId, traceIdOf(fields.run as RunId));
        if (fields.run === id) traced.push(fields.msg);
      }
    }
    assert.ok(traced.includes('killing a run'), `${traced}`);
  });

  it('are shown by the dashboards', async () => {
    const values = {
      job_namespace: '.*',
      component: '.*',
      job: 'each-second',
      run: '.*',
      search: 'tick',
      __auto: '1m',
    };
    const queries = panelQueries().filter(({ source }) => source === 'loki');
    assert.ok(queries.length >= 2);
    for (const { dashboard, panel, expr } of queries) {
      const query = withValues(expr, values);
      const answers = /count_over_time/.test(expr) ? await loki.series(query) : await loki.lines(query);
      assert.ok(answers.length > 0, `${dashboard}: ${panel}: ${query}`);
    }
    const all = withValues(queries.find(({ expr }) => !/count_over_time/.test(expr))?.expr ?? '', {
      ...values,
      job: '.*',
      search: '',
    });
    const kinds = new Set((await loki.lines(all)).map(({ labels }) => labels.kind));
    assert.deepEqual([...kinds].sort(), ['log', 'output']);
  });
});
