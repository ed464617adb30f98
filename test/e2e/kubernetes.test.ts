import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { loadAll } from 'js-yaml';
import { kubectl, kubernetesSkip, type TemporaryNamespace, temporaryNamespace } from '../support/kubernetes.ts';
import { eventually } from '../support/process.ts';
import { Recorder } from '../support/recorder.ts';
import { imageSkip, Release, testImage } from '../support/release.ts';
import type { Rest, RunView } from '../support/rest.ts';
import { load, schedules } from './kubernetes/load.ts';
import { judge, type Verdict } from './verdict.ts';

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));
/** Where the load's jobs find the recorder: this machine, as the cluster's pods see it. */
const here = (): string =>
  process.env.CRONMESH_TEST_HOST ??
  kubectl(['get', 'nodes', '-o', 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}']);

interface Mcj {
  metadata: { name: string; generation: number };
  spec: { schedule: string; suspend?: boolean };
  status?: {
    observedGeneration?: number;
    active?: number;
    lastScheduleTime?: string;
    nextScheduleTime?: string;
    conditions?: { type: string; status: string; reason: string; message: string }[];
    lastRun?: { id: string; state: string };
  };
}

/** Who may do everything, as `auth.tokensFile` has it. */
const tokenEntry = (token: string): object => ({
  name: 'e2e',
  sha256: createHash('sha256').update(token).digest('hex'),
  namespaces: ['*'],
  role: 'admin',
});

/** Makes a Secret; its values are on no command line. */
function makeSecret(namespace: string, name: string, stringData: Readonly<Record<string, string>>): void {
  kubectl(
    ['--namespace', namespace, 'apply', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData }),
  );
}

