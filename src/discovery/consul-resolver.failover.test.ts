import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { consulSkip, startConsul } from '../../test/support/consul.ts';
import { someBatch, someReports } from '../../test/support/reports.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { ConsulCoordinator } from '../coordination/consul/consul.ts';
import { type CheckStatus, CoordinationError, type Coordinator } from '../coordination/coordinator.ts';
import { MemoryCoordinator } from '../coordination/memory/memory.ts';
import type { WorkerId } from '../domain/run/run.ts';
import { ReportServiceClient } from '../gen/cronmesh/v1/report.ts';
import { silentLogger } from '../observability/logger.ts';
import { encodeBatch } from '../wire/codec.ts';
import { openFileSpool } from '../worker/reporting/file-spool.ts';
import { grpcTransport } from '../worker/reporting/grpc-transport.ts';
import { Reporter } from '../worker/reporting/reporter.ts';
import { registerConsulResolver } from './consul-resolver.ts';

/** A master's gRPC port in a process of its own, and what it committed. */
class Master {
  readonly id: string;
  readonly file: string;
  readonly child: ChildProcess;
  port = 0;

  constructor(directory: string, id: string) {
    this.id = id;
    this.file = join(directory, id);
    this.child = fork(join(import.meta.dirname, '../../test/support/report-master.ts'), [this.file]);
  }

  get committed(): number[] {
    return existsSync(this.file) ? readFileSync(this.file, 'utf8').split('\n').filter(Boolean).map(Number) : [];
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill(signal);
    if (signal === 'SIGKILL') await once(this.child, 'exit');
  }
}

interface Backend {
  readonly name: string;
  readonly skip: string | false;
  start(): Promise<{ coordinator: Coordinator; stop(): Promise<void> }>;
}

const memory: Backend = {
  name: 'memory',
  skip: false,
  start: async () => ({ coordinator: new MemoryCoordinator(), stop: async () => {} }),
};
const consul: Backend = {
  name: 'Consul',
  skip: consulSkip(),
  start: async () => {
    const server = await startConsul();
    return { coordinator: new ConsulCoordinator({ address: server.address }), stop: () => server.stop() };
  },
};

async function setUp(t: TestContext, backend = memory) {
  const directory = temporaryDirectory(t);
  const { coordinator, stop } = await backend.start();
  registerConsulResolver(coordinator);
  const masters: Master[] = [];
  t.after(async () => {
    await Promise.all(masters.map(master => master.kill('SIGKILL')));
    await coordinator.close();
    await stop();
  });
  const setCheck = (master: Master, status: CheckStatus) => coordinator.setCheck(`alive:${master.id}`, status, 'test');
  const startMaster = async () => {
    const master = new Master(directory, `m${masters.length + 1}`);
    masters.push(master);
    [master.port] = await once(master.child, 'message');
    await coordinator.register({
      service: 'cronmesh-master',
      id: master.id,
      address: '127.0.0.1',
      port: 1,
      meta: { grpc: String(master.port) },
      checks: [{ kind: 'ttl', id: `alive:${master.id}`, name: 'alive', ttl: 600_000 }],
    });
    await setCheck(master, 'passing');
    return master;
  };
  return { directory, coordinator, masters, startMaster, setCheck };
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!holds()) {
    assert.ok(performance.now() < deadline, `not within 20 s: ${what}`);
    await turn();
  }
}

async function startReporter(t: TestContext, directory: string) {
  const worker = 'w' as WorkerId;
  const spool = await openFileSpool({ worker, directory: join(directory, 'spool') });
  const transport = grpcTransport({ target: 'consul:///cronmesh-master' });
  const reporter = new Reporter({ worker, spool, transport, logger: silentLogger, linger: 1 });
  t.after(async () => {
    await reporter.stop();
    await transport.close();
    await spool.close();
  });
  await reporter.start();
  return { spool, reporter };
}

/** Where one stream of a client that does not wait ends up: the status' code, or 0 when it was answered. */
function tryOnce(client: ReportServiceClient, waitForReady = false): Promise<{ code: number; details: string }> {
  return new Promise(resolve => {
    const stream = client.report(new Metadata({ waitForReady }));
    stream.on('error', (error: ServiceError) => resolve(error));
    stream.on('data', () => {
      resolve({ code: 0, details: '' });
      stream.end();
    });
    stream.write(encodeBatch(someBatch(1, 1)));
  });
}

