import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { RunId } from '../../src/domain/run/run.ts';
import { traceIdOf } from '../../src/observability/trace-context.ts';
import { Ask } from '../support/ask.ts';
import { opensslSkip } from '../support/certificates.ts';
import { cronmesh } from '../support/cli.ts';
import { consulSkip } from '../support/consul.ts';
import { type Everything, startEverything } from '../support/everything.ts';
import { lokiSkip } from '../support/loki.ts';
import { rnacosSkip } from '../support/nacos.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import { prometheusSkip } from '../support/prometheus.ts';
import { startReceiver } from '../support/receiver.ts';
import { Rest, type RunView } from '../support/rest.ts';
import { ruleFiles, rulesOf } from '../support/rules.ts';
import { judge, readStarts } from './verdict.ts';

const jobs = '/api/v1/namespaces/default/jobs';
const everySecond = '* * * * * *';
const spans = ['claim', 'commit', 'execute', 'report', 'run'];
/** What the issue promises of a change to a live setting. */
const within = 5_000;
/** Seconds for which each server is away at least, and quiet after it is back. */
const [away, between] = [5, 1];

const skip = consulSkip() || postgresSkip() || opensslSkip() || prometheusSkip() || lokiSkip() || rnacosSkip();

type Ran = RunView & { readonly startedAt?: string; readonly finishedAt?: string };

/**
 * Consul with ACLs and TLS, PostgreSQL by TLS alone, Prometheus, Loki, a server of Nacos' protocol, a receiver of OTLP,
 * two masters and three workers with mTLS, tokens and https: each is asked, by its own API, for what it should hold.
 */
