import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Api, manifest } from '../../test/support/api.ts';
import { cronmesh, serveApi } from '../../test/support/cli.ts';
import { validateManifest } from '../domain/job/validate.ts';
import type { Report, RunReference } from '../domain/run/report.ts';
import type { Outcome, WorkerId } from '../domain/run/run.ts';
import type { Run } from '../store/store.ts';

describe('cronmesh trigger, kill, logs, get runs', () => {
  let api: Api;
  let server: string;
  let stop: () => Promise<void>;
  before(async () => {
    ({ api, url: server, stop } = await serveApi());
  });
  after(() => stop());
  const run = (...args: string[]) => cronmesh(args, { server });

  /** The run that a command asks for, once it did. */
  async function requested(count: number): Promise<Run> {
    while (api.publishing.triggers.length < count) await sleep(5);
    const id = api.publishing.triggers[count - 1]?.id;
    return (id && (await api.store.getRun(id))) || assert.fail();
  }

  function referenceOf(one: Run): RunReference {
    const { id, jobUid, namespace, name, trigger } = one;
    return { run: id, attempt: 1, jobUid, namespace, name, trigger };
  }

  /** What a worker tells of a run that prints one line and ends. */
  async function carryOut(one: Run, outcome: Outcome, text: string): Promise<void> {
    const about = { ...referenceOf(one), at: api.now };
    const reports: Report[] = [
      { ...about, type: 'claimed', fencingToken: '1', revision: 1 },
      { ...about, type: 'started', pid: 1 },
      { ...about, type: 'output', sequence: 0, stream: 'stdout', text },
      { ...about, type: 'finished', outcome, exitCode: outcome === 'Succeeded' ? 0 : 3 },
    ];
    for (const report of reports) await api.report('worker-1', report);
  }

  async function createJob(name: string): Promise<void> {
    await api.jobs.create(validateManifest(manifest(name)));
  }

  it('asks for a run and names it', async () => {
    await createJob('a');
    const { status, stdout } = await run('trigger', 'a');
    assert.equal(status, 0);
    const one = await requested(api.publishing.triggers.length);
    assert.equal(stdout, `run ${one.id} requested\n`);
    const table = await run('get', 'runs', '--job', 'a', '-o', 'wide');
    assert.match(table.stdout, new RegExp(`^${one.id} +default/a +manual +- +Pending`, 'm'));
    const json = JSON.parse((await run('get', 'run', one.id, '-o', 'json')).stdout);
    assert.deepEqual([json.id, json.state], [one.id, 'Pending']);
  });

  it('names all runs of a job that comes to several, and shows which each is', async () => {
    await api.jobs.create(validateManifest(manifest('parts', { placement: { mode: 'Shards', shards: 2 } })));
    const { status, stdout } = await run('trigger', 'parts');
    assert.equal(status, 0);
    const [first = '', second = ''] = [...stdout.matchAll(/^run (\S+) requested$/gm)].map(([, id]) => id);
    assert.equal(second, first.replace(/-0$/, '-1'));
    const table = await run('get', 'runs', '--whole', first.replace(/-0$/, ''));
    assert.match(table.stdout, new RegExp(`^${first} +default/parts +1/2 +manual`, 'm'));
    assert.match(table.stdout, new RegExp(`^${second} +default/parts +2/2 +manual`, 'm'));
    const described = await run('describe', 'job', 'parts');
    assert.match(described.stdout, /mode: Shards\n +shards: 2/);
    assert.match(described.stdout, new RegExp(`${second} +default/parts +2/2`));
  });

  it('waits for the end, and its exit status is the outcome', async () => {
    await createJob('b');
    for (const [outcome, status, said] of [
      ['Succeeded', 0, /^run \S+ Succeeded \(exit 0\)\n$/],
      ['Failed', 1, /^cronmesh: run \S+ Failed \(exit 3\)\n$/],
    ] as const) {
      const before = api.publishing.triggers.length;
      const waiting = run('trigger', 'b', '--wait');
      await carryOut(await requested(before + 1), outcome, 'unseen\n');
      const finished = await waiting;
      assert.equal(finished.status, status);
      assert.match(finished.stdout + finished.stderr, said);
    }
  });

  it('follows what a run prints, and shows it again later', async () => {
    await createJob('c');
    const before = api.publishing.triggers.length;
    const following = run('trigger', 'c', '--follow');
    const one = await requested(before + 1);
    await carryOut(one, 'Succeeded', 'hello\nworld\n');
    const { stdout, stderr, status } = await following;
    assert.deepEqual([status, stdout], [0, 'hello\nworld\n']);
    assert.match(stderr, /Succeeded/);
    for (const reference of [one.id, 'c', 'default/c']) {
      assert.equal((await run('logs', reference)).stdout, 'hello\nworld\n');
      assert.equal((await run('logs', '-f', reference)).stdout, 'hello\nworld\n');
    }
  });

  it('asks for the end of a run', async () => {
    await createJob('d');
    await run('trigger', 'd');
    const one = await requested(api.publishing.triggers.length);
    await api.report('worker-1', { ...referenceOf(one), type: 'claimed', at: 1, fencingToken: '1', revision: 1 });
    assert.deepEqual(await run('kill', one.id), { status: 0, stdout: `run ${one.id} is being ended\n`, stderr: '' });
    assert.equal(api.publishing.kills.at(-1)?.run, one.id);
  });

  it('shows how far a run is', async () => {
    await createJob('far');
    await run('trigger', 'far');
    const reference = referenceOf(await requested(api.publishing.triggers.length));
    await api.report('worker-1', { ...reference, type: 'claimed', at: 1, fencingToken: '1', revision: 1 });
    await api.report('worker-1', { ...reference, type: 'started', at: 2 });
    const untold = await run('describe', 'run', reference.run);
    assert.match(untold.stdout, /^Progress: +-$/m);
    await api.report('worker-1', { ...reference, type: 'progress', at: 3, percent: 41.9, message: 'of 10 files' });
    assert.match((await run('describe', 'run', reference.run)).stdout, /^Progress: +41% of 10 files$/m);
    assert.match((await run('get', 'run', reference.run, '-o', 'wide')).stdout, / 41% of 10 files +worker-1 /);
  });

  it('says what is not there', async () => {
    await createJob('e');
    for (const [args, because] of [
      [['trigger', 'nobody'], /there is no job default\/nobody/],
      [['kill', 'nobody'], /there is no run "?nobody/],
      [['logs', 'nobody'], /there is neither a run nobody nor a job default\/nobody/],
      [['logs', 'e'], /the job default\/e has no runs yet/],
      [['get', 'run', 'nobody'], /there is no run "?nobody/],
    ] as const) {
      const { status, stdout, stderr } = await run(...args);
      assert.deepEqual([status, stdout], [1, '']);
      assert.match(stderr, because);
    }
    assert.equal((await run('get', 'runs', '--since', 'yesterday')).status, 2);
  });

  it('lists workers', async () => {
    api.workers = [
      {
        id: 'w1-x' as WorkerId,
        name: 'w1',
        node: 'n',
        address: '10.0.0.1',
        port: 8081,
        labels: { zone: 'a' },
        capacity: 7,
        executors: ['shell'],
        kubernetes: false,
        version: '0.1.0',
        ready: true,
        checks: {},
      },
    ];
    assert.match((await run('get', 'workers')).stdout, /^w1 +yes +7 +shell +zone=a +0\.1\.0$/m);
    assert.match((await run('get', 'workers', '-o', 'wide')).stdout, /10\.0\.0\.1:8081/);
  });

  it('asks for a run later, with arguments and variables of its own', async () => {
    await createJob('later');
    const given = ['--in', '1h30m', '--arg', '-x', '--arg', 'a b', '-e', 'A=b=c', '--env', 'E=', '--', '--y', 'z'];
    const { status, stdout, stderr } = await run('trigger', 'later', ...given);
    assert.equal(status, 0, stderr);
    const [, id = '', due] = /^run (\S+) requested, due (\S+)\n$/.exec(stdout) ?? [];
    assert.equal(due, '2026-03-01T13:30:00Z');
    const json = JSON.parse((await run('get', 'run', id, '-o', 'json')).stdout);
    assert.deepEqual([json.arguments, json.env], [['-x', 'a b', '--y', 'z'], { A: 'b=c', E: '' }]);
    const killed = await run('kill', id);
    assert.deepEqual([killed.status, killed.stdout], [0, `run ${id} is cancelled\n`]);
    for (const [args, message] of [
      [['--in', 'soon'], /--in.* must be a duration such as 90s, 10m or 1h30m/],
      [['--env', 'A'], /--env.* must be NAME=value/],
      [['--in', '5m', '--at', '2026-03-02T00:00:00Z'], /--at.* cannot be used with .*--in/],
      [['--at', 'tomorrow'], /at must be an instant as RFC 3339/],
    ] as const) {
      const refused = await run('trigger', 'later', ...args);
      assert.equal(refused.status, 2, refused.stdout);
      assert.match(refused.stderr, message);
    }
  });

  it('says in a dry run what would run', async () => {
    api.workers = [];
    await createJob('dry');
    const { status, stdout, stderr } = await run('trigger', 'dry', '--dry-run', '--arg', 'x', '-e', 'A=1');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^Would: +a shell run would wait: no ready worker has its labels and executor$/m);
    assert.match(stdout, /^Runs: +\["\/bin\/sh","-c","date","sh","x"\]$/m);
    assert.match(stdout, /^Env: +A=1$/m);
    const json = JSON.parse((await run('trigger', 'dry', '--dry-run', '-o', 'json')).stdout);
    assert.deepEqual([json.workers, json.concurrency.free], [[], true]);
    assert.deepEqual((await api.send('GET', '/api/v1/namespaces/default/jobs/dry/runs')).json.items, []);
  });

  it('asks for backfills, shows and cancels them', async () => {
    await createJob('past');
    const range = ['--from', '2026-02-01T00:00:00Z', '--to', '2026-02-11T00:00:00Z'];
    const { status, stdout, stderr } = await run('backfill', 'past', ...range, '--parallelism', '3', '--all');
    assert.equal(status, 0, stderr);
    const [, id = ''] = /^backfill (\S+) requested: 10 ticks\n$/.exec(stdout) ?? [];
    const table = await run('get', 'backfills', '--job', 'past');
    assert.match(table.stdout, new RegExp(`^${id} +default/past +.* Running +0/10 `, 'm'));
    const json = JSON.parse((await run('get', 'backfill', id, '-o', 'json')).stdout);
    assert.deepEqual([json.parallelism, json.order, json.onlyMissing], [3, 'OldestFirst', false]);
    assert.match((await run('describe', 'backfill', id)).stdout, /^Next tick: +2026-02-01T03:00:00Z$/m);
    assert.equal((await run('cancel', 'backfill', id)).stdout, `backfill ${id} is cancelled\n`);
    const again = await run('cancel', 'backfill', id);
    assert.deepEqual([again.status, again.stderr], [1, `cronmesh: the backfill ${id} has ended already: Cancelled\n`]);
    assert.equal((await run('cancel', 'run', id)).status, 2);
    assert.equal((await run('backfill', 'past', '--from', '2026-02-01T00:00:00Z')).status, 2);
    assert.equal((await run('backfill', 'past', ...range, '--order', 'Random')).status, 2);
    const wrong = await run('backfill', 'past', '--from', '2026-02-11T00:00:00Z', '--to', '2026-02-01T00:00:00Z');
    assert.deepEqual([wrong.status, /from must be before `to`/.test(wrong.stderr)], [2, true]);
  });
});
