import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { cronmesh } from '../support/cli.ts';
import { Cluster } from '../support/cluster.ts';
import { consulSkip } from '../support/consul.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually, freePort, Program } from '../support/process.ts';
import { Rest, type RunView } from '../support/rest.ts';

const skip = consulSkip() || postgresSkip();

interface JobView {
  readonly metadata: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly spec: Record<string, unknown>;
}
interface SkipView {
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  readonly name: string;
}

/** The same server, as after the loss of its volume: the database is gone, and an empty one has its name. */
async function loseDatabase(url: string): Promise<void> {
  const admin = new URL(url);
  const name = admin.pathname.slice(1);
  admin.pathname = '/postgres';
  const client = new pg.Client(admin.href);
  await client.connect();
  await client.query(`DROP DATABASE "${name}" WITH (FORCE)`);
  await client.query(`CREATE DATABASE "${name}" TEMPLATE template0`);
  await client.end();
}

describe('a backup, and a database that is lost', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'cronmesh-backup-'));
  const proof = join(folder, 'proof');
  const file = join(folder, 'backup.jsonl.gz');
  const each = ['a', 'b', 'c'];
  let cluster: Cluster;
  let jobs: JobView[];
  let runs: RunView[];

  /** Ticks that began, by job, as the processes themselves wrote it down. */
  const starts = (): string[] => readFileSync(proof, 'utf8').split('\n').filter(Boolean);
  const run = (args: string[]) => cronmesh(args, { env: { DATABASE_URL: cluster.postgres.url } });
  const apply = (name: string, spec: object, namespace = 'default') =>
    cluster.rest().post(`/api/v1/namespaces/${namespace}/jobs`, {
      metadata: { name },
      spec: { executor: { shell: { command: `echo "${name} $CRONMESH_TICK" >> ${proof}` } }, ...spec },
    });
  /** On a loaded machine an answer may be late. */
  const remove = (name: string) =>
    eventually(`${name} is deleted`, async () => {
      const { status } = await cluster.rest().request('DELETE', `/api/v1/namespaces/default/jobs/${name}`);
      return status === 404 || undefined;
    });
  const allJobs = () => cluster.rest().all<JobView>('/api/v1/jobs');
  const succeededSince = async (name: string, since: number): Promise<boolean> => {
    const { items } = await cluster
      .rest()
      .get<{ items: RunView[] }>(`/api/v1/namespaces/default/jobs/${name}/runs?state=Succeeded&limit=5`);
    return items.some(({ tick }) => Date.parse(tick ?? '') > since);
  };
  /** That the ticks of a job in (from, to] have a run or a skip each, and which skips. */
  const accounted = async (name: string, from: number, to: number): Promise<SkipView[]> => {
    const range = `since=${new Date(from).toISOString()}&until=${new Date(to).toISOString()}`;
    const of = `/api/v1/namespaces/default/jobs/${name}`;
    const ran = await cluster.rest().all<RunView>(`${of}/runs?${range}`);
    const { items: skips } = await cluster.rest().get<{ items: SkipView[] }>(`${of}/skips?limit=500`);
    const ticks = new Set(ran.map(({ tick }) => Date.parse(tick ?? '')));
    for (let tick = Math.ceil((from + 1) / 1_000) * 1_000; tick < to; tick += 1_000) {
      const skip = skips.find(one => Date.parse(one.from) <= tick && tick <= Date.parse(one.to));
      assert.ok(ticks.has(tick) || skip, `${name} ${new Date(tick).toISOString()} has neither run nor skip`);
    }
    return skips;
  };

  before(async () => {
    writeFileSync(proof, '');
    cluster = await Cluster.start({ masters: 2, workers: 2 });
    for (const name of each) await apply(name, { schedule: '* * * * * *', retry: { limit: 3 } });
    await apply('interval', { schedule: '@every 4s' });
    await apply('by-hand', { schedule: '@manually' });
    await apply('night', { schedule: '0 3 * * *', calendars: { exclude: [] } }, 'shop');
    await cluster.rest().post('/api/v1/namespaces/shop/calendars', {
      metadata: { name: 'holidays' },
      spec: { dates: ['2026-12-25'] },
    });
    await eventually('they run', () => succeededSince('a', Date.now() - 5_000), 60_000);
    await eventually('some time', () => starts().filter(line => line.startsWith('interval')).length >= 3, 60_000);
  });
  after(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is taken while everything runs', async () => {
    jobs = await allJobs();
    const { status, stderr } = await run(['backup', file]);
    assert.match(stderr, /6 jobs, 1 calendars, \d+ runs, \d+ lines of output, \d+ skips, as of /);
    assert.equal(status, 0);
    runs = await cluster.rest().all<RunView>('/api/v1/runs?state=Succeeded');
  });

  it('comes back into an empty database: every job, its history, and nothing twice or in retrospect', async () => {
    await apply('later', { schedule: '@manually' });
    await remove('by-hand');
    const lostAt = Date.now();
    const before = starts().length;
    await loseDatabase(cluster.postgres.url);
    await eventually('workers go on without it', () => starts().length >= before + 9);
    const { status, stderr } = await run(['restore', file]);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /applied 20261123000000_init/);
    assert.match(stderr, /restored 6 jobs, 1 calendars/);
    const restoredAt = Date.now();
    for (const name of each) await eventually(`${name} goes on`, () => succeededSince(name, restoredAt), 60_000);

    const now = await allJobs();
    const plain = ({ metadata: { namespace, name, uid }, spec }: JobView) => ({ namespace, name, uid, spec });
    const known = new Set(jobs.map(job => job.metadata.uid));
    assert.deepEqual(
      now.map(plain).filter(job => known.has(job.uid)),
      jobs.map(plain),
    );
    await eventually('a job that only Consul had is taken from there', async () =>
      (await allJobs()).some(job => job.metadata.name === 'later'),
    );
    const again = new Map(
      (await cluster.rest().all<RunView>('/api/v1/runs?state=Succeeded')).map(one => [one.id, one]),
    );
    const at = Date.parse((/as of (\S+)/.exec(stderr) ?? [])[1] ?? '');
    const held = runs.filter(one => Date.parse(one.tick ?? '') < at - 3_000);
    assert.ok(held.length > 3);
    for (const one of held) assert.deepEqual(again.get(one.id), one);

    for (const name of each) {
      const [oldest] = held.filter(one => one.name === name).slice(-1);
      assert.ok(oldest);
      // The audit looks at a tick some 8 s after it.
      const from = Date.parse(oldest.tick ?? '');
      const skips = await eventually(
        'all is accounted for',
        () => accounted(name, from, restoredAt + 1_000),
        60_000,
        500,
      );
      const reasons = new Set(skips.map(({ reason }) => reason));
      assert.ok(reasons.has('Restored'), [...reasons].join());
      assert.ok(skips.some(one => Date.parse(one.to) > lostAt));
    }
    const began = starts();
    assert.equal(new Set(began).size, began.length, 'a tick began twice');
    assert.equal(
      began.some(line => line.startsWith('night') || line.startsWith('by-hand')),
      false,
    );
  });

  it('goes on with intervals from where they began', async () => {
    const ticks = starts()
      .filter(line => line.startsWith('interval'))
      .map(line => Date.parse(line.split(' ')[1] ?? ''));
    const [first = 0] = ticks;
    assert.ok(ticks.length > 2);
    assert.deepEqual(
      ticks.filter(tick => (tick - first) % 4_000 !== 0),
      [],
    );
  });

  it('comes back where Consul was wiped, too', async () => {
    assert.equal((await run(['backup', file])).status, 0);
    const before = starts().length;
    await eventually('more runs, which the backup does not know', () => starts().length >= before + 6);
    await loseDatabase(cluster.postgres.url);
    await cluster.consul.restart({ empty: true });
    const { status, stderr } = await run(['restore', file]);
    assert.equal(status, 0, stderr);
    const restoredAt = Date.now();
    for (const name of each) await eventually(`${name} goes on`, () => succeededSince(name, restoredAt), 120_000);
    for (const name of each) {
      const until = Math.floor((Date.now() - 20_000) / 1_000) * 1_000;
      await eventually(
        'all is accounted for',
        async () => Boolean(await accounted(name, restoredAt - 5_000, until)),
        60_000,
        1_000,
      );
    }
    const began = starts();
    assert.equal(new Set(began).size, began.length, 'a tick began twice');
    assert.equal(
      began.some(line => line.startsWith('night')),
      false,
    );
  });

  it('is refused by a database that is in use, and says what to do', async () => {
    const { status, stderr } = await run(['restore', file]);
    assert.deepEqual(
      [status, stderr],
      [
        2,
        'cronmesh: the database is not empty (7 jobs, and history): --replace deletes them first, --skip-existing adds what is missing\n',
      ],
    );
    const tried = await run(['restore', file, '--replace', '--dry-run']);
    assert.match(tried.stderr, /would restore 7 jobs/);
  });

  it('comes back under running masters', async () => {
    await remove('c');
    await apply('gone', { schedule: '* * * * * *' });
    await eventually('it runs', () => starts().some(line => line.startsWith('gone')));
    const { status, stderr } = await run(['restore', file, '--replace']);
    assert.equal(status, 0, stderr);
    const restoredAt = Date.now();
    for (const name of each) await eventually(`${name} goes on`, () => succeededSince(name, restoredAt), 60_000);
    await eventually('what was made since is gone from Consul', async () => {
      const key = await fetch(`${cluster.consul.address}/v1/kv/cron/jobs/default/gone`);
      return key.status === 404;
    });
    const began = starts();
    assert.equal(new Set(began).size, began.length, 'a tick began twice');
  });

  it('comes back into a standalone, which is told to stop first', async () => {
    const data = join(folder, 'data');
    const args = ['restore', file, '--standalone', '--set', `data.directory=${data}`];
    const done = await cronmesh(args);
    assert.equal(done.status, 0, done.stderr);
    const port = await freePort();
    const env = { CRONMESH_HTTP_PORT: String(port), CRONMESH_DATA_DIRECTORY: data };
    const standalone = new Program(['standalone'], { env, log: join(folder, 'standalone.log') });
    try {
      const rest = new Rest(`http://127.0.0.1:${port}`);
      await eventually('it is ready', async () => (await rest.request('GET', '/readyz')).ok, 60_000);
      const names = (await rest.all<JobView>('/api/v1/jobs')).map(job => job.metadata.name);
      assert.deepEqual(names.sort(), ['a', 'b', 'c', 'interval', 'by-hand', 'later', 'night'].sort());
      const busy = await cronmesh(['backup', '--standalone', '--set', `data.directory=${data}`]);
      assert.equal(busy.status, 2);
      assert.match(busy.stderr, /^cronmesh: .*database.* is open in|in use/);
      assert.equal(busy.stdout, '');
    } finally {
      await standalone.stop();
    }
    const piped = await cronmesh(['backup', '--standalone', '--no-history', '--set', `data.directory=${data}`]);
    assert.equal(piped.status, 0, piped.stderr);
    const lines = piped.stdout.split('\n').filter(Boolean);
    assert.deepEqual(
      [JSON.parse(lines[0] ?? '').cronmesh, Object.keys(JSON.parse(lines.at(-1) ?? ''))],
      ['backup', ['end']],
    );
    const began = starts();
    assert.equal(new Set(began).size, began.length, 'a tick began twice');
  });
});
