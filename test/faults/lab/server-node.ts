import type { ConsulAgent } from './consul.ts';
import type { Node, ServerNode } from './lab.ts';
import type { NodeProcess } from './process.ts';

/** A server of Consul on a node of its own. */
export class LabServer implements ServerNode {
  readonly name: string;
  readonly address: string;
  readonly consul: NodeProcess;
  readonly server: ConsulAgent;

  constructor(node: Node, server: ConsulAgent) {
    this.name = node.name;
    this.address = node.address;
    this.server = server;
    this.consul = server.process;
  }

  wipe(): Promise<void> {
    return this.server.wipe();
  }
}
