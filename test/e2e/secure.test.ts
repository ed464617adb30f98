import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { JobUid } from '../../src/domain/job/job.ts';
import type { FinishedReport, Report } from '../../src/domain/run/report.ts';
import type { RunId, WorkerId } from '../../src/domain/run/run.ts';
import { TlsFiles } from '../../src/main/tls/files.ts';
import { channelCredentials } from '../../src/main/tls/grpc-credentials.ts';
import { silentLogger } from '../../src/observability/logger.ts';
import { grpcTransport } from '../../src/worker/reporting/grpc-transport.ts';
import { Authority, opensslSkip, type Pair } from '../support/certificates.ts';
import { cronmesh } from '../support/cli.ts';
import { consulSkip } from '../support/consul.ts';
import { processTree } from '../support/descendants.ts';
import { handshake } from '../support/handshake.ts';
import type { LogLine } from '../support/log-lines.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import { Rest, type RunView } from '../support/rest.ts';
import { type Person, type SecureCluster, startSecureCluster } from '../support/secure-cluster.ts';

const jobs = '/api/v1/namespaces/default/jobs';
/** Milliseconds after its tick; the alert CronmeshStartsLate calls it late, too. */
const late = 2_000;

describe('a cluster with everything on', { skip: consulSkip() || postgresSkip() || opensslSkip() }, () => {
  let secure: SecureCluster;
  let rest: Rest;
  let began: number;

  before(async () => {
    secure = await startSecureCluster({ masters: 2, workers: 3 });
    rest = secure.cluster.rest();
    began = Date.now();
    await rest.post(jobs, {
      metadata: { name: 'ticks' },
      spec: { schedule: '* * * * * *', executor: { shell: { command: 'true' } } },
    });
  });
  after(() => secure?.stop());

  const as = (person?: Person) =>
    new Rest(rest.base, person === undefined ? {} : { authorization: `Bearer ${secure.tokens[person]}` });
  const logOf = (name: string) => readFileSync(join(secure.cluster.folder, `${name}.log`), 'utf8');
  const linesOf = (name: string): LogLine[] =>
    logOf(name)
      .split('\n')
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line));
  const said = (pattern: RegExp) =>
    ['master-0', 'master-1'].flatMap(name => linesOf(name).filter(line => pattern.test(line.msg)));
  const trigger = async (name: string, command: string, spec: Record<string, unknown> = {}) => {
    await rest.post(jobs, {
      metadata: { name },
      spec: { schedule: '@manually', terminationGraceSeconds: 1, executor: { shell: { command } }, ...spec },
    });
    return await rest.post<RunView>(`${jobs}/${name}/trigger`);
  };
  const view = (id: string) => rest.get<RunView & { worker: string }>(`/api/v1/runs/${id}`);
  const state = (id: string, wanted: string) =>
    eventually(`${id}: ${wanted}`, async () => {
      const run = await view(id);
      return run.state === wanted && run;
    });

  /** Reports to a master with a certificate, as somebody who knows the protocol would. */
  const report = async (pair: Pair, worker: string, reports: readonly Report[], master = 0): Promise<string> => {
    const env = secure.cluster.masters[master]?.env ?? {};
    const paths = { ...pair, caFile: secure.authority.caFile };
    const transport = grpcTransport({
      target: `127.0.0.1:${env.CRONMESH_GRPC_PORT}`,
      credentials: channelCredentials(new TlsFiles({ setting: 'grpc.tls', paths, logger: silentLogger })),
      channelOptions: { 'grpc.ssl_target_name_override': 'cronmesh-master' },
      acknowledgeTimeout: 2_000,
    });
    const batch = { worker: `${worker}-zzzzz` as WorkerId, spool: `forged-${worker}`, first: 1, reports };
    return await transport
      .deliver(batch, AbortSignal.timeout(10_000))
      .then(
        () => 'taken',
        error => (error as Error).message,
      )
      .finally(() => transport.close());
  };
  const ended = (run: RunView & { jobUid?: string }): FinishedReport => ({
    type: 'finished',
    run: run.id as RunId,
    attempt: 1,
    jobUid: run.id.split('-')[0] as JobUid,
    namespace: 'default',
    name: run.name,
    trigger: 'manual',
    at: Date.now(),
    outcome: 'Succeeded',
  });

  it('runs jobs, shows their output, kills them, and serves the command line', async () => {
    const hello = await trigger('hello', 'echo hello');
    await state(hello.id, 'Succeeded');
    assert.equal(await (await rest.request('GET', `/api/v1/runs/${hello.id}/logs`)).text(), 'hello\n');
    const long = await trigger('long', 'sleep 60');
    await state(long.id, 'Running');
    await rest.post(`/api/v1/runs/${long.id}/kill`);
    await state(long.id, 'Killed');
    const env = { CRONMESH_SERVER: rest.base, CRONMESH_CACERT: secure.authority.caFile };
    const listed = await cronmesh(['get', 'jobs', '-o', 'json'], {
      env: { ...env, CRONMESH_TOKEN: secure.tokens.reader },
    });
    assert.equal(listed.status, 0, listed.stderr);
    assert.match(listed.stdout, /"hello"/);
    const nobody = await cronmesh(['get', 'jobs'], { env });
    assert.equal(nobody.status, 1);
    assert.match(nobody.stderr, /a token is needed/);
  });

  it('refuses a wrong certificate, an expired one, and reports in another’s name', async () => {
    const other = new Authority('another CA');
    const hello = await trigger('target', 'sleep 60');
    const { worker } = await state(hello.id, 'Running');
    const forged = [ended(hello)];
    assert.notEqual(await report(other.worker('worker-0'), 'worker-0', forged), 'taken');
    other.remove();
    const past = ['20200101000000Z', '20210101000000Z'] as const;
    const uri = [`spiffe://cronmesh.test/worker/${worker.replace(/-[a-z0-9]{5}$/, '')}`];
    const expired = secure.authority.issue('expired', { uri, valid: past });
    // Our own client would not even start with it.
    const port = Number(secure.cluster.masters[0]?.env.CRONMESH_GRPC_PORT);
    assert.match(await handshake(port, secure.authority, expired), /^refused/);
    const thief = ['worker-0', 'worker-1', 'worker-2'].find(name => !worker.startsWith(`${name}-`)) ?? assert.fail();
    const victim = worker.replace(/-[a-z0-9]{5}$/, '');
    const pair = secure.authority.worker(thief);
    assert.match(await report(pair, victim, forged), new RegExp(`are refused: the certificate is that of ${thief}`));
    // In its own name, of another's run: acknowledged, so that it holds up nobody, and not committed.
    assert.equal(await report(pair, thief, forged), 'taken');
    assert.equal(await report(pair, thief, [{ ...ended(hello), attempt: 7 }]), 'taken');
    assert.equal((await view(hello.id)).state, 'Running');
    for (const what of [/a report of another worker's run is refused/, /are refused: the certificate is that of/]) {
      await eventually(`once: ${what}`, () => said(what).length === 1);
    }
    await eventually('the handshakes, each reason once', () => {
      const reasons = said(/refused at the gRPC port/).map(({ reason }) => String(reason));
      return reasons.length === 2 && reasons.some(reason => reason === 'CERT_HAS_EXPIRED');
    });
    await rest.post(`/api/v1/runs/${hello.id}/kill`);
    await state(hello.id, 'Killed');
  });

  it('refuses reports without end: more than a message may hold', async () => {
    const text = 'x'.repeat(6 * 1024 * 1024);
    const big: Report = {
      ...ended({ id: 'abc-1', name: 'x' } as RunView),
      type: 'output',
      sequence: 0,
      stream: 'stdout',
      text,
    };
    const answer = await report(secure.authority.worker('worker-9'), 'worker-9', [big]);
    assert.match(answer, /RESOURCE_EXHAUSTED|larger than max/);
  });

  it('refuses no token, a token of another namespace, a role that is not enough', async () => {
    assert.equal((await as().request('GET', '/api/v1/jobs')).status, 401);
    assert.equal((await as('seller').request('GET', `${jobs}/ticks`)).status, 403);
    assert.equal((await as('seller').request('POST', `${jobs}/ticks/trigger`)).status, 403);
    assert.equal((await as('reader').request('POST', `${jobs}/ticks/trigger`)).status, 403);
    assert.equal((await as('reader').request('GET', `${jobs}/ticks`)).status, 200);
  });

  it('refuses an oversized body, and plain text', async () => {
    const answer = await rest.request('POST', jobs, JSON.stringify({ metadata: { name: 'x'.repeat(3_000_000) } }));
    assert.equal(answer.status, 413);
    await assert.rejects(fetch(`${rest.base.replace('https', 'http')}/healthz`));
    await eventually('it is said', () => said(/refused at the HTTP port/).length === 1);
  });

  it('stands a flood of requests without a token: each refused, said once, no tick late', async () => {
    const before = said(/^refused: a token is needed/).length;
    const answers = new Map<number, number>();
    for (let round = 0; round < 20; round++) {
      const some = await Promise.all(Array.from({ length: 40 }, () => as().request('POST', `${jobs}/ticks/trigger`)));
      for (const { status } of some) answers.set(status, (answers.get(status) ?? 0) + 1);
    }
    // With http.limits set, some of them are told 429 or 503 before anybody looks at their token.
    assert.ok(
      [...answers.keys()].every(status => [401, 429, 503].includes(status)),
      JSON.stringify([...answers]),
    );
    assert.ok(said(/^refused: a token is needed/).length - before <= 1);
  });

  it('has no secret in logs, metrics, the process list, children’s environments or answers', async () => {
    const told = await trigger('telling', 'echo "it is $WORD"; sleep 8', {
      secretRefs: [{ name: 'WORD', environment: { variable: 'JOB_SECRET' } }],
    }).catch(error => assert.fail(String(error)));
    const run = await state(told.id, 'Running');
    const { masters, workers } = secure.cluster;
    const places: Record<string, string> = {};
    for (const [kind, members] of Object.entries({ master: masters, worker: workers })) {
      for (const [i, member] of members.entries()) {
        const name = `${kind}-${i}`;
        places[`log of ${name}`] = logOf(name);
        places[`metrics of ${name}`] = await (
          await new Rest(`https://127.0.0.1:${member.http}`).request('GET', '/metrics')
        ).text();
        const [self, ...below] = processTree(member.program.pid);
        places[`command line of ${name}`] = self?.commandLine ?? assert.fail(`${name} is gone`);
        for (const one of below) {
          places[`command line of ${one.pid} below ${name}`] = one.commandLine;
          // What a run was given is its own to have, and its supervisor's to give.
          places[`environment of ${one.pid} below ${name}`] = one.environment.replaceAll(
            secure.secrets.ofJobs ?? '',
            '',
          );
        }
      }
    }
    assert.ok(Object.keys(places).some(place => place.startsWith('environment of')));
    for (const [method, path] of [
      ['GET', `/api/v1/runs/${run.id}`],
      ['GET', `/api/v1/runs/${run.id}/logs`],
      ['GET', `${jobs}/telling`],
      ['GET', '/api/v1/workers'],
      ['GET', '/api/v1/runs?cursor=x'],
    ] as const) {
      places[`answer to ${path}`] = await (await rest.request(method, path)).text();
    }
    const wrong = await new Rest(rest.base, { authorization: `Bearer ${secure.secrets.worker}` }).request('GET', jobs);
    places['answer to a wrong token'] = await wrong.text();
    for (const [place, text] of Object.entries(places)) {
      for (const [what, secret] of Object.entries(secure.secrets)) {
        assert.ok(!text.includes(secret), `${what} is in the ${place}`);
      }
    }
    assert.match(places[`answer to /api/v1/runs/${run.id}/logs`] ?? '', /^it is \*+/);
  });

  it('had no tick late, missed, doubled or failed through all of it', async () => {
    // Enough ticks to look at, and their reports committed, however quick the rest was.
    await delay(Math.max(0, began + 25_000 - Date.now()));
    const since = new Date(began + 3_000).toISOString();
    const until = new Date(Date.now() - 5_000).toISOString();
    const runs = await rest.all<RunView & { startedAt?: string }>(`${jobs}/ticks/runs?since=${since}&until=${until}`);
    const skips = await rest.get<{ items: { reason: string }[] }>(`${jobs}/ticks/skips`);
    assert.deepEqual(skips.items, []);
    assert.deepEqual([...new Set(runs.map(run => run.state))], ['Succeeded']);
    const ticks = runs.map(run => Date.parse(run.tick ?? '')).sort();
    assert.ok(ticks.length > 10, `${ticks.length}`);
    for (const { tick = '', startedAt = '' } of runs)
      assert.ok(Date.parse(startedAt) - Date.parse(tick) < late, `${tick}: started at ${startedAt}`);
    for (const [i, tick] of ticks.entries()) if (i > 0) assert.equal(tick - (ticks[i - 1] ?? 0), 1_000);
  });
});
