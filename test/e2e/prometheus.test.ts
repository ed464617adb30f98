import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { Cluster } from '../support/cluster.ts';
import { consulSkip } from '../support/consul.ts';
import { panelQueries, variableQueries, withValues } from '../support/dashboards.ts';
import { Loki, lokiSkip } from '../support/loki.ts';
import { documentedMetrics, scrapedFamilies } from '../support/metrics.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually, freePort } from '../support/process.ts';
import { Prometheus, prometheusSkip, type Sample } from '../support/prometheus.ts';
import type { Rest, RunView } from '../support/rest.ts';
import { alertRules, ruleFiles, rulesOf, shortened } from '../support/rules.ts';

/** Times in the rules are divided by it: 5 minutes are 5 seconds. */
const factor = 60;
const skip = prometheusSkip() || lokiSkip() || consulSkip() || postgresSkip();
const sleep = (seconds: number): Promise<void> => new Promise(resolve => setTimeout(resolve, seconds * 1_000));

/**
 * Every rule, every query of the dashboards and every alert, on a real Prometheus that scrapes a real cluster. Alerts
 * fire because what they tell of was done to the cluster, and clear because it was mended.
 */
describe('what Prometheus sees of a cluster', { skip }, () => {
  let cluster: Cluster;
  let prometheus: Prometheus;
  let loki: Loki;
  let rest: Rest;
  let channelPort = 0;
  const seen = new Set<string>();

  before(async () => {
    channelPort = await freePort();
    const channels = { ops: { webhook: { url: `http://127.0.0.1:${channelPort}/` } } };
    loki = await Loki.start();
    cluster = await Cluster.start({
      masters: 2,
      workers: 2,
      masterEnv: {
        CRONMESH_NOTIFICATIONS_CHANNELS: JSON.stringify(channels),
        CRONMESH_LOGS_LOKI_URL: loki.url,
      },
      workerEnv: {
        CRONMESH_WORKER_CAPACITY: '8',
        CRONMESH_WORKER_DRAIN_SECONDS: '1',
        CRONMESH_METRICS_PER_JOB: '100',
      },
    });
    rest = cluster.rest();
    const address = ({ http }: { readonly http: number }): string => `127.0.0.1:${http}`;
    prometheus = await Prometheus.start({
      targets: { 'cronmesh-master': cluster.masters.map(address), 'cronmesh-worker': cluster.workers.map(address) },
      labels: { namespace: 'cron' },
      rules: ruleFiles.map(file => shortened(readFileSync(file, 'utf8'), factor)),
    });
  });
  after(async () => {
    await prometheus?.stop();
    await cluster?.stop();
    await loki?.stop();
  });

  const jobs = '/api/v1/namespaces/default/jobs';
  const outputOf = (name: string) => `{app="cronmesh", kind="output"} | job="default/${name}"`;
  const everySecond = (spec: Record<string, unknown>) => ({ schedule: '* * * * * *', ...spec });
  const shell = (command: string) => ({ executor: { shell: { command } } });
  const make = (name: string, spec: Record<string, unknown>) => rest.post(jobs, { metadata: { name }, spec });
  const edit = (name: string, spec: Record<string, unknown>) =>
    rest.json('PATCH', `${jobs}/${name}`, { spec }, { 'content-type': 'application/merge-patch+json' });
  const remove = async (name: string): Promise<void> => {
    await rest.json('DELETE', `${jobs}/${name}`);
  };
  const fires = async (...names: string[]): Promise<void> => {
    for (const name of names) {
      const began = Date.now();
      await eventually(`${name} fires`, async () => (await prometheus.firing()).has(name), 90_000, 1_000);
      seen.add(name);
      process.stdout.write(`# ${name} fires after ${((Date.now() - began) / 1_000).toFixed(0)} s\n`);
    }
  };
  const clears = async (...names: string[]): Promise<void> => {
    for (const name of names) {
      const began = Date.now();
      await eventually(`${name} clears`, async () => !(await prometheus.firing()).has(name), 120_000, 1_000);
      process.stdout.write(`# ${name} clears after ${((Date.now() - began) / 1_000).toFixed(0)} s\n`);
    }
  };

  it('runs jobs of every kind, and shows traces of runs as exemplars', async () => {
    for (const name of ['ok-0', 'ok-1', 'ok-2']) await make(name, everySecond(shell('echo fine')));
    await make('slow', everySecond({ ...shell('sleep 3'), concurrencyPolicy: 'Forbid' }));
    await make('again', everySecond({ ...shell('exit 1'), retry: { limit: 1, backoff: { initialSeconds: 1 } } }));
    await make('fails', everySecond({ ...shell('exit 1'), notify: [{ channel: 'ops', events: ['Failure'] }] }));
    await make('nobody', everySecond({ ...shell('true'), placement: { selector: { matchLabels: { zone: 'mars' } } } }));
    await make('by-hand', { schedule: '@manually', ...shell('sleep 100') });
    const traces = await eventually(
      'exemplars',
      async () => {
        const found = await prometheus.exemplars('cronmesh_run_start_lateness_seconds_bucket');
        return found.length > 0 ? found.map(labels => labels.trace_id) : undefined;
      },
      30_000,
      1_000,
    );
    const runs = await rest.all<RunView>('/api/v1/runs');
    const known = new Set(runs.map(({ id }) => createHash('sha256').update(id).digest('hex').slice(0, 32)));
    assert.ok(
      traces.some(trace => known.has(trace ?? '')),
      `${traces} are traces of runs`,
    );
  });

  it('alerts of jobs that fail, are missed, have no worker, and are not told of', async () => {
    await fires(
      'CronmeshJobsFailing',
      'CronmeshJobsWithoutWorker',
      'CronmeshTicksMissed',
      'CronmeshNotificationsFailing',
    );
  });

  it('shows every metric that docs/metrics.md names, and no other', async () => {
    const found = new Map<string, string>();
    for (const { http } of [...cluster.masters, ...cluster.workers]) {
      const text = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text();
      for (const [name, shown] of scrapedFamilies(text))
        found.set(name, shown.length > (found.get(name)?.length ?? 0) ? shown : (found.get(name) ?? shown));
    }
    const documented = documentedMetrics().filter(({ of }) => of !== 'operator');
    assert.deepEqual([...found.keys()].sort(), documented.map(({ name }) => name).sort());
    for (const { name, type, labels } of documented) {
      const shown = found.get(name) ?? '';
      assert.ok(
        [`${type} ${labels.join(',')}`, `${type} `].includes(shown),
        `${name}: is ${shown}, docs say ${type} ${labels}`,
      );
    }
  });

  const finite = (samples: readonly Sample[]): boolean => samples.some(({ value }) => Number.isFinite(value));

  it('gives data for every recording rule and every query of every dashboard', async () => {
    const values = {
      namespace: '.*',
      worker: '.*',
      job_namespace: 'default',
      job: 'ok-0',
      __rate_interval: '10s',
      __range: '30s',
    };
    const recorded = ruleFiles
      .flatMap(file => rulesOf(readFileSync(file, 'utf8')))
      .flatMap(({ record }) =>
        record === undefined ? [] : [{ dashboard: 'recording.yaml', panel: record, expr: record }],
      );
    const panels = panelQueries().filter(({ source }) => source === 'prometheus');
    assert.ok(panels.length > 40, `${panels.length} queries`);
    for (const { dashboard, panel, expr } of [...recorded, ...panels]) {
      await eventually(
        `${dashboard}, ${panel}: data for ${expr}`,
        async () => finite(await prometheus.query(withValues(expr, values))),
        20_000,
        1_000,
      );
    }
    for (const { dashboard, match, label } of variableQueries()) {
      const found = await prometheus.labelValues(label, withValues(match, values));
      assert.ok(found.length > 0, `${dashboard}: values of ${label} in ${match}`);
    }
  });

  it('alerts no more of what was mended', async () => {
    const receiver = createServer((_, response) => response.end('ok')).listen(channelPort, '127.0.0.1');
    await once(receiver, 'listening');
    await remove('nobody');
    for (const name of ['fails', 'again']) await edit(name, shell('true'));
    await clears(
      'CronmeshJobsFailing',
      'CronmeshJobsWithoutWorker',
      'CronmeshTicksMissed',
      'CronmeshNotificationsFailing',
    );
    receiver.closeAllConnections();
    receiver.close();
    assert.deepEqual([...(await prometheus.firing())], []);
  });

  it('alerts of output that is not archived while Loki is away', async () => {
    const printed = async () => new Set((await loki.lines(outputOf('ok-0'))).map(({ labels }) => labels.run));
    await eventually('Loki has what runs printed', async () => (await printed()).size > 0, 30_000, 1_000);
    await loki.kill();
    await fires('CronmeshArchiveLag');
    const { items } = await rest.get<{ items: RunView[] }>(`${jobs}/ok-0/runs?state=Succeeded&limit=5`);
    await loki.start();
    await clears('CronmeshArchiveLag');
    await eventually(
      'what runs printed meanwhile is archived',
      async () => {
        const found = await printed();
        return items.length > 0 && items.every(({ id }) => found.has(id));
      },
      30_000,
      1_000,
    );
  });

  it('alerts of full workers, and of runs that wait', async () => {
    const fillers = ['fill-0', 'fill-1', 'fill-2'];
    for (const name of fillers) await make(name, everySecond(shell('sleep 12')));
    await fires('CronmeshWorkersSaturated');
    await rest.post(`${jobs}/by-hand/trigger`, {});
    await fires('CronmeshBacklog');
    for (const name of fillers) await remove(name);
    await clears('CronmeshWorkersSaturated', 'CronmeshBacklog');
  });

  it('alerts of workers that died, and of the runs that died with them', async () => {
    await rest.post(`${jobs}/by-hand/trigger`, {});
    await eventually('a run of each kind is going', async () => {
      const { items } = await rest.get<{ items: RunView[] }>('/api/v1/runs?state=Running&limit=100');
      return items.some(({ name }) => name === 'by-hand');
    });
    await Promise.all(cluster.workers.map(({ program }) => program.kill()));
    await fires('CronmeshNoReadyWorker', 'CronmeshTargetDown', 'CronmeshRunsLost');
    for (const index of cluster.workers.keys()) cluster.restart('worker', index);
    await clears('CronmeshNoReadyWorker', 'CronmeshTargetDown', 'CronmeshRunsLost');
  });

  it('alerts of a database that is away, and of reports that pile up', async () => {
    await cluster.postgres.crash();
    await fires('CronmeshDatabaseAway', 'CronmeshSpoolGrowing');
    await cluster.postgres.restart();
    await clears('CronmeshDatabaseAway', 'CronmeshSpoolGrowing');
  });

  it('alerts of a Consul that is away', async () => {
    const { pid } = cluster.consul;
    process.kill(pid, 'SIGSTOP');
    try {
      // Committed, and answered once it is known that Consul cannot be told.
      const changed = edit('ok-2', { suspend: true }).catch(() => {});
      await fires('CronmeshConsulAway', 'CronmeshPublicationLag', 'CronmeshNoLeader');
      await changed;
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await clears('CronmeshConsulAway', 'CronmeshPublicationLag', 'CronmeshNoLeader');
  });

  it('alerts of late starts while supervisors stall', async () => {
    const supervisors = cluster.workers.flatMap(({ program: { pid } }) =>
      readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number),
    );
    assert.ok(supervisors.length >= 2, `${supervisors} are supervisors`);
    const signal = (name: NodeJS.Signals): void => {
      for (const pid of supervisors) process.kill(pid, name);
    };
    const stalls = (async () => {
      for (let i = 0; i < 15 && !seen.has('CronmeshStartsLate'); i++) {
        signal('SIGSTOP');
        await sleep(3.3);
        signal('SIGCONT');
        await sleep(0.4);
      }
    })();
    try {
      await fires('CronmeshStartsLate');
    } finally {
      await stalls;
    }
    await clears('CronmeshStartsLate');
  });

  it('has made every alert fire, and none of the rules is ill', async () => {
    assert.deepEqual(
      [...seen].sort(),
      alertRules()
        .map(({ alert }) => alert)
        .sort(),
    );
    for (const { name, health, lastError } of await prometheus.rules())
      assert.equal(health, 'ok', `${name}: ${lastError}`);
  });
});
