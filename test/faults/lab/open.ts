import { mkdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { leaderPath } from '../../../src/coordination/keys.ts';
import type { Probe } from '../history/history.ts';
import { LabAgentNode, LabWorker } from './agent-node.ts';
import { NodeClock } from './clock.ts';
import { ConsulAgent } from './consul.ts';
import type { AgentNode, Lab, LabOptions, Node, ServerNode } from './lab.ts';
import { LabNetwork } from './network.ts';
import { makePlace, type Place, removePlace, sweep } from './place.ts';
import { LabPostgres } from './postgres.ts';
import { probe } from './probe.ts';
import { LabServer } from './server-node.ts';
import { labSkip } from './skip.ts';
import { Volume } from './volume.ts';
import { whatIsMissing } from './well.ts';

export { labSkip } from './skip.ts';

/** The spool's disk, as `mount` takes it. */
const workerDisk = '24m';
/** Consul's answers that go through a leader that may just be elected. */
const longCall = 15_000;

/**
 * Starts a whole cluster, each node in a namespace of its own, and waits until it is well (about 15 s on a quiet
 * machine). Removes what labs of dead processes left behind. Close it whatever happens; it closes itself when the
 * process ends or gets SIGINT, SIGTERM or SIGHUP.
 *
 * @example
 * const lab = await openLab({ folder: '/tmp/faults' });
 * const heal = await lab.network.cut([lab.workers[0]], [...lab.servers, ...lab.workers, ...lab.masters]);
 * …
 * await heal();
 * await lab.close();
 *
 * @throws Error that says what is missing on this machine (`labSkip`), or what is not well within 60 s
 */
export async function openLab(options: LabOptions & { readonly folder: string }): Promise<NamespaceLab> {
  const skip = labSkip();
  if (skip !== false) throw new Error(skip);
  sweep();
  mkdirSync(join(options.folder, 'logs'), { recursive: true });
  const place = makePlace();
  const guard = new Guard(place);
  try {
    const lab = new NamespaceLab(options, place, await LabNetwork.create(place.name), guard);
    await lab.build();
    await lab.well(60_000);
    return lab;
  } catch (error) {
    guard.close();
    throw error;
  }
}

/** Removes the lab when the process ends, in whatever way it still can act on. */
class Guard {
  readonly #place: Place;
  #closed = false;
  readonly #onExit = () => this.close();
  readonly #onSignal = (signal: NodeJS.Signals) => {
    this.close();
    process.kill(process.pid, signal);
  };

  constructor(place: Place) {
    this.#place = place;
    process.on('exit', this.#onExit);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, this.#onSignal);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    removePlace(this.#place);
    process.off('exit', this.#onExit);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, this.#onSignal);
  }
}

/** The lab, as `openLab` makes it. */
export class NamespaceLab implements Lab {
  readonly folder: string;
  readonly network: LabNetwork;
  readonly servers: LabServer[] = [];
  readonly workers: LabWorker[] = [];
  readonly masters: LabAgentNode[] = [];
  readonly #options: LabOptions;
  readonly place: Place;
  readonly #guard: Guard;
  #postgres: LabPostgres | undefined;
  #snapshots = 0;

  constructor(options: LabOptions & { readonly folder: string }, place: Place, network: LabNetwork, guard: Guard) {
    this.folder = options.folder;
    this.#options = options;
    this.place = place;
    this.network = network;
    this.#guard = guard;
  }

  get postgres(): LabPostgres {
    if (this.#postgres === undefined) throw new Error('the lab is not built yet');
    return this.#postgres;
  }

  get outside(): string {
    return this.network.outside;
  }

  async build(): Promise<void> {
    const { servers = 3, workers = 3, masters = 2, env = {} } = this.#options;
    const add = async (kind: string, count: number) => {
      const nodes: Node[] = [];
      for (let i = 0; i < count; i++) nodes.push(await this.network.add(`${kind}-${i}`));
      return nodes;
    };
    const [ofServers, ofWorkers, ofMasters] = [
      await add('server', servers),
      await add('worker', workers),
      await add('master', masters),
    ];
    const addresses = ofServers.map(node => node.address);
    this.#postgres = await this.#makePostgres();
    for (const node of ofServers) this.servers.push(new LabServer(node, this.#makeConsul(node, addresses, true)));
    for (const node of ofWorkers) this.workers.push(this.#makeWorker(node, addresses, env.worker));
    for (const node of ofMasters) this.masters.push(this.#makeMaster(node, addresses, env.master));
    await Promise.all([this.postgres.create(), ...this.#agents.map(agent => agent.process.start())]);
    await Promise.all([...this.workers, ...this.masters].map(node => node.program.start()));
  }

  get #agents(): ConsulAgent[] {
    return [...this.servers.map(one => one.server), ...[...this.workers, ...this.masters].map(one => one.consul)];
  }

  async #makePostgres(): Promise<LabPostgres> {
    const node = await this.network.add('postgres');
    return new LabPostgres({ ...this.#placeOf(node), node, subnet: this.network.subnet, lab: this.place.name });
  }

  #placeOf(node: Node): { namespace: string; folder: string; log: string } {
    return {
      namespace: this.network.namespaceOf(node.name),
      folder: join(this.place.folder, node.name),
      log: this.#log(node.name),
    };
  }

  #log(name: string): string {
    return join(this.folder, 'logs', `${name}.log`);
  }

  #makeConsul(node: Node, servers: readonly string[], server = false): ConsulAgent {
    const log = this.#log(server ? node.name : `agent-${node.name}`);
    const folder = join(this.place.folder, node.name, 'consul');
    return new ConsulAgent({ ...this.#placeOf(node), folder, node, log, servers, ...(server && { server }) });
  }

  #makeWorker(node: Node, servers: readonly string[], env: Readonly<Record<string, string>> = {}): LabWorker {
    const consul = this.#makeConsul(node, servers);
    const { namespace, folder, log } = this.#placeOf(node);
    const volume = new Volume(join(folder, 'disk'), this.place.name, workerDisk);
    const settings = {
      CRONMESH_WORKER_NAME: node.name,
      CRONMESH_DATA_DIRECTORY: volume.data,
      CRONMESH_WORKER_ALLOW_PRIVATE_ADDRESSES: 'true',
      CRONMESH_WORKER_DRAIN_SECONDS: '5',
      ...env,
    };
    const clock = new NodeClock(join(folder, 'clock'));
    const { product } = this.#options;
    const common = { node, namespace, consul, clock, log, product };
    return new LabWorker({ ...common, kind: 'worker', port: 8081, volume, env: settings });
  }

  #makeMaster(node: Node, servers: readonly string[], env: Readonly<Record<string, string>> = {}): LabAgentNode {
    const consul = this.#makeConsul(node, servers);
    const { namespace, folder, log } = this.#placeOf(node);
    const clock = new NodeClock(join(folder, 'clock'));
    const { product } = this.#options;
    const common = { node, namespace, consul, clock, log, product };
    return new LabAgentNode({
      ...common,
      kind: 'master',
      port: 8080,
      env: { DATABASE_URL: this.postgres.url, ...env },
    });
  }

  async consulLeader(): Promise<LabServer | undefined> {
    const named = await Promise.all(
      this.servers.map(server => server.server.api.get<string>('/v1/status/leader').catch(() => undefined)),
    );
    // One that was cut off may still name the leader of before: the most say which it is.
    return this.servers.find(
      ({ address }) => named.filter(name => name?.startsWith(`${address}:`)).length > this.servers.length / 2,
    );
  }

  async leadingMaster(): Promise<AgentNode | undefined> {
    const path = leaderPath('scheduler');
    const [held] = (await this.askConsul<{ Session?: string }[]>(`/v1/kv/${path}?consistent`)) ?? [];
    if (held?.Session === undefined) return undefined;
    const [session] = (await this.askConsul<{ Node: string }[]>(`/v1/session/info/${held.Session}?consistent`)) ?? [];
    return this.masters.find(master => master.name === session?.Node);
  }

  async askConsul<T>(path: string): Promise<T | undefined> {
    return await Promise.any(this.servers.map(server => server.server.api.get<T>(path)));
  }

  async transferConsulLeader(to: ServerNode): Promise<void> {
    const server = this.servers.find(one => one.name === to.name);
    const leader = await this.consulLeader();
    if (server === undefined || leader === undefined) throw new Error(`no leader to take it from, or no ${to.name}`);
    if (leader === server) return;
    await leader.server.api.send('POST', `/v1/operator/raft/transfer-leader?id=${server.server.id}`, {
      timeout: longCall,
    });
  }

  async saveSnapshot(): Promise<string> {
    const leader = await this.#leader();
    const { body } = await leader.server.api.send('GET', '/v1/snapshot', { timeout: longCall });
    const path = join(this.folder, `consul-${this.#snapshots++}.snapshot`);
    await writeFile(path, body);
    return path;
  }

  async restoreSnapshot(path: string): Promise<void> {
    const leader = await this.#leader();
    await leader.server.api.send('PUT', '/v1/snapshot', { body: await readFile(path), timeout: longCall });
  }

  async #leader(): Promise<LabServer> {
    const leader = await this.consulLeader();
    if (leader === undefined) throw new Error('Consul has no leader now');
    return leader;
  }

  async healAll(): Promise<void> {
    await this.network.heal();
    for (const node of [...this.workers, ...this.masters]) {
      node.setClock(0);
      node.program.resume();
    }
    for (const agent of this.#agents) agent.process.resume();
    this.postgres.resume();
    await Promise.all([this.postgres, ...this.workers].map(node => node.freeDisk()));
    await Promise.all([this.postgres.start(), ...this.#agents.map(agent => agent.process.start())]);
    await Promise.all([...this.workers, ...this.masters].map(node => node.program.start()));
  }

  async well(timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const missing = await whatIsMissing(this);
      if (missing.length === 0) return;
      if (Date.now() > deadline) {
        throw new Error(`not well within ${timeoutMs} ms: ${missing.join('; ')}; logs in ${join(this.folder, 'logs')}`);
      }
      await sleep(500);
    }
  }

  probe(): Promise<Probe> {
    return probe(this);
  }

  async close(): Promise<void> {
    for (const node of [...this.workers, ...this.masters]) node.clock.stop();
    await this.#postgres?.crash();
    this.#guard.close();
  }
}
