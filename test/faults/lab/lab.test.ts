import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../../support/process.ts';
import { Rest } from '../../support/rest.ts';
import { command } from './command.ts';
import type { AgentNode } from './lab.ts';
import { isAlive, processesIn } from './namespace.ts';
import { labSkip, type NamespaceLab, openLab } from './open.ts';

/** The longest that anything takes to be seen here; what is asserted is that it comes, not when. */
const patience = 60_000;

describe('the lab', { skip: labSkip(), timeout: 300_000 }, () => {
  let lab: NamespaceLab;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cronmesh-lab-'));
    lab = await openLab({ folder });
  });

  after(async () => {
    await lab?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const processesOf = (node: { readonly name: string }) => processesIn(lab.network.namespaceOf(node.name));
  const probed = (what: string, check: (seen: Awaited<ReturnType<typeof lab.probe>>) => boolean | undefined) =>
    eventually(what, async () => check(await lab.probe()), patience, 500);
  const [worker, other, master, server] = [
    () => at(lab.workers, 0),
    () => at(lab.workers, 1),
    () => at(lab.masters, 0),
    () => at(lab.servers, 0),
  ];

  it('is well when it is open, as measured from outside', async () => {
    const { quorum, database, workers, masters } = await lab.probe();
    assert.deepEqual({ quorum, database }, { quorum: true, database: true });
    const fine = { alive: true, consul: true, clockOffset: 0 };
    assert.deepEqual(workers, {
      'worker-0': { ...fine, spool: true },
      'worker-1': { ...fine, spool: true },
      'worker-2': { ...fine, spool: true },
    });
    assert.deepEqual(masters, { 'master-0': fine, 'master-1': fine });
    assert.deepEqual(await lab.postgres.query('SELECT $1::int AS one', [1]), [{ one: 1 }]);
  });

  it("runs jobs whose processes know their node by its host name, and see the machine's own clock", async () => {
    for (const one of lab.workers) one.setClock(-500);
    const said = join(folder, 'said');
    const name = 'tell';
    const spec = {
      schedule: '@manually',
      executor: { shell: { command: `echo $(hostname) $(date +%s%3N) >> ${said}` } },
    };
    const rest = new Rest(master().http);
    await rest.post('/api/v1/namespaces/default/jobs', { metadata: { name }, spec });
    const before = Date.now();
    await rest.post(`/api/v1/namespaces/default/jobs/${name}/trigger`);
    const line = await eventually('the job ran', () => existsSync(said) && readFileSync(said, 'utf8'), patience);
    const [host, time] = line.trim().split(' ');
    assert.ok(
      lab.workers.some(one => one.name === host),
      line,
    );
    assert.ok(Number(time) >= before && Number(time) <= Date.now(), `${line}, asked for at ${before}`);
    for (const one of lab.workers) one.setClock(0);
    await eventually('every worker holds the job', async () => {
      const sets = await Promise.all(lab.workers.map(one => new Rest(one.http).get<{ jobs: object }>('/jobs')));
      return sets.every(({ jobs }) => 'default/tell' in jobs);
    });
  });

  it('cuts a worker from Consul, and only that one', async () => {
    const heal = await lab.network.cut([worker()], [...lab.servers, ...lab.workers, ...lab.masters]);
    await probed('it does not reach Consul', ({ workers }) => workers['worker-0']?.consul === false);
    const { quorum, workers } = await lab.probe();
    assert.deepEqual([quorum, workers['worker-1']?.consul, workers['worker-0']?.alive], [true, true, true]);
    await heal();
    await probed('it reaches Consul again', ({ workers }) => workers['worker-0']?.consul);
  });

  it("has no quorum with Consul's servers apart, and finds a leader when they are together again", async () => {
    const heals = await Promise.all(
      lab.servers.map(one =>
        lab.network.cut(
          [one],
          lab.servers.filter(another => another !== one),
        ),
      ),
    );
    await probed('no quorum', ({ quorum }) => !quorum);
    for (const heal of heals) await heal();
    await probed('a quorum', ({ quorum }) => quorum);
    await eventually('a leader', () => lab.consulLeader(), patience, 500);
  });

  it("moves Consul's leadership to the server that was asked for", async () => {
    const leader = await lab.consulLeader();
    const next = at(
      lab.servers.filter(one => one !== leader),
      0,
    );
    await lab.transferConsulLeader(next);
    await eventually('another leader', async () => (await lab.consulLeader()) === next, patience, 500);
  });

  it("moves a worker's clock, its supervisor's too, and lets it drift; the product sees it", async () => {
    worker().setClock(-3_600_000);
    const told = async (node: AgentNode) =>
      Date.parse((await fetch(`${node.http}/healthz`)).headers.get('date') ?? '') - Date.now();
    await eventually('an hour behind', async () => Math.abs((await told(worker())) + 3_600_000) < 60_000, patience);
    assert.ok(Math.abs(await told(other())) < 60_000);
    await eventually(
      'the worker knows that its clock is wrong',
      async () => (await (await fetch(`${worker().http}/readyz`)).text()).includes('clock'),
      patience,
    );
    assert.equal((await lab.probe()).workers['worker-0']?.clockOffset, -3_600_000);
    const preloaded = processesOf(worker()).filter(pid =>
      readFileSync(`/proc/${pid}/maps`, 'utf8').includes('libfaketime'),
    );
    assert.equal(preloaded.length, 2, 'the worker and its supervisor');
    worker().setClock(0, 200);
    await eventually('it drifts', () => worker().clockOffset() > 400, patience);
    worker().setClock(0);
    assert.equal(worker().clockOffset(), 0);
  });

  it("fills a worker's disk to its last byte, and frees it", async () => {
    const disk = await diskOf(worker());
    await worker().fillDisk();
    assert.equal((await lab.probe()).workers['worker-0']?.spool, false);
    await assert.rejects(writeFile(join(disk, 'more'), 'x'), /ENOSPC/);
    await worker().freeDisk();
    assert.equal((await lab.probe()).workers['worker-0']?.spool, true);
  });

  it('fills the disk of PostgreSQL, and frees it', async () => {
    await lab.postgres.query('CREATE TABLE big (line text)');
    await lab.postgres.fillDisk();
    const grow = () => lab.postgres.query("INSERT INTO big SELECT repeat('x', 1000) FROM generate_series(1, 30000)");
    await assert.rejects(grow());
    await lab.postgres.freeDisk();
    // It may have crashed for want of room for its log.
    await lab.postgres.start();
    await eventually('it takes rows again', async () => (await grow()).length === 0, patience, 500);
    await lab.postgres.query('DROP TABLE big');
  });

  it('crashes, stops and starts PostgreSQL', async () => {
    await lab.postgres.crash();
    assert.deepEqual(processesOf(lab.postgres), []);
    assert.equal((await lab.probe()).database, false);
    await lab.postgres.start();
    await probed('a database again', ({ database }) => database);
    lab.postgres.pause();
    assert.equal((await lab.probe()).database, false);
    lab.postgres.resume();
    await probed('it goes on', ({ database }) => database);
  });

  it('stops and continues a program alone', async () => {
    worker().program.pause();
    await probed('stopped', ({ workers }) => workers['worker-0']?.alive === false);
    assert.equal(worker().program.running, true);
    assert.ok(processesOf(worker()).filter(isAlive).length >= 2, 'its supervisor and its agent go on');
    worker().program.resume();
    worker().program.resume();
    await probed('continued', ({ workers }) => workers['worker-0']?.alive);
  });

  it('kills a program alone, and its supervisor outlives it; or everything but the agent', async () => {
    const supervisor = processesOf(worker()).find(pid =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('cronmesh supervisor'),
    );
    await worker().program.kill();
    await worker().program.kill();
    assert.ok(isAlive(supervisor));
    assert.equal((await lab.probe()).workers['worker-0']?.alive, false);
    await worker().program.start();
    await worker().program.start();
    await probed('alive', ({ workers }) => workers['worker-0']?.alive);
    await worker().killAll();
    assert.deepEqual(processesOf(worker()), [worker().agent.pid]);
    assert.equal(worker().agent.running, true);
  });

  it('names the master that leads, and the next one when that stops', async () => {
    const first = await eventually('a leading master', () => lab.leadingMaster(), patience, 500);
    assert.equal(await first.program.stop(), 0);
    await eventually('another', async () => ((await lab.leadingMaster()) ?? first) !== first, patience, 500);
  });

  it('wipes one server, and it gets everything from the others; wipes all, and nothing is left', async () => {
    const wipe = async (servers: typeof lab.servers) => {
      await Promise.all(servers.map(one => one.wipe()));
      await Promise.all(servers.map(one => one.consul.start()));
      await probed('a quorum', ({ quorum }) => quorum);
    };
    const kept = async () => {
      const { status } = await server().server.api.ask('GET', '/v1/kv/kept?stale');
      return status === 200;
    };
    await server().server.api.send('PUT', '/v1/kv/kept', { body: 'yes' });
    await wipe([server()]);
    await eventually('the key is there', kept, patience, 500);
    await wipe(lab.servers);
    assert.equal(await eventually('an answer', async () => [await kept()], patience, 500).then(([is]) => is), false);
  });

  it('takes Consul back to a snapshot', async () => {
    const { api } = server().server;
    const read = async () => (await api.get<{ Value: string }[]>('/v1/kv/age?consistent'))?.[0]?.Value;
    const write = async (body: string) => (await api.send('PUT', '/v1/kv/age', { body })).status === 200;
    await eventually('written', () => write('old'), patience, 500);
    const snapshot = await eventually('a snapshot', () => lab.saveSnapshot(), patience, 500);
    const old = await read();
    await write('new');
    assert.notEqual(await read(), old);
    await lab.restoreSnapshot(snapshot);
    await eventually('the old value', async () => (await read()) === old, patience, 500);
  });

  it('heals everything at once, and is well again', async () => {
    await lab.network.cut(lab.workers, lab.masters);
    await lab.network.impair(worker(), { delayMs: 20 });
    await lab.network.impair(lab.postgres, { delayMs: 20 });
    other().program.pause();
    other().setClock(700);
    await worker().fillDisk();
    server().consul.pause();
    await at(lab.servers, 1).consul.kill();
    await master().agent.kill();
    await lab.postgres.crash();
    await lab.healAll();
    await lab.well(120_000);
    const { workers } = await lab.probe();
    assert.deepEqual(workers['worker-1'], { alive: true, consul: true, clockOffset: 0, spool: true });
  });

  it('leaves nothing behind, and can be closed twice', async () => {
    const { name } = lab.place;
    await lab.close();
    await lab.close();
    assert.doesNotMatch(await command('ip', ['netns']), new RegExp(name));
    assert.doesNotMatch(await command('ip', ['-o', 'link']), new RegExp(name));
    assert.doesNotMatch(readFileSync('/proc/mounts', 'utf8'), new RegExp(name));
    assert.equal(existsSync(lab.place.folder), false);
    assert.deepEqual(processesThatName(name), []);
    assert.ok(readdirSync(join(folder, 'logs')).includes('agent-worker-2.log'));
  });

  /** Where its worker keeps its data. */
  async function diskOf({ program }: { readonly program: { readonly pid: number | undefined } }): Promise<string> {
    const environment = readFileSync(`/proc/${program.pid}/environ`, 'utf8').split('\0');
    return environment.find(one => one.startsWith('CRONMESH_DATA_DIRECTORY='))?.replace(/^.*?=/, '') ?? '';
  }
});

function at<T>(all: readonly T[], index: number): T {
  const one = all[index];
  if (one === undefined) throw new Error(`the lab has only ${all.length}`);
  return one;
}

function processesThatName(name: string): string[] {
  return readdirSync('/proc').filter(pid => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(name);
    } catch {
      return false;
    }
  });
}
