import { randomInt } from 'node:crypto';
import { command } from './command.ts';
import { Cable } from './impairment.ts';
import type { Impairment, Network, Node } from './lab.ts';

/**
 * The nodes' network: a bridge in a namespace of its own (the harness's machine may filter what it bridges), each node
 * on it by a veth pair, and the harness by one more, which nothing is ever cut from.
 */
export class LabNetwork implements Network {
  readonly #lab: string;
  /** `10.x.y.` */
  readonly #net: string;
  /** Drops that are in force: node → address of the other → by how many cuts. */
  readonly #drops = new Map<string, Map<string, number>>();
  readonly #cuts = new Set<() => Promise<void>>();
  readonly #cables = new Map<string, Cable>();
  #nodes = 0;

  private constructor(lab: string, net: string) {
    this.#lab = lab;
    this.#net = net;
  }

  /** @param lab its name: the prefix of every namespace */
  static async create(lab: string): Promise<LabNetwork> {
    const network = new LabNetwork(lab, await freeNet());
    await network.#build();
    return network;
  }

  /** Where the harness listens, for all nodes. */
  get outside(): string {
    return `${this.#net}1`;
  }

  /** Of all nodes: `10.x.y.0/24`. */
  get subnet(): string {
    return `${this.#net}0/24`;
  }

  namespaceOf(node: string): string {
    return `${this.#lab}-${node}`;
  }

  get #hub(): string {
    return this.namespaceOf('hub');
  }

  async #build(): Promise<void> {
    const hub = this.#hub;
    await batch([], [`netns add ${hub}`, `link add ${this.#lab} type veth peer name outside netns ${hub}`]);
    await quiet(hub);
    await batch(
      ['-n', hub],
      ['link add bridge type bridge', 'link set outside master bridge', 'link set outside up', 'link set bridge up'],
    );
    await batch([], [`addr add ${this.outside}/24 dev ${this.#lab}`, `link set ${this.#lab} up`]);
  }

  /** A namespace with an address; a node's name is that of its port at the bridge, too (at most 15 characters). */
  async add(name: string): Promise<Node> {
    const namespace = this.namespaceOf(name);
    const address = `${this.#net}${10 + this.#nodes++}`;
    await batch([], [`netns add ${namespace}`]);
    await quiet(namespace);
    await batch(
      ['-n', this.#hub],
      [
        `link add name ${name} type veth peer name eth0 netns ${namespace}`,
        `link set dev ${name} master bridge`,
        `link set dev ${name} up`,
      ],
    );
    await batch(
      ['-n', namespace],
      [
        'link set lo up',
        `addr add ${address}/24 dev eth0`,
        'link set eth0 up',
        `route add default via ${this.outside}`,
      ],
    );
    await this.#nft(name, cutTable);
    return { name, address };
  }

  async cut(side: readonly Node[], other: readonly Node[]): Promise<() => Promise<void>> {
    const pairs = side.flatMap(a => other.filter(b => b.name !== a.name).flatMap(b => [drop(a, b), drop(b, a)]));
    await this.#change(pairs, 1);
    const heal = async () => {
      if (this.#cuts.delete(heal)) await this.#change(pairs, -1);
    };
    this.#cuts.add(heal);
    return heal;
  }

  async impair({ name }: Node, how: Impairment): Promise<() => Promise<void>> {
    const cable =
      this.#cables.get(name) ?? new Cable({ port: name, namespace: this.namespaceOf(name), hub: this.#hub });
    this.#cables.set(name, cable);
    return await cable.impair(how);
  }

  async heal(): Promise<void> {
    for (const heal of [...this.#cuts]) await heal();
    await Promise.all([...this.#cables.values()].map(cable => cable.heal()));
  }

  /** Counts the drops up or down, and brings the nodes' rules in step with them. */
  async #change(pairs: readonly Drop[], by: 1 | -1): Promise<void> {
    const changed = new Map<string, string[]>();
    for (const { at, from } of pairs) {
      const drops = this.#drops.get(at) ?? new Map<string, number>();
      this.#drops.set(at, drops);
      const before = drops.get(from) ?? 0;
      drops.set(from, before + by);
      if (before === 0 || before + by === 0) changed.set(at, [...(changed.get(at) ?? []), from]);
    }
    const verb = by === 1 ? 'add' : 'delete';
    await Promise.all(
      [...changed].map(([node, addresses]) =>
        this.#nft(node, `${verb} element inet cronmesh_faults cut { ${addresses.join(', ')} }`),
      ),
    );
  }

  async #nft(node: string, rules: string): Promise<void> {
    await command('ip', ['netns', 'exec', this.namespaceOf(node), 'nft', '-f', '-'], rules);
  }
}

interface Drop {
  readonly at: string;
  readonly from: string;
}

const drop = (at: Node, from: Node): Drop => ({ at: at.name, from: from.address });

/**
 * Only what comes in is dropped, on both sides: a drop on the way out is told to the sender (EPERM), which no broken
 * cable does.
 */
const cutTable = `
table inet cronmesh_faults {
  set cut { type ipv4_addr; }
  chain in { type filter hook input priority -300; policy accept; ip saddr @cut drop; }
}
`;

const batch = (options: readonly string[], lines: readonly string[]): Promise<string> =>
  command('ip', [...options, '-batch', '-'], `${lines.join('\n')}\n`);

/** Without IPv6: one protocol to cut. */
async function quiet(namespace: string): Promise<void> {
  const off = 'for i in all default; do f=/proc/sys/net/ipv6/conf/$i/disable_ipv6; [ ! -e $f ] || echo 1 > $f; done';
  await command('ip', ['netns', 'exec', namespace, 'sh', '-c', off]);
}

/** A net that no address and no route of the machine is in, apart from those that clusters are fond of. */
async function freeNet(): Promise<string> {
  const known = (await command('ip', ['-4', '-o', 'addr'])) + (await command('ip', ['-4', 'route']));
  for (;;) {
    const net = `10.${randomInt(200, 240)}.${randomInt(0, 255)}.`;
    if (!known.includes(` ${net}`)) return net;
  }
}