describe('a release in Kubernetes, from nothing', { skip: kubernetesSkip() || imageSkip() }, () => {
  let namespace: TemporaryNamespace;
  let release: Release;
  let recorder: Recorder;
  let rest: Rest;
  let jobs: object[];
  const token = randomBytes(32).toString('hex');

  const mcj = async (name: string): Promise<Mcj> =>
    JSON.parse(await release.kubectl(['get', 'mcj', name, '-o', 'json'])) as Mcj;
  const ready = async (name: string) => (await mcj(name)).status?.conditions?.find(({ type }) => type === 'Ready');
  const apply = (...manifests: object[]): Promise<string> =>
    release.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }));
  const startsOf = (job: string): number => recorder.starts.filter(one => one.job === job).length;

  /** Lets the load's jobs fire while something happens, and for some seconds around it; then counts. */
  async function under(what: () => Promise<void>): Promise<Verdict> {
    const from = Date.now();
    await pause(5_000);
    await what();
    await pause(10_000);
    const to = Date.now();
    // Whoever is late (a trigger that waited, a pod) has its time.
    await pause(12_000);
    return await judge(rest, schedules(jobs), recorder.starts, from, to);
  }

  /** To the middle of a second: nothing is being claimed then, so that what follows costs nothing that was in flight. */
  async function betweenTicks(): Promise<void> {
    await pause(1_000 - ((Date.now() + 400) % 1_000));
  }

  function exactlyOnce(verdict: Verdict): void {
    const { expected, started, twice, missed, excused, stray, lateness } = verdict;
    assert.deepEqual({ twice, missed, excused, stray }, { twice: [], missed: [], excused: [], stray: [] });
    assert.equal(started, expected);
    process.stdout.write(`      ${expected} ticks, each started once; lateness ${JSON.stringify(lateness)}\n`);
  }

  before(async () => {
    namespace = temporaryNamespace('cronmesh-e2e');
    makeSecret(namespace.name, 'e2e-rest-token', { token });
    makeSecret(namespace.name, 'e2e-rest-tokens', { 'tokens.yaml': JSON.stringify([tokenEntry(token)]) });
    release = new Release(namespace.name, [
      file('../../helm/cronmesh/values-tryout.yaml'),
      file('./kubernetes/values.yaml'),
    ]);
    recorder = await Recorder.start();
    jobs = load(namespace.name, { host: here(), port: recorder.port });
  });
  after(async () => {
    await release?.uninstall().catch(error => process.stderr.write(`${error}\n`));
    await recorder?.stop();
    namespace?.remove();
  });

  it('is installed with sidecars, Consul and PostgreSQL, and all pods become ready', async () => {
    await release.apply();
    const pods = (await release.pods()).filter(pod => pod.component !== 'test');
    assert.ok(
      pods.every(pod => pod.ready),
      JSON.stringify(pods),
    );
    assert.deepEqual([...new Set(pods.map(pod => pod.component))].sort(), [
      'consul-server',
      'kubernetes-worker',
      'master',
      'operator',
      'postgresql',
      'worker',
    ]);
    rest = await release.rest(token);
    const workers = await eventually('5 ready workers', async () => {
      const { items } = await rest.get<{ items: { ready: boolean; address: string; name: string }[] }>(
        '/api/v1/workers',
      );
      return items.filter(one => one.ready).length === 5 && items;
    });
    const addresses = new Map((await release.pods()).map(pod => [pod.name, pod.ip]));
    for (const worker of workers) assert.equal(worker.address, addresses.get(worker.name), worker.name);
  });

  it('asks who uses REST, by the tokens of its Secret', async () => {
    const stranger = await release.rest();
    assert.equal((await stranger.request('GET', '/api/v1/workers')).status, 401);
    assert.equal((await rest.request('GET', '/api/v1/workers')).status, 200);
  });

  it('passes helm test', async () => {
    assert.match(await release.test(), /Succeeded/);
  });

  it('takes every example', async () => {
    const folder = file('../../deploy/examples/');
    const examples = readdirSync(folder).filter(name => name.endsWith('.yaml'));
    const manifests = examples
      .flatMap(name => loadAll(readFileSync(`${folder}${name}`, 'utf8')) as object[])
      .filter(one => (one as { kind?: string }).kind === 'CronJob') as {
      metadata: { name: string; namespace?: string };
    }[];
    assert.ok(manifests.length >= 12, `${manifests.length} examples`);
    await apply(...manifests.map(one => ({ ...one, metadata: { ...one.metadata, namespace: namespace.name } })));
    for (const { metadata } of manifests) {
      const condition = await eventually(`${metadata.name} is judged`, () => ready(metadata.name), 30_000, 500);
      assert.equal(condition.status, 'True', `${metadata.name}: ${condition.message}`);
    }
    await release.kubectl(['delete', 'mcj', '--all', '--wait=true', '--timeout=60s']);
    assert.deepEqual(await rest.all(`/api/v1/namespaces/${namespace.name}/jobs`), []);
  });

  it('runs shell, http and kubernetes jobs at their ticks, each tick once', async () => {
    await apply(...jobs);
    await eventually(
      'every job starts',
      () => jobs.length === new Set(recorder.starts.map(one => one.job)).size,
      90_000,
    );
    exactlyOnce(await under(() => pause(20_000)));
    const runs = await rest.all<RunView>(`/api/v1/namespaces/${namespace.name}/jobs/pod/runs`);
    assert.ok(
      runs.some(run => run.state === 'Succeeded'),
      JSON.stringify(runs),
    );
    const owner = JSON.parse(await release.kubectl(['get', 'jobs', '-o', 'json'])) as {
      items: { metadata: { ownerReferences?: { kind: string; name: string; uid: string }[] } }[];
    };
    const { uid } = JSON.parse(await release.kubectl(['get', 'mcj', 'pod', '-o', 'json'])).metadata;
    assert.ok(owner.items.length > 0);
    for (const { metadata } of owner.items) {
      assert.deepEqual(
        metadata.ownerReferences?.map(one => [one.kind, one.name, one.uid]),
        [['CronJob', 'pod', uid]],
      );
    }
  });

  it('shows true columns', async () => {
    const header = (await release.kubectl(['get', 'mcj'])).split('\n')[0];
    for (const column of ['SCHEDULE', 'TIME ZONE', 'SUSPEND', 'ACTIVE', 'LAST', 'NEXT', 'READY', 'AGE']) {
      assert.ok(header?.includes(column), `${column} is not in ${header}`);
    }
    await eventually(
      'the status is what REST says',
      async () => {
        const { status, metadata } = await mcj('pod');
        const [run] = await rest.all<RunView>(`/api/v1/namespaces/${namespace.name}/jobs/pod/runs`);
        const job = await rest.get<{ status: { nextTick: string } }>(`/api/v1/namespaces/${namespace.name}/jobs/pod`);
        return (
          status?.observedGeneration === metadata.generation &&
          status.lastRun?.id === run?.id &&
          status.lastRun?.state === run?.state &&
          Date.parse(status.lastScheduleTime ?? '') === Date.parse(run?.tick ?? '') &&
          Date.parse(status.nextScheduleTime ?? '') === Date.parse(job.status.nextTick)
        );
      },
      60_000,
      1_000,
    );
  });

  it('refuses invalid manifests, or says in their condition what is wrong', async () => {
    const shell = { shell: { command: 'true' } };
    const wrong = (spec: object, name = 'wrong') => ({
      apiVersion: 'cronmesh.io/v1alpha1',
      kind: 'CronJob',
      metadata: { name, namespace: namespace.name },
      spec,
    });
    const refused: [object, RegExp][] = [
      [{ schedule: '@daily' }, /executor.*required|required.*executor/is],
      [{ schedule: '@daily', executor: {} }, /exactly one/i],
      [{ schedule: '@daily', executor: shell, timeoutSeconds: -1 }, /timeoutSeconds/],
      [{ schedule: '@daily', executor: shell, shedule: 'x' }, /shedule/],
      [{ schedule: '* * * *', executor: shell }, /schedule/],
    ];
    for (const [spec, message] of refused) await assert.rejects(apply(wrong(spec)), message);
    await apply(wrong({ schedule: '61 * * * *', executor: shell }, 'not-in-an-hour'));
    const condition = await eventually('it is judged', () => ready('not-in-an-hour'), 30_000, 500);
    assert.equal(condition.status, 'False');
    assert.equal(condition.reason, 'InvalidSpec');
    assert.match(condition.message, /schedule.*minute.*59/);
    await release.kubectl(['delete', 'mcj', 'not-in-an-hour', '--timeout=20s']);
  });

  it('acts on suspend, edit and delete within 2 s', async () => {
    await betweenTicks();
    await release.kubectl(['patch', 'mcj', 'shell-a', '--type=merge', '-p', '{"spec":{"suspend":true}}']);
    await pause(2_000);
    const suspended = startsOf('shell-a');
    await pause(4_000);
    assert.equal(startsOf('shell-a'), suspended, 'it went on while it was suspended');
    await release.kubectl(['patch', 'mcj', 'shell-a', '--type=merge', '-p', '{"spec":{"suspend":false}}']);
    await pause(2_000);
    const resumed = startsOf('shell-a');
    await pause(3_500);
    assert.ok(startsOf('shell-a') >= resumed + 3, 'it was not resumed within 2 s');
    const every = '{"spec":{"schedule":"*/30 * * * * *"}}';
    await release.kubectl(['patch', 'mcj', 'shell-b', '--type=merge', '-p', every]);
    await pause(2_000);
    const edited = startsOf('shell-b');
    await pause(5_000);
    assert.ok(startsOf('shell-b') <= edited + 1, 'its schedule was not changed within 2 s');
    await release.kubectl(['delete', 'mcj', 'http-b', '--timeout=20s']);
    await pause(2_000);
    const deleted = startsOf('http-b');
    await pause(4_000);
    assert.equal(startsOf('http-b'), deleted, 'it went on after its deletion');
    await apply(...jobs);
    await pause(3_000);
  });

  it('loses and doubles nothing when a worker pod is deleted', async () => {
    const [pod] = await release.pods('worker');
    exactlyOnce(
      await under(async () => {
        await release.kubectl(['delete', 'pod', pod?.name ?? '', '--wait=true', '--timeout=90s']);
        await release.ready('worker', 3);
      }),
    );
  });

  it('loses and doubles nothing when a master pod is deleted', async () => {
    exactlyOnce(
      await under(async () => {
        for (const { name } of await release.pods('master')) {
          await release.kubectl(['delete', 'pod', name, '--wait=true', '--timeout=90s']);
          await release.ready('master', 2);
        }
      }),
    );
  });

  it('loses and doubles nothing when a worker’s Consul sidecar is killed', async () => {
    const [pod] = await release.pods('worker');
    const restarts = async (): Promise<number> =>
      Number(
        await release.kubectl([
          'get',
          'pod',
          pod?.name ?? '',
          '-o',
          'jsonpath={.status.initContainerStatuses[?(@.name=="consul")].restartCount}',
        ]),
      );
    const before = await restarts();
    exactlyOnce(
      await under(async () => {
        await betweenTicks();
        // The whole process, as an out-of-memory kill takes it: process 1 of a container can't be killed from inside.
        const sidecar = agentOf(pod?.name ?? '');
        process.kill(sidecar, 'SIGKILL');
        await eventually('the sidecar is restarted', async () => (await restarts()) > before, 60_000, 1_000);
        await release.ready('worker', 3);
        await pause(10_000);
      }),
    );
    const { items } = await rest.get<{ items: { name: string; ready: boolean }[] }>('/api/v1/workers');
    assert.ok(
      items.some(one => one.name === pod?.name && one.ready),
      'the worker did not come back',
    );
  });

  it('reads Secrets and ConfigMaps when a run starts, and writes their values nowhere', async () => {
    const secret = `s3cr3t-${Math.random().toString(36).slice(2)}`;
    await release.kubectl(['create', 'secret', 'generic', 'e2e-token', `--from-literal=value=${secret}`]);
    await release.kubectl(['create', 'configmap', 'e2e-settings', '--from-literal=mode=fast']);
    await apply({
      apiVersion: 'cronmesh.io/v1alpha1',
      kind: 'CronJob',
      metadata: { name: 'with-secret', namespace: namespace.name },
      spec: {
        schedule: '@manually',
        secretRefs: [
          { name: 'TOKEN', secretKeyRef: { name: 'e2e-token', key: 'value' } },
          { name: 'MODE', configMapKeyRef: { name: 'e2e-settings', key: 'mode' } },
        ],
        executor: {
          http: {
            url: `http://${here()}:${recorder.port}/start`,
            headers: { 'x-value': '$(MODE) $(TOKEN)' },
          },
        },
      },
    });
    const path = `/api/v1/namespaces/${namespace.name}/jobs/with-secret`;
    await eventually('it is a job', () => rest.get(path), 20_000, 200);
    await rest.post(`${path}/trigger`);
    await eventually('it has run', () => recorder.values.get('with-secret'), 30_000);
    assert.equal(recorder.values.get('with-secret'), `fast ${secret}`);
    await pause(2_000);
    const keys = await release.kubectl([
      'exec',
      'cm-cronmesh-consul-server-0',
      '--',
      'consul',
      'kv',
      'export',
      'cron/',
    ]);
    const values = (JSON.parse(keys) as { value: string }[]).map(one => Buffer.from(one.value, 'base64').toString());
    assert.ok(values.some(value => value.includes('with-secret')));
    const dump = ['exec', 'cm-cronmesh-postgresql-0', '--', '/bin/sh', '-c', dumpAll];
    const rows = await release.kubectl(dump);
    assert.ok(rows.includes('with-secret'));
    for (const text of [...values, rows]) assert.ok(!text.includes(secret), 'the value of a Secret was written down');
  });

  it('adopts pods when a kubernetes worker goes, and starts none twice', async () => {
    await apply({
      apiVersion: 'cronmesh.io/v1alpha1',
      kind: 'CronJob',
      metadata: { name: 'long-pod', namespace: namespace.name },
      spec: {
        schedule: '@manually',
        concurrencyPolicy: 'Forbid',
        executor: {
          kubernetes: {
            template: {
              spec: {
                containers: [
                  {
                    name: 'main',
                    image: 'localhost/debian:bookworm',
                    imagePullPolicy: 'Never',
                    command: ['/bin/bash', '-c', 'for i in {1..25}; do echo line $i; sleep 1; done'],
                    securityContext: {
                      runAsNonRoot: true,
                      runAsUser: 65532,
                      allowPrivilegeEscalation: false,
                      capabilities: { drop: ['ALL'] },
                      seccompProfile: { type: 'RuntimeDefault' },
                    },
                  },
                ],
              },
            },
          },
        },
      },
    });
    const job = `/api/v1/namespaces/${namespace.name}/jobs/long-pod`;
    await eventually('it is a job', () => rest.get(job), 20_000, 200);
    const { id } = await rest.post<{ id: string }>(`${job}/trigger`);
    const running = await eventually(
      'it runs',
      async () => {
        const run = await rest.get<RunView>(`/api/v1/runs/${id}`);
        return run.state === 'Running' && run;
      },
      60_000,
      500,
    );
    await pause(4_000);
    const pod = (await release.pods('kubernetes-worker')).find(({ name }) => running.worker?.startsWith(name));
    assert.ok(pod, `no pod of worker ${running.worker}`);
    await release.kubectl(['delete', 'pod', pod.name, '--wait=false']);
    const ended = await eventually(
      'it ends',
      async () => {
        const run = await rest.get<RunView>(`/api/v1/runs/${id}`);
        return run.state !== 'Running' && run.state !== 'Claimed' && run;
      },
      90_000,
      1_000,
    );
    assert.equal(ended.state, 'Succeeded', JSON.stringify(ended));
    assert.notEqual(ended.worker, running.worker, 'nobody adopted it');
    const made = JSON.parse(await release.kubectl(['get', 'jobs', '-l', `cronmesh.io/run=${id}`, '-o', 'json'])).items;
    assert.equal(made.length, 1);
    const log = await (await rest.request('GET', `/api/v1/runs/${id}/logs`)).text();
    const lines = log.split('\n').flatMap(line => /line (\d+)$/.exec(line)?.[1] ?? []);
    assert.deepEqual(
      lines,
      Array.from({ length: 25 }, (_, i) => String(i + 1)),
    );
    await release.ready('kubernetes-worker', 2);
  });

  it('loses and doubles nothing in an upgrade to a new image', {
    skip: nextImage() === undefined && 'no second image: set CRONMESH_TEST_IMAGE_NEXT',
  }, async () => {
    exactlyOnce(
      await under(async () => {
        await release.apply({}, nextImage());
        for (const [component, count] of Object.entries({
          worker: 3,
          'kubernetes-worker': 2,
          master: 2,
          operator: 1,
        })) {
          await release.ready(component, count);
        }
      }),
    );
    const images = await release.kubectl([
      'get',
      'deployments',
      '-o',
      'jsonpath={.items[*].spec.template.spec.containers[0].image}',
    ]);
    assert.deepEqual([...new Set(images.split(' '))], [nextImage()]);
  });

  it('gives its accounts what they need and no more', async () => {
    const account = async (component: string): Promise<string> => {
      const [pod] = await release.pods(component);
      return await release.kubectl(['get', 'pod', pod?.name ?? '', '-o', 'jsonpath={.spec.serviceAccountName}']);
    };
    const may = async (component: string, verb: string, what: string, where = namespace.name): Promise<boolean> => {
      try {
        const user = `system:serviceaccount:${namespace.name}:${await account(component)}`;
        const [kind = '', sub] = what.split('#');
        const subresource = sub === undefined ? [] : [`--subresource=${sub}`];
        return kubectl(['auth', 'can-i', verb, kind, ...subresource, `--as=${user}`, '-n', where]).trim() === 'yes';
      } catch {
        return false;
      }
    };
    for (const [component, verb, what] of [
      ['kubernetes-worker', 'create', 'jobs.batch'],
      ['kubernetes-worker', 'delete', 'jobs.batch'],
      ['kubernetes-worker', 'get', 'pods#log'],
      ['operator', 'watch', 'cronjobs.cronmesh.io'],
      ['operator', 'patch', 'cronjobs.cronmesh.io#status'],
      ['operator', 'create', 'events'],
    ] as const) {
      assert.ok(await may(component, verb, what), `${component} may not ${verb} ${what}`);
    }
    for (const [component, verb, what, where] of [
      ['worker', 'get', 'secrets'],
      ['worker', 'create', 'jobs.batch'],
      ['worker', 'list', 'pods'],
      ['master', 'get', 'secrets'],
      ['master', 'list', 'cronjobs.cronmesh.io'],
      ['kubernetes-worker', 'get', 'secrets'],
      ['kubernetes-worker', 'create', 'pods'],
      ['kubernetes-worker', 'create', 'pods#exec'],
      ['kubernetes-worker', 'create', 'jobs.batch', 'kube-system'],
      ['kubernetes-worker', 'patch', 'cronjobs.cronmesh.io'],
      ['operator', 'create', 'jobs.batch'],
      ['operator', 'get', 'secrets'],
      ['operator', 'list', 'pods'],
      ['operator', 'list', 'cronjobs.cronmesh.io', 'kube-system'],
    ] as const) {
      assert.ok(
        !(await may(component, verb, what, where)),
        `${component} may ${verb} ${what} in ${where ?? 'its namespace'}`,
      );
    }
    // Not only by its account: there is no token to be somebody with.
    for (const component of ['worker', 'master']) {
      const [pod] = await release.pods(component);
      const token = ['exec', pod?.name ?? '', '-c', component, '--', 'ls', '/var/run/secrets/kubernetes.io'];
      await assert.rejects(release.kubectl(token), /No such file/);
    }
  });

  it('is scaled by its own metrics, up and down, and loses nothing', { skip: metricsSkip() }, async () => {
    await promisify(execFile)(process.env.CRONMESH_TEST_METRICS ?? '', [
      file('../../helm/cronmesh/files/prometheus-adapter-rules.yaml'),
    ]);
    const image = nextImage() ?? testImage;
    await release.apply({ 'worker.autoscaling.kind': 'hpa', 'worker.capacity': '10' }, image);
    await release.ready('worker', 1, 240_000);
    const from = Date.now();
    await apply({
      apiVersion: 'cronmesh.io/v1alpha1',
      kind: 'CronJob',
      metadata: { name: 'heavy', namespace: namespace.name },
      spec: {
        schedule: '* * * * * *',
        maxConcurrentRuns: 22,
        startingDeadlineSeconds: 120,
        executor: { shell: { command: 'sleep 20' } },
      },
    });
    await release.ready('worker', 3, 240_000);
    await release.kubectl(['delete', 'mcj', 'heavy', '--timeout=30s']);
    await release.ready('worker', 1, 240_000);
    const to = Date.now();
    await pause(20_000);
    exactlyOnce(await judge(rest, schedules(jobs), recorder.starts, from, to));
    const heavy = await rest.all<RunView>(`/api/v1/runs?namespace=${namespace.name}&job=heavy`);
    const ended = heavy.filter(run => run.state !== 'Skipped');
    assert.ok(ended.length > 20);
    assert.deepEqual(
      ended.filter(run => run.state !== 'Succeeded'),
      [],
    );
  });

  it('is uninstalled, and leaves the resources and nothing else', async () => {
    await release.uninstall();
    assert.equal(
      await release.kubectl(['get', 'all', '-l', `app.kubernetes.io/instance=${release.name}`, '-o', 'name']),
      '',
    );
    assert.match(await release.kubectl(['get', 'mcj', '-o', 'name']), /shell-a/);
    // Nobody is left who would take a finalizer off.
    await release.kubectl(['delete', 'mcj', '--all', '--timeout=30s']);
  });
});

/** Every row of the release's database, as text. */
const dumpAll = `
  for folder in /usr/lib/postgresql/*/bin; do PATH=$PATH:$folder; done
  PGPASSWORD=$(cat "$PASSWORD_FILE") pg_dump --data-only --inserts -h 127.0.0.1 -U "$POSTGRES_USER" "$POSTGRES_DB"`;

function nextImage(): string | undefined {
  return process.env.CRONMESH_TEST_IMAGE_NEXT || undefined;
}

function metricsSkip(): string | false {
  if (process.env.CRONMESH_TEST_METRICS) return false;
  return 'no metrics API: set CRONMESH_TEST_METRICS to a program that serves custom metrics with the rules file it is given';
}

/** The process of a pod's Consul agent, as the node sees it. */
function agentOf(pod: string): number {
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      if (command[0]?.endsWith('consul') && environment.includes(`HOSTNAME=${pod}`)) return Number(pid);
    } catch {
      // Gone, or not ours to read.
    }
  }
  throw new Error(`no agent of ${pod} on this machine`);
}
