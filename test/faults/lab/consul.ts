import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { consulBinary } from '../../support/consul.ts';
import { ConsulApi } from './consul-api.ts';
import type { Node } from './lab.ts';
import { NodeProcess } from './process.ts';

export interface ConsulAgentOptions {
  readonly node: Node;
  readonly namespace: string;
  /** Folder of this agent's data, configuration and socket. A socket's path is at most 107 bytes. */
  readonly folder: string;
  readonly log: string;
  readonly servers: readonly string[];
  /** Absent: a client agent. */
  readonly server?: true;
}

/** One Consul server or client agent on a node. */
export class ConsulAgent {
  readonly process: NodeProcess;
  readonly api: ConsulApi;
  /** The same for good: a server that lost its data is the same server to the others. */
  readonly id: string;
  readonly #data: string;

  constructor(options: ConsulAgentOptions) {
    const { folder, node } = options;
    mkdirSync(folder, { recursive: true });
    this.#data = join(folder, 'data');
    this.id = nodeId(node);
    const socket = join(folder, 'http.sock');
    const file = join(folder, 'consul.json');
    writeFileSync(file, JSON.stringify(this.#config(options, socket)));
    this.api = new ConsulApi(socket);
    this.process = new NodeProcess({
      namespace: options.namespace,
      node: node.name,
      command: [consulBinary() ?? 'consul', 'agent', `-config-file=${file}`],
      // On a machine with few cores the agents' garbage collectors must not all want each of them.
      env: { GOMAXPROCS: '2' },
      log: options.log,
    });
  }

  async wipe(): Promise<void> {
    await this.process.kill();
    await rm(this.#data, { recursive: true, force: true });
  }

  #config({ node, servers, server }: ConsulAgentOptions, socket: string): object {
    return {
      data_dir: this.#data,
      node_name: node.name,
      node_id: this.id,
      bind_addr: node.address,
      addresses: { http: `127.0.0.1 unix://${socket}` },
      retry_join: servers,
      retry_interval: '1s',
      log_level: 'info',
      disable_update_check: true,
      connect: { enabled: false },
      // Of a server: leaving at a signal would take it out of its own cluster.
      leave_on_terminate: server !== true,
      ports: { dns: -1, grpc: -1, grpc_tls: -1, serf_wan: -1 },
      ...(server && {
        server: true,
        bootstrap_expect: servers.length,
        performance: { raft_multiplier: 1 },
        // Three servers stay three, however long one of them is cut off.
        autopilot: { cleanup_dead_servers: false },
      }),
    };
  }
}

/** A UUID made from the address. */
function nodeId({ address, name }: Node): string {
  const hex = createHash('sha256').update(`${name} ${address}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