for (const backend of [memory, consul]) {
  describe(`consul:/// on ${backend.name}`, { skip: backend.skip }, () => {
    it('loses nothing and bothers nobody while masters are killed and new ones come', async t => {
      const { directory, masters, startMaster, setCheck } = await setUp(t, backend);
      await startMaster();
      await startMaster();
      const { spool, reporter } = await startReporter(t, directory);
      let next = 1;
      const busy = () => masters.findLast(master => master.child.signalCode === null && master.committed.length > 0);
      const append = async () => {
        await spool.append(someReports(next, 20));
        next += 20;
      };
      for (let round = 0; round < 3; round++) {
        const target = next + 400;
        while (next < target || !busy()) await append();
        const victim = busy() ?? assert.fail();
        const others = () =>
          masters.filter(master => master !== victim).reduce((sum, one) => sum + one.committed.length, 0);
        const before = others();
        await victim.kill('SIGKILL');
        // Round 1: the catalog has not noticed yet. Later: the dead one is out of it, and only a new one is left.
        if (round > 0) {
          await startMaster();
          await setCheck(victim, 'critical');
        }
        await append();
        await until('another master takes over', () => others() > before);
      }
      assert.equal(await reporter.flush(20_000), true);
      assert.equal(spool.depth, 0);
      const committed = new Set(masters.flatMap(master => master.committed));
      for (let number = 1; number < next; number++) assert.ok(committed.has(number), `report ${number} was lost`);
    });

    it('fails at once without a master, and works as soon as one appears', async t => {
      const { startMaster, setCheck } = await setUp(t, backend);
      const client = new ReportServiceClient('consul:///cronmesh-master', credentials.createInsecure());
      t.after(() => client.close());
      const nobody = await tryOnce(client);
      assert.equal(nobody.code, 14);
      assert.match(nobody.details, /no instance of cronmesh-master is passing/);
      const waiting = tryOnce(client, true);
      const master = await startMaster();
      assert.equal((await waiting).code, 0);
      await setCheck(master, 'critical');
      let left = await tryOnce(client);
      while (left.code === 0) left = await tryOnce(client);
      assert.match(left.details, /no instance of cronmesh-master is passing/);
    });
  });
}

describe('consul:///', () => {
  it('spreads streams over all masters, and over a new one as well', async t => {
    const { startMaster, masters } = await setUp(t);
    await startMaster();
    await startMaster();
    const client = new ReportServiceClient('consul:///cronmesh-master', credentials.createInsecure());
    t.after(() => client.close());
    const share = async (count: number) => {
      const before = masters.map(master => master.committed.length);
      for (let i = 0; i < count; i++) assert.equal((await tryOnce(client)).code, 0);
      return masters.map((master, index) => master.committed.length - (before[index] ?? 0));
    };
    await tryOnce(client);
    await until('both are connected', () => masters.every(master => master.port > 0));
    let shares = await share(20);
    while (shares.some(one => one === 0)) shares = await share(20);
    assert.deepEqual(await share(20), [10, 10]);
    await startMaster();
    while ((await share(9))[2] === 0);
    assert.deepEqual(await share(30), [10, 10, 10]);
  });

  it('keeps the masters that it knows when the catalog goes away, and says so when it knows none', async t => {
    const { startMaster, coordinator } = await setUp(t);
    let away = true;
    let reads = 0;
    const flaky = Object.create(coordinator, {
      blockService: {
        value: async (...given: Parameters<Coordinator['blockService']>) => {
          reads++;
          if (away) throw new CoordinationError('connect ECONNREFUSED', 'refused');
          const [service, options] = given;
          return coordinator.blockService(service, { ...options, wait: 20 });
        },
      },
    }) as Coordinator;
    registerConsulResolver(flaky);
    const client = new ReportServiceClient('consul:///cronmesh-master', credentials.createInsecure());
    t.after(() => client.close());
    const unknown = await tryOnce(client);
    assert.equal(unknown.code, 14);
    assert.match(unknown.details, /the catalog did not answer: connect ECONNREFUSED/);
    await startMaster();
    away = false;
    assert.equal((await tryOnce(client, true)).code, 0);
    away = true;
    const seen = reads;
    await until('the catalog was asked in vain', () => reads > seen + 3);
    assert.equal((await tryOnce(client)).code, 0);
  });
});