describe('every system at once, each the real server', { skip }, () => {
  let all: Everything;
  let ask: Ask;
  let rest: Rest;
  let asked: Awaited<ReturnType<typeof startReceiver>>;
  /** Those of the first jobs, once all of them have ended. */
  let runs: readonly Ran[] = [];
  const cleanups: (() => unknown)[] = [];

  before(async () => {
    asked = await startReceiver({ after: cleanup => void cleanups.push(cleanup as () => unknown) });
    all = await startEverything();
    ask = new Ask(all);
    rest = all.secure.cluster.rest();
  });
  after(async () => {
    await all?.stop();
    for (const cleanup of cleanups) await cleanup();
  });

  const make = (name: string, schedule: string, executor: object, more: object = {}) =>
    rest.post(jobs, { metadata: { name }, spec: { schedule, executor, ...more } });
  const suspend = (names: readonly string[]) => Promise.all(names.map(name => rest.post(`${jobs}/${name}/suspend`)));
  const of = (name: string) => runs.filter(run => run.name === name);
  const spoken = (run: string) => Array.from({ length: 8 }, (_, i) => `line ${i + 1} of ${run}`);

  const every = (what: string, check: () => Promise<boolean>) => eventually(what, check, 60_000, 1_000);

  it('runs jobs by shell and http, each tick once, and both masters tell the same of them', async () => {
    const speak = 'for i in 1 2 3 4 5 6 7 8; do echo "line $i of $CRONMESH_RUN"; done';
    await make('speaks', everySecond, { shell: { command: speak } });
    await make('asks', everySecond, { http: { url: `${asked.url}/`, method: 'GET' } });
    await make('fails', '*/2 * * * * *', { shell: { command: 'exit 3' } });
    const secretRefs = [{ name: 'WORD', environment: { variable: 'JOB_SECRET' } }];
    await make('tells', '@manually', { shell: { command: 'echo "it is $WORD"' } }, { secretRefs });
    await rest.post(`${jobs}/tells/trigger`);
    await eventually(
      'twelve runs have ended',
      async () => (await rest.all<Ran>(`${jobs}/speaks/runs`)).filter(run => run.finishedAt).length >= 12,
      60_000,
      1_000,
    );
    await suspend(['speaks', 'asks', 'fails']);
    await ask.settled();

    runs = await rest.all<Ran>('/api/v1/runs');
    assert.deepEqual(await all.secure.cluster.rest(1).all<Ran>('/api/v1/runs'), runs);
    for (const [name, state, step] of [
      ['speaks', 'Succeeded', 1_000],
      ['asks', 'Succeeded', 1_000],
      ['fails', 'Failed', 2_000],
    ] as const) {
      assert.deepEqual([...new Set(of(name).map(run => run.state))], [state], name);
      const ticks = of(name).map(run => Date.parse(run.tick ?? ''));
      for (const [i, tick] of ticks.entries()) if (i > 0) assert.equal((ticks[i - 1] ?? 0) - tick, step, name);
      assert.deepEqual((await rest.get<{ items: unknown[] }>(`${jobs}/${name}/skips`)).items, [], name);
    }
    assert.deepEqual(
      of('tells').map(run => run.state),
      ['Succeeded'],
    );
    const requests = asked.received.map(({ headers }) => headers['cronmesh-run']);
    assert.deepEqual(
      requests.sort(),
      of('asks')
        .map(run => run.id)
        .sort(),
    );
    const names = runs.map(({ worker = '' }) => worker.replace(/-[a-z0-9]{5}$/, ''));
    assert.deepEqual([...new Set(names)].sort(), ['worker-0', 'worker-1', 'worker-2']);
  });

  it('Consul has the members, the definitions and the last decisions, and gives nothing without rights', async () => {
    const ready = await ask.catalog('cronmesh-worker');
    assert.deepEqual(ready.map(({ name }) => name).sort(), ['worker-0', 'worker-1', 'worker-2']);
    assert.equal((await ask.catalog('cronmesh-master')).length, 2);
    for (const name of ['speaks', 'asks', 'fails', 'tells']) {
      const job = await ask.held<{ spec: Record<string, unknown> }>(`kv/cron/jobs/default/${name}?raw`);
      const { spec } = await rest.get<{ spec: Record<string, unknown> }>(`${jobs}/${name}`);
      assert.deepEqual(job.spec.executor, spec.executor, name);
      assert.equal(job.spec.suspend ?? false, name !== 'tells', name);
    }
    for (const name of ['speaks', 'asks', 'fails']) {
      const cursor = await ask.held<{ run: string; tick: number }>(`kv/cron/cursor/default/${name}?raw`);
      assert.equal(cursor.run, of(name)[0]?.id, name);
    }
    const { management } = all.secure.consul;
    for (const prefix of ['lock', 'trigger'])
      await eventually(
        `no ${prefix} is left`,
        async () => (await ask.consul(`kv/cron/${prefix}/?keys`, management)).status === 404,
      );

    const made = await ask.consul('acl/token', management, { method: 'PUT', body: '{}' });
    const powerless: string = JSON.parse(made.text).SecretID;
    for (const token of [undefined, powerless]) {
      assert.equal((await ask.consul('kv/cron/jobs/default/speaks', token)).status, 403);
      const put = { method: 'PUT', body: 'x' };
      assert.equal((await ask.consul('kv/cron/jobs/default/speaks', token, put)).status, 403);
      assert.deepEqual(JSON.parse((await ask.consul('health/service/cronmesh-worker', token)).text), []);
    }
    const { worker } = all.secure.consul.tokens;
    const stolen = await ask.consul('kv/cron/jobs/default/speaks', worker, { method: 'PUT', body: 'x' });
    assert.equal(stolen.status, 403);
  });

  it('PostgreSQL has the runs and their output, and every connection to it is by TLS', async () => {
    const rows = await ask.database<{ id: string; name: string; state: string; tick: string | null }>(
      'SELECT id, name, state, tick FROM run',
    );
    const shown = runs.map(({ id, name, state, tick }) => [
      id,
      name,
      state,
      tick === undefined ? null : Date.parse(tick),
    ]);
    const kept = rows.map(({ id, name, state, tick }) => [id, name, state, tick === null ? null : Number(tick)]);
    assert.deepEqual(kept.sort(), shown.sort());
    const printed = await ask.database<{ run: string; text: string }>(
      "SELECT run, string_agg(text, '' ORDER BY attempt, sequence) AS text FROM run_log GROUP BY run",
    );
    const texts = new Map(printed.map(({ run, text }) => [run, text]));
    for (const { id } of of('speaks')) assert.equal(texts.get(id), `${spoken(id).join('\n')}\n`);
    const clients = await ask.database<{ ssl: boolean; version: string }>(
      "SELECT ssl, version FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE backend_type = 'client backend'",
    );
    assert.ok(clients.length >= 3, `${clients.length} connections`);
    for (const { ssl, version } of clients) assert.ok(ssl && /^TLSv1\.[23]$/.test(version), version);
    const bare = new URL(all.secure.cluster.postgres.url);
    bare.search = '';
    const plain = new pg.Client({ connectionString: bare.href, ssl: false });
    await assert.rejects(plain.connect(), /no encryption/);
  });

  it('Prometheus scrapes every process by https, has counted each start, and its rules have data', async () => {
    const { prometheus } = all;
    const targets = await ask.targetsUp();
    assert.ok(targets.every(({ scrapeUrl }) => scrapeUrl.startsWith('https://')));
    const count = (job: string) => targets.filter(({ labels }) => labels.job === job).length;
    assert.deepEqual([count('cronmesh-master'), count('cronmesh-worker')], [2, 3]);
    await every('each start is counted', async () => {
      const started = await ask.sum('cronmesh_run_starts_total{outcome="started"}');
      return started === runs.length;
    });
    await every('each end is counted', async () => {
      const failed = await ask.sum('cronmesh_run_finishes_total{outcome="Failed"}');
      return failed === of('fails').length;
    });
    const records = ruleFiles.flatMap(file => rulesOf(readFileSync(file, 'utf8'))).flatMap(({ record = [] }) => record);
    assert.ok(records.length > 5);
    for (const record of records)
      await every(`data of ${record}`, async () =>
        (await prometheus.query(`max_over_time(${record}[10m])`)).some(({ value }) => Number.isFinite(value)),
      );
    for (const { name, health, lastError } of await prometheus.rules())
      assert.equal(health, 'ok', `${name}: ${lastError}`);
    assert.equal((await new Rest(rest.base).request('GET', '/metrics')).status, 401, 'a master asks for a token');
  });

  it('Loki has what runs printed, in order and nothing missing, and the programs’ own lines', async () => {
    const query = '{app="cronmesh", kind="output"} | job="default/speaks"';
    await every('all of it', async () => (await all.loki.lines(query)).length >= of('speaks').length * 8);
    const printed = Map.groupBy(await all.loki.lines(query), ({ labels }) => labels.run ?? '');
    assert.deepEqual(
      [...printed.keys()].sort(),
      of('speaks')
        .map(run => run.id)
        .sort(),
    );
    for (const [run, entries] of printed)
      assert.deepEqual(
        entries.map(({ line }) => line),
        spoken(run),
      );
    const [one] = of('speaks');
    const byTrace = await all.loki.lines(`{app="cronmesh"} | traceId="${traceIdOf(one?.id as RunId)}"`);
    assert.deepEqual(
      byTrace.filter(({ labels }) => labels.kind === 'output').map(({ line }) => line),
      spoken(one?.id ?? ''),
    );
    for (const member of ask.members) assert.ok((await ask.linesInLoki(member)) > 2, member.name);
  });

  /** The names of a run's spans, each once. */
  const traced = (run: string) =>
    [...new Set(all.collector.of(traceIdOf(run as RunId)).map(({ name }) => name))].sort();

  it('OTLP brought one trace for each run, whole', async () => {
    const whole = ({ id }: Ran) => traced(id).length === spans.length;
    await every('every trace', async () => runs.every(whole));
    for (const { id, state } of runs) {
      assert.deepEqual(traced(id), spans);
      const roots = all.collector.of(traceIdOf(id as RunId)).filter(({ name }) => name === 'run');
      assert.deepEqual(
        roots.map(({ attributes }) => attributes['cronmesh.outcome']),
        [state],
      );
    }
    const traces = new Set(all.collector.spans.map(({ traceId }) => traceId));
    assert.deepEqual([...traces].sort(), runs.map(({ id }) => traceIdOf(id as RunId)).sort());
  });

  /** Publishes a capacity, and waits until every worker has it. */
  const capacity = async (wanted: number): Promise<string> => {
    const text = `log: { level: info }\nworker: { capacity: ${wanted} }`;
    await all.nacos.publish('cronmesh', text);
    await eventually(
      `capacity ${wanted} on every worker`,
      async () => (await ask.capacities()).every(one => one === wanted),
      within,
      200,
    );
    return text;
  };

  it('Nacos has the settings, and a change there acts on every worker within 5 s, and is seen everywhere', async () => {
    assert.deepEqual(await ask.capacities(), [40, 40, 40]);
    const text = await capacity(24);
    assert.equal(await all.nacos.read('cronmesh'), text);
    const { env } = all.secure.cluster.workers[0] ?? assert.fail();
    const print = ['config', 'print', '--role', 'worker', '-o', 'json'];
    const { status, stdout, stderr } = await cronmesh(print, { env });
    assert.equal(status, 0, stderr);
    const { settings, sources } = JSON.parse(stdout);
    assert.deepEqual(settings['worker.capacity'], { value: 24, source: 'Nacos DEFAULT_GROUP/cronmesh', live: true });
    assert.deepEqual(
      sources.map((one: { status: string }) => one.status),
      ['here'],
    );
    for (const [what, secret] of Object.entries(all.secrets)) assert.ok(!stdout.includes(secret), what);
    await eventually('Consul’s catalog', async () => {
      const found = await ask.catalog('cronmesh-worker');
      return found.length === 3 && found.every(one => one.capacity === '24');
    });
    await every('Prometheus', async () => (await ask.sum('cronmesh_worker_capacity')) === 3 * 24);
    assert.equal(await ask.sum('cronmesh_config_source_up{source="nacos"}'), 5, 'masters follow it, too');
  });

  it('no tick is late, missed or doubled, and no line lost, while each of the four is killed and comes again', async t => {
    const { prometheus, loki, nacos, collector } = all;
    const proof = join(all.secure.cluster.folder, 'proof');
    const starts = () => (existsSync(proof) ? readStarts(proof) : []);
    const names = Array.from({ length: 10 }, (_, i) => `held-${i}`);
    const tell = `echo "$CRONMESH_JOB $CRONMESH_TICK $CRONMESH_RUN $CRONMESH_WORKER $(date +%s.%N)" >> ${proof}`;
    const command = `${tell}; echo "first of $CRONMESH_RUN"; echo "last of $CRONMESH_RUN"`;
    for (const name of names) await make(name, everySecond, { shell: { command } });
    await eventually('each has started', () => new Set(starts().map(({ job }) => job)).size === names.length);
    await sleep(2_000);

    const seconds = 4 * (away + between);
    const now = () => Math.floor(Date.now() / 1_000) * 1_000;
    const from = now();
    await sleep(seconds * 1_000);
    const calm = now();
    const output = '{app="cronmesh", kind="output"} | job=~"default/held-.*"';
    const pushed = new Set((await loki.lines(output)).map(({ line }) => line));
    assert.ok(pushed.size > 0, 'Loki has something before it is killed');
    const samples = (await ask.sum('count_over_time(up[10m])')) ?? 0;
    const back: Record<string, number> = {};
    let wanted = 24;
    for (const [name, url, kill, start] of [
      ['Prometheus', prometheus.url, () => prometheus.kill(), () => prometheus.restart()],
      ['Loki', loki.url, () => loki.kill(), () => loki.start()],
      ['Nacos', `http://${nacos.address}`, () => nacos.kill9(), () => nacos.restart()],
      ['OTLP', collector.endpoint, () => collector.stop(), () => collector.restart()],
    ] as const) {
      await kill();
      await assert.rejects(fetch(url), `${name} is away`);
      for (let second = 0; second < away; second++) {
        // A change that acts, and that every process logs: what goes to Loki and cannot.
        if (name !== 'Nacos') await capacity(++wanted);
        else assert.deepEqual(await ask.capacities(), [wanted, wanted, wanted], 'as Nacos last said');
        await sleep(1_000);
      }
      const began = Date.now();
      await start();
      back[name] = Date.now() - began;
      await sleep(between * 1_000);
    }
    const returned = now();
    await sleep(3_000);
    await suspend(names);
    await ask.settled();

    const schedules = names.map(job => ({ job, namespace: 'default', pattern: everySecond, timeZone: 'UTC' }));
    const whole = await judge(rest, schedules, starts(), from, returned);
    const { lateness: usual } = await judge(rest, schedules, starts(), from, calm);
    const { lateness } = await judge(rest, schedules, starts(), calm, returned);
    t.diagnostic(
      JSON.stringify({ expected: whole.expected, started: whole.started, calm: usual, away: lateness, back }),
    );
    assert.deepEqual([whole.twice, whole.missed, whole.excused, whole.stray], [[], [], [], []]);
    assert.equal(whole.started, whole.expected);
    const skips = await ask.database("SELECT * FROM skip WHERE name LIKE 'held-%'");
    assert.deepEqual(skips, []);
    assert.ok(lateness.p99 <= 3 * usual.p99 + 500, `p99 ${lateness.p99} ms, in calm ${usual.p99} ms`);

    const rows = await ask.database<{ id: string; state: string; text: string | null }>(
      "SELECT id, state, string_agg(text, '' ORDER BY run_log.attempt, sequence) AS text FROM run LEFT JOIN run_log ON run = id WHERE name LIKE 'held-%' GROUP BY id, state",
    );
    const said = (run: string) => [`first of ${run}`, `last of ${run}`];
    const expected = starts().map(({ run }) => [run, 'Succeeded', `${said(run).join('\n')}\n`]);
    assert.deepEqual(rows.map(({ id, state, text }) => [id, state, text]).sort(), expected.sort());

    // Of a collector that is back so soon nothing is said: spans are sent again for some seconds before they are dropped.
    const told = ask.members.map(member => ask.log(member)).join('');
    assert.match(told, /Nacos [^"]*".*the source is away: what it last said stays in force/);

    await every('Loki has all of it', async () => (await loki.lines(output)).length >= rows.length * 2);
    const archived = (await loki.lines(output)).map(({ line }) => line);
    assert.deepEqual(archived.toSorted(), rows.flatMap(({ id }) => said(id)).sort());
    const lost = [...pushed].filter(line => !archived.includes(line));
    assert.deepEqual(lost, [], 'what it had before its death it has');
    for (const member of ask.members) await ask.linesInLoki(member);

    await ask.targetsUp();
    const total = (await rest.all<Ran>('/api/v1/runs')).length;
    await every(
      'each start is counted',
      async () => (await ask.sum('cronmesh_run_starts_total{outcome="started"}')) === total,
    );
    assert.ok(((await ask.sum('count_over_time(up[10m])')) ?? 0) > samples, 'it has what it had before its death');
    assert.equal(await ask.sum('cronmesh_loki_dropped_total'), 0);
    assert.equal(await ask.sum('cronmesh_loki_pushes_total{result="failed"} > bool 0'), 5, 'each process missed Loki');
    await capacity(++wanted);
    const late = starts().filter(({ tick }) => tick > returned);
    assert.ok(late.length > 0);
    const untraced = (some: readonly { readonly run: string }[]) =>
      some.filter(({ run }) => traced(run).length < spans.length).length;
    await every('traces of what ran since', async () => untraced(late) === 0);
    t.diagnostic(`${untraced(starts())} of ${starts().length} runs without a whole trace`);
    const { masters, workers } = all.secure.cluster;
    assert.ok([...masters, ...workers].every(({ program }) => program.running));
  });

  it('none of them holds a secret', async () => {
    const keys = await ask.held<{ Key: string; Value: string | null }[]>('kv/cron/?recurse');
    const lines = await all.loki.lines('{app="cronmesh"}');
    const tables = ['job', 'job_spell', 'run', 'run_log', 'notification'];
    const rows = await ask.database<{ row: string }>(
      tables.map(table => `SELECT row_to_json(${table})::text AS row FROM ${table}`).join(' UNION ALL '),
    );
    const places: Record<string, readonly string[]> = {
      Consul: keys.map(({ Key, Value }) => `${Key} ${Buffer.from(Value ?? '', 'base64')}`),
      Loki: lines.map(({ line, labels }) => `${line} ${JSON.stringify(labels)}`),
      PostgreSQL: rows.map(({ row }) => row),
      Prometheus: (await all.prometheus.query('{__name__=~".+"}')).map(({ metric }) => JSON.stringify(metric)),
      OTLP: all.collector.spans.map(span => JSON.stringify(span)),
      Nacos: [await all.nacos.read('cronmesh')],
    };
    for (const [place, texts] of Object.entries(places)) {
      assert.ok(texts.length > 0, place);
      const text = texts.join('\n');
      for (const [what, secret] of Object.entries(all.secrets)) assert.ok(!text.includes(secret), `${place}: ${what}`);
    }
    assert.ok(
      lines.some(({ line, labels }) => labels.job === 'default/tells' && /^it is \*+$/.test(line)),
      'what a run told of its secret is hidden',
    );
  });
});
