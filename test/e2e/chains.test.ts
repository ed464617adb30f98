import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { cronmesh } from '../support/cli.ts';
import { Cluster } from '../support/cluster.ts';
import { consulSkip } from '../support/consul.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import type { Rest, RunView } from '../support/rest.ts';

interface ChainedRun extends RunView {
  id: string;
  name: string;
  reason?: string;
  message?: string;
  chain?: string;
  upstream?: string[];
  tick?: string;
}
interface JobView {
  status: { paused?: { at: string; reason: string; detail: string }; nextTick?: string };
}
type Items<T> = { items: T[] };

const jobs = '/api/v1/namespaces/default/jobs';

describe('chains and pauses in a cluster of separate processes', { skip: consulSkip() || postgresSkip() }, () => {
  let cluster: Cluster;
  let rest: Rest;

  before(async () => {
    cluster = await Cluster.start({ masters: 2, workers: 3, workerEnv: { CRONMESH_WORKER_DRAIN_SECONDS: '5' } });
    rest = cluster.rest();
  });
  after(async () => {
    if (process.env.CRONMESH_TEST_KEEP !== '1') await cluster?.stop();
  });

  const proofOf = (name: string): string => join(cluster.folder, `proof-${name}`);
  /** The run of each start, in order. */
  const startsOf = (name: string): string[] =>
    existsSync(proofOf(name)) ? readFileSync(proofOf(name), 'utf8').trim().split('\n') : [];
  const make = async (name: string, spec: Record<string, unknown> = {}, then = 'true'): Promise<void> => {
    const command = `echo "$CRONMESH_RUN" >> ${proofOf(name)}; ${then}`;
    await rest.post(jobs, {
      metadata: { name },
      spec: { schedule: '@manually', executor: { shell: { command } }, ...spec },
    });
  };
  const trigger = async (name: string): Promise<string> => (await rest.post<ChainedRun>(`${jobs}/${name}/trigger`)).id;
  const runsOf = async (name: string, from = rest): Promise<ChainedRun[]> =>
    (await from.get<Items<ChainedRun>>(`${jobs}/${name}/runs?limit=500`)).items;
  const reach = (name: string, state: string, from = rest): Promise<ChainedRun> =>
    eventually(
      `${name} to be ${state}`,
      async () => (await runsOf(name, from)).find(run => run.state === state),
      90_000,
      300,
    );
  const diamond = async (stem: string, then: string): Promise<void> => {
    await make(`${stem}-a`);
    await make(`${stem}-b`, { after: [{ job: `${stem}-a` }] }, then);
    await make(`${stem}-c`, { after: [{ job: `${stem}-a` }] }, then);
    await make(`${stem}-d`, { after: [{ job: `${stem}-b` }, { job: `${stem}-c` }] });
  };

  it('runs a diamond: each job once, linked and shown as one', async () => {
    await diamond('one', 'true');
    const id = await trigger('one-a');
    const last = await reach('one-d', 'Succeeded');
    for (const name of ['one-a', 'one-b', 'one-c', 'one-d']) assert.equal(startsOf(name).length, 1, name);
    const { items } = await rest.get<Items<ChainedRun>>(`/api/v1/runs/${last.id}/chain`);
    assert.deepEqual([items[0]?.id, items.at(-1)?.id, items.length], [id, last.id, 4]);
    assert.ok(items.every(({ chain }) => chain === id));
    const middle = items.slice(1, 3);
    assert.deepEqual(
      middle.map(({ upstream }) => upstream),
      [[id], [id]],
    );
    assert.deepEqual([...(last.upstream ?? [])].sort(), middle.map(one => one.id).sort());
    assert.equal(last.trigger, 'chain');
    const server = ['--server', `http://127.0.0.1:${cluster.masters[0]?.http}`];
    const shown = await cronmesh(['describe', 'run', middle[0]?.id ?? '', ...server]);
    assert.match(shown.stdout, /Chain:\n +RUN +STATE +TOOK +ID\n +one-a +Succeeded/);
    assert.match(
      shown.stdout,
      /├─ one-[bc] +Succeeded.*\n +└─ one-[bc] +Succeeded.*\n +└─ one-d +Succeeded .*also after one-[bc]/,
    );
    const job = await cronmesh(['describe', 'job', 'one-b', ...server]);
    assert.match(
      job.stdout,
      /Comes after:\n {2}one-a on Success: not ended since the last run\nThen:\n {2}one-d on Success\n/,
    );
  });

  it('goes the way of the failure, and says what did not run', async () => {
    await make('extract', {}, 'exit 3');
    await make('load', { after: [{ job: 'extract' }] });
    await make('alarm', { after: [{ job: 'extract', outcome: 'Failure' }] });
    await make('report', { after: [{ job: 'load' }] });
    await trigger('extract');
    await reach('alarm', 'Succeeded');
    const skipped = await reach('load', 'Skipped');
    assert.deepEqual([skipped.reason, skipped.message], ['Upstream', 'extract ended as Failed, asked for is Success']);
    const next = await reach('report', 'Skipped');
    assert.deepEqual([next.reason, next.message], ['Upstream', 'load ended as Skipped, asked for is Success']);
    assert.deepEqual([startsOf('load'), startsOf('report')], [[], []]);
    assert.equal(startsOf('alarm').length, 1);
  });

  it('goes on past a run that Forbid skipped to Always only', async () => {
    await make('first');
    await make(
      'busy',
      { after: [{ job: 'first' }], concurrencyPolicy: 'Forbid', startingDeadlineSeconds: 3 },
      'sleep 30',
    );
    await make('always', { after: [{ job: 'busy', outcome: 'Always' }] });
    await make('success', { after: [{ job: 'busy' }] });
    const holder = await trigger('busy');
    await reach('busy', 'Running');
    await trigger('first');
    const skipped = await reach('busy', 'Skipped');
    assert.deepEqual([skipped.trigger, skipped.reason], ['chain', 'StillRunning']);
    const run = await reach('always', 'Succeeded');
    assert.deepEqual(run.upstream, [skipped.id]);
    assert.equal((await reach('success', 'Skipped')).reason, 'Upstream');
    assert.deepEqual(startsOf('busy'), [holder]);
    await rest.post(`/api/v1/runs/${holder}/kill`);
  });

  it('makes exactly one run of a join when the leader is killed in between', async () => {
    await diamond('two', 'sleep 2');
    const leader = await cluster.leader();
    const other = cluster.rest(1 - leader);
    await other.post(`${jobs}/two-a/trigger`);
    await reach('two-b', 'Running', other);
    await reach('two-c', 'Running', other);
    await cluster.masters[leader]?.program.kill();
    const run = await reach('two-d', 'Succeeded', other);
    // As long as a new leader tells the last ends again.
    await new Promise(resolve => setTimeout(resolve, 5_000));
    for (const name of ['two-a', 'two-b', 'two-c', 'two-d']) {
      assert.equal((await runsOf(name, other)).length, 1, name);
      assert.equal(startsOf(name).length, 1, name);
    }
    assert.deepEqual(startsOf('two-d'), [run.id]);
    cluster.restart('master', leader);
    await cluster.ready(3);
  });

  it('refuses a cycle with the path, at both masters at the same time too', async () => {
    const change = (master: number, name: string, after: string) =>
      cluster.rest(master).request(
        'PATCH',
        `${jobs}/${name}`,
        { spec: { after: [{ job: after }] } },
        {
          'content-type': 'application/merge-patch+json',
          'if-match': '*',
        },
      );
    const closing = await change(0, 'one-a', 'one-d');
    assert.equal(closing.status, 400);
    const problem = (await closing.json()) as { detail: string; errors: { field: string }[] };
    assert.match(problem.detail, /^after: one-a → one-[bc] → one-d → one-a is a cycle$/);
    assert.equal(problem.errors[0]?.field, 'spec.after');
    for (let round = 0; round < 5; round++) {
      const [a, b] = [`left-${round}`, `right-${round}`];
      await Promise.all([make(a), make(b)]);
      const answers = await Promise.all([change(0, a, b), change(1, b, a)]);
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400]);
    }
  });

  it('pauses a job after three runs in a row that failed, each with its retry, until it is resumed', async () => {
    const retry = { limit: 1, backoff: { initialSeconds: 0, factor: 1 } };
    await make(
      'failing',
      { schedule: '* * * * * *', concurrencyPolicy: 'Forbid', pauseAfterFailures: 3, retry },
      'exit 1',
    );
    const paused = await eventually(
      'the pause',
      async () => (await rest.get<JobView>(`${jobs}/failing`)).status.paused,
      60_000,
      300,
    );
    assert.equal(paused.reason, 'Failures');
    assert.match(paused.detail, /^3 runs in a row failed, the last one [a-z0-9-]+$/);
    assert.equal((await rest.get<JobView>(`${jobs}/failing`)).status.nextTick, undefined);
    await new Promise(resolve => setTimeout(resolve, 2_000));
    const starts = startsOf('failing').length;
    await new Promise(resolve => setTimeout(resolve, 4_000));
    assert.equal(startsOf('failing').length, starts, 'no start while it is paused');
    // By hand it still runs.
    await trigger('failing');
    await eventually('the run by hand', () => startsOf('failing').length === starts + 2, 30_000, 300);
    await rest.post(`${jobs}/failing/resume`);
    await eventually('ticks again', () => startsOf('failing').length > starts + 2, 30_000, 300);
    const { items } = await eventually(
      'the skip',
      async () => {
        const page = await rest.get<Items<{ reason: string; detail: string }>>(`${jobs}/failing/skips?limit=100`);
        return page.items.some(({ detail }) => detail === `paused: ${paused.detail}`) && page;
      },
      60_000,
      500,
    );
    assert.ok(items.some(({ reason, detail }) => reason === 'Suspended' && detail.startsWith('paused: ')));
    await rest.request('DELETE', `${jobs}/failing`);
  });

  it('starts exactly as many ticks as maxRuns allows, with three workers and every second', async () => {
    await make('limited', { schedule: '* * * * * *', maxRuns: 5 });
    const paused = await eventually(
      'the pause',
      async () => (await rest.get<JobView>(`${jobs}/limited`)).status.paused,
      60_000,
      300,
    );
    assert.deepEqual([paused.reason, paused.detail], ['RunLimit', 'it has had its 5 runs (maxRuns)']);
    await new Promise(resolve => setTimeout(resolve, 3_000));
    const starts = startsOf('limited');
    assert.deepEqual([starts.length, new Set(starts).size], [5, 5]);
    const by = await trigger('limited');
    await eventually('the run by hand', () => startsOf('limited').includes(by), 30_000, 300);
    await rest.post(`${jobs}/limited/resume`);
    await eventually(
      'the second pause',
      async () => (await runsOf('limited')).filter(run => run.tick).length === 10,
      60_000,
      300,
    );
    await new Promise(resolve => setTimeout(resolve, 3_000));
    assert.equal(startsOf('limited').length, 11);
  });
});
