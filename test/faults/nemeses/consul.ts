import type { Random } from '../../chaos/random.ts';
import type { Lab, ServerNode } from '../lab/lab.ts';
import type { Shape } from '../plan/plan.ts';
import { type Broken, type Nemesis, nodeOf, seconds, whole } from './nemesis.ts';

/** Consul: its servers, with and without a quorum left, its leader, the agents beside the programs. */

const family = 'consul';

const someServer =
  (least: number, most: number) =>
  (random: Random, { servers }: Shape) => ({
    duration: seconds(random, least, most),
    options: { server: whole(random, 0, servers - 1) },
  });

/** Consul's leader; the server that the plan names while there is none. */
export async function consulLeaderOf(lab: Lab, otherwise: ServerNode): Promise<ServerNode> {
  return (await lab.consulLeader().catch(() => undefined)) ?? otherwise;
}

async function killed(servers: readonly ServerNode[]): Promise<Broken> {
  await Promise.all(servers.map(server => server.consul.kill()));
  return {
    targets: servers.map(server => server.name),
    effect: 'killed',
    detail: {},
    heal: async () => void (await Promise.all(servers.map(server => server.consul.start()))),
  };
}

export const consulNemeses: readonly Nemesis[] = [
  {
    name: 'kill-server',
    family,
    plan: someServer(3, 20),
    begin: ({ options }, { lab }) => killed([nodeOf(lab.servers, options, 'server')]),
  },
  {
    name: 'kill-consul-leader',
    family,
    plan: someServer(3, 20),
    begin: async ({ options }, { lab }) => killed([await consulLeaderOf(lab, nodeOf(lab.servers, options, 'server'))]),
  },
  {
    name: 'kill-two-servers',
    family,
    plan: someServer(8, 22),
    begin: ({ options }, { lab }) => {
      const kept = nodeOf(lab.servers, options, 'server');
      const others = lab.servers.filter(server => server !== kept);
      // A minority stays: there is no quorum.
      return killed(others.slice(0, Math.ceil(lab.servers.length / 2)));
    },
  },
  {
    name: 'kill-agent',
    family,
    plan: (random, { workers, masters }) => ({
      duration: seconds(random, 3, 15),
      options: { agent: whole(random, 0, workers + masters - 1) },
    }),
    begin: async ({ options }, { lab }) => {
      const node = nodeOf([...lab.workers, ...lab.masters], options, 'agent');
      await node.agent.kill();
      return {
        targets: [`agent-${node.name}`],
        effect: 'killed',
        detail: {},
        heal: () => node.agent.start(),
      };
    },
  },
  {
    name: 'change-consul-leader',
    family,
    plan: someServer(1, 2),
    begin: async ({ options }, { lab }) => {
      const chosen = nodeOf(lab.servers, options, 'server');
      const leader = await lab.consulLeader().catch(() => undefined);
      const to = leader === chosen ? lab.servers.find(server => server !== chosen) : chosen;
      if (to !== undefined && leader !== undefined) await lab.transferConsulLeader(to);
      return { targets: to ? [to.name] : [], effect: 'leader-changed', detail: { from: leader?.name ?? 'none' } };
    },
  },
];
