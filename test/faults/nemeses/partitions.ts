import type { Lab, Node } from '../lab/lab.ts';
import { consulLeaderOf } from './consul.ts';
import { type Broken, type Nemesis, nodeOf, seconds, whole } from './nemesis.ts';

/** Cuts of the network. The harness itself reaches every node through all of them. */

const family = 'partition';

async function cut(
  lab: Lab,
  side: readonly Node[],
  others: readonly Node[],
  effect: Broken['effect'],
  targets: readonly Node[] = side,
): Promise<Broken> {
  const heal = await lab.network.cut(side, others);
  return {
    targets: targets.map(node => node.name),
    effect,
    detail: { from: others.map(node => node.name) },
    heal,
  };
}

export const partitionNemeses: readonly Nemesis[] = [
  {
    name: 'cut-worker',
    family,
    plan: (random, { workers }) => ({
      duration: seconds(random, 8, 40),
      options: { worker: whole(random, 0, workers - 1), masters: random.chance(0.5) },
    }),
    begin: ({ options }, { lab }) => {
      const worker = nodeOf(lab.workers, options, 'worker');
      const others = [...lab.servers, ...lab.workers.filter(one => one !== worker)];
      // With the masters on the other side too, reports have to wait as well.
      return cut(lab, [worker], options.masters === true ? [...others, ...lab.masters] : others, 'cut');
    },
  },
  {
    name: 'cut-worker-masters',
    family,
    plan: (random, { workers }) => ({
      duration: seconds(random, 8, 30),
      options: { worker: whole(random, 0, workers - 1) },
    }),
    begin: ({ options }, { lab }) => cut(lab, [nodeOf(lab.workers, options, 'worker')], lab.masters, 'cut-masters'),
  },
  {
    name: 'split-servers',
    family,
    plan: (random, { servers }) => ({
      duration: seconds(random, 8, 30),
      options: { server: whole(random, 0, servers - 1) },
    }),
    begin: ({ options }, { lab }) => {
      const first = numberAfter(lab, options.server);
      const side = lab.servers.filter((_, index) => first.has(index));
      const rest = lab.servers.filter(server => !side.includes(server));
      return cut(lab, side, rest, 'split', lab.servers);
    },
  },
  {
    name: 'isolate-consul-leader',
    family,
    plan: (random, { servers }) => ({
      duration: seconds(random, 8, 30),
      options: { server: whole(random, 0, servers - 1) },
    }),
    begin: async ({ options }, { lab }) => {
      const leader = await consulLeaderOf(lab, nodeOf(lab.servers, options, 'server'));
      return await cut(
        lab,
        [leader],
        lab.servers.filter(server => server !== leader),
        'split',
      );
    },
  },
  {
    name: 'cut-master',
    family,
    plan: (random, { masters }) => ({
      duration: seconds(random, 8, 30),
      options: { master: whole(random, 0, masters - 1) },
    }),
    begin: async ({ options }, { lab }) => {
      const leader = await lab.leadingMaster().catch(() => undefined);
      const master = leader ?? nodeOf(lab.masters, options, 'master');
      const others = [...lab.servers, ...lab.workers, ...lab.masters.filter(one => one !== master)];
      return await cut(lab, [master], others, 'cut');
    },
  },
  {
    name: 'cut-master-database',
    family,
    plan: (random, { masters }) => ({
      duration: seconds(random, 5, 25),
      options: { master: whole(random, 0, masters - 1) },
    }),
    begin: ({ options }, { lab }) =>
      cut(lab, [nodeOf(lab.masters, options, 'master')], [lab.postgres], 'database-away'),
  },
];

/** Which servers are on one side: half of them, rounded down, from the one that was chosen. */
function numberAfter(lab: Lab, first: unknown): ReadonlySet<number> {
  const count = lab.servers.length;
  const half = Math.floor(count / 2);
  return new Set(Array.from({ length: half }, (_, index) => (Number(first) + index) % count));
}
