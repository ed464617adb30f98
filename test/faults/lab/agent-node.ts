import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { NodeClock } from './clock.ts';
import type { ConsulAgent } from './consul.ts';
import type { AgentNode, Node, WorkerNode } from './lab.ts';
import { processesIn, signalAll } from './namespace.ts';
import { NodeProcess } from './process.ts';
import type { Volume } from './volume.ts';

const checkout = fileURLToPath(new URL('../../../bin/cronmesh', import.meta.url));

export interface LabAgentOptions {
  readonly node: Node;
  readonly namespace: string;
  readonly consul: ConsulAgent;
  readonly clock: NodeClock;
  readonly log: string;
  readonly kind: 'worker' | 'master';
  readonly port: number;
  readonly product?: string | undefined;
  readonly env: Readonly<Record<string, string>>;
}

/** A worker or a master with its agent. */
export class LabAgentNode implements AgentNode {
  readonly name: string;
  readonly address: string;
  readonly http: string;
  readonly consul: ConsulAgent;
  readonly agent: NodeProcess;
  readonly program: NodeProcess;
  readonly clock: NodeClock;
  readonly #namespace: string;

  constructor(options: LabAgentOptions) {
    const { node, namespace, consul, clock, log, kind, product, env } = options;
    this.name = node.name;
    this.address = node.address;
    this.http = `http://${node.address}:${options.port}`;
    this.consul = consul;
    this.agent = consul.process;
    this.clock = clock;
    this.#namespace = namespace;
    this.program = new NodeProcess({
      namespace,
      node: node.name,
      command: [product ?? checkout, kind],
      env: {
        CONSUL_HTTP_ADDR: '127.0.0.1:8500',
        CRONMESH_ADVERTISE_ADDRESS: node.address,
        CRONMESH_HTTP_PORT: String(options.port),
        ...env,
        ...clock.env,
      },
      log,
    });
  }

  setClock(offset: number, drift = 0): void {
    this.clock.set(offset, drift);
  }

  clockOffset(): number {
    return this.clock.offset;
  }

  /** kill -9 of everything here but the agent: what the dead ones' children begin meanwhile, too. */
  protected async killRest(): Promise<void> {
    for (;;) {
      const rest = processesIn(this.#namespace).filter(pid => pid !== this.agent.pid);
      if (rest.length === 0) break;
      signalAll(rest, 'SIGKILL');
      await sleep(10);
    }
    await this.program.kill();
  }
}

export class LabWorker extends LabAgentNode implements WorkerNode {
  readonly #volume: Volume;

  constructor(options: LabAgentOptions & { readonly volume: Volume }) {
    super(options);
    this.#volume = options.volume;
  }

  fillDisk(): Promise<void> {
    return this.#volume.fill();
  }

  freeDisk(): Promise<void> {
    return this.#volume.free();
  }

  takesWrites(): Promise<boolean> {
    return this.#volume.takesWrites();
  }

  killAll(): Promise<void> {
    return this.killRest();
  }
}
