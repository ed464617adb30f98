import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { RunId } from '../../src/domain/run/run.ts';
import { attemptSpanId, traceIdOf } from '../../src/observability/trace-context.ts';
import { Cluster } from '../support/cluster.ts';
import { consulSkip } from '../support/consul.ts';
import { OtlpReceiver } from '../support/otlp.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import { startReceiver } from '../support/receiver.ts';
import type { Rest, RunView } from '../support/rest.ts';

const jobs = '/api/v1/namespaces/default/jobs';

describe('traces of a cluster of separate processes', { skip: consulSkip() || postgresSkip() }, () => {
  let collector: OtlpReceiver;
  let cluster: Cluster;
  let rest: Rest;
  let asked: Awaited<ReturnType<typeof startReceiver>>;
  const cleanups: (() => unknown)[] = [];

  before(async () => {
    collector = await OtlpReceiver.start();
    asked = await startReceiver({ after: cleanup => void cleanups.push(cleanup as () => unknown) });
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '200',
    };
    const workerEnv = { ...env, CRONMESH_WORKER_ALLOW_PRIVATE_ADDRESSES: 'true' };
    cluster = await Cluster.start({ masters: 2, workers: 2, masterEnv: env, workerEnv });
    rest = cluster.rest();
  });
  after(async () => {
    await cluster?.stop();
    await collector?.stop();
    for (const cleanup of cleanups) await cleanup();
  });

  /** Makes a job that comes each second, and gives its first run that has ended. */
  async function firstRun(name: string, executor: Record<string, unknown>): Promise<RunView & { id: string }> {
    await rest.post(jobs, { metadata: { name }, spec: { schedule: '* * * * * *', executor } });
    const run = await eventually('a run that has ended', async () => {
      const runs = await rest.all<RunView & { finishedAt?: string }>(`${jobs}/${name}/runs`);
      return runs.find(one => one.finishedAt !== undefined);
    });
    await rest.post(`${jobs}/${name}/suspend`);
    return run;
  }

  const spansOf = (run: string) =>
    eventually('a whole trace', () => {
      const spans = collector.of(traceIdOf(run as RunId));
      return new Set(spans.map(span => span.name)).size === 5 && spans;
    });

  it('show a run from its tick through claim, execution, report and commit, and reach the server it asks', async () => {
    const run = await firstRun('asks', { http: { url: `${asked.url}/`, method: 'GET' } });
    const spans = await spansOf(run.id);
    const root = spans.find(span => span.name === 'run') ?? assert.fail();
    assert.equal(spans.length, 5);
    assert.deepEqual([root.parentSpanId, root.spanId], ['', attemptSpanId(run.id as RunId, 1)]);
    for (const span of spans) {
      if (span !== root) assert.equal(span.parentSpanId, root.spanId, span.name);
      assert.ok(span.to >= span.from, span.name);
      assert.equal(span.attributes['cronmesh.run'], run.id);
    }
    const services = Object.fromEntries(spans.map(span => [span.name, span.service]));
    const [master, worker] = ['cronmesh-master', 'cronmesh-worker'];
    assert.deepEqual(services, { run: worker, claim: worker, execute: worker, report: master, commit: master });
    const tick = Date.parse(run.tick ?? '');
    assert.equal(root.from, tick);
    assert.equal(root.attributes['cronmesh.tick'], run.tick);
    assert.equal(root.attributes['cronmesh.outcome'], 'Succeeded');
    const [claim, execute] = ['claim', 'execute'].map(name => spans.find(span => span.name === name) ?? assert.fail());
    assert.ok(claim && execute && claim.from === tick && execute.from >= tick);
    const request = asked.received.find(({ headers }) => headers['cronmesh-run'] === run.id);
    assert.equal(request?.headers.traceparent, `00-${traceIdOf(run.id as RunId)}-${root.spanId}-01`);
  });

  it('tell why a run failed, and reach child processes', async () => {
    const run = await firstRun('fails', { shell: { command: 'echo "$TRACEPARENT"; exit 3' } });
    const spans = await spansOf(run.id);
    const root = spans.find(span => span.name === 'run') ?? assert.fail();
    assert.match(root.failure ?? '', /3/);
    assert.equal(Number(root.attributes['process.exit.code']), 3);
    const printed = await (await rest.request('GET', `/api/v1/runs/${run.id}/logs`)).text();
    assert.equal(printed.trim(), `00-${root.traceId}-${root.spanId}-01`);
  });

  it('are dropped while the collector is away, with one line in the log, and nothing is late for it', async () => {
    await collector.stop();
    const run = await firstRun('goes-on', { shell: { command: 'true' } });
    assert.equal(run.state, 'Succeeded');
    const log = () =>
      readFileSync(join(cluster.folder, 'worker-0.log'), 'utf8') +
      readFileSync(join(cluster.folder, 'worker-1.log'), 'utf8');
    await eventually('a word in the log', () => log().includes('traces could not be sent'));
    collector = await OtlpReceiver.start(collector.port);
    await spansOf((await firstRun('is-back', { shell: { command: 'true' } })).id);
    const words = log()
      .split('\n')
      .filter(line => line.includes('traces could not be sent'));
    assert.ok(words.length <= 2, words.join('\n'));
  });
});
