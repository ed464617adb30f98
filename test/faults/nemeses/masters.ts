import type { AgentNode, Lab } from '../lab/lab.ts';
import { type Broken, type Nemesis, nodeOf, numberOf, pause, seconds, whole } from './nemesis.ts';

/** Masters: the one that leads, and any in the middle of a publication. */

const family = 'master';

/** The leader; the one that the plan names while nobody leads. */
async function leaderOf(lab: Lab, otherwise: AgentNode): Promise<AgentNode> {
  return (await lab.leadingMaster().catch(() => undefined)) ?? otherwise;
}

async function killed(master: AgentNode): Promise<Broken> {
  await master.program.kill();
  return { targets: [master.name], effect: 'killed', detail: {}, heal: () => master.program.start() };
}

export const masterNemeses: readonly Nemesis[] = [
  {
    name: 'kill-leader',
    family,
    plan: (random, { masters }) => ({
      duration: seconds(random, 3, 15),
      options: { master: whole(random, 0, masters - 1) },
    }),
    begin: async ({ options }, { lab }) => killed(await leaderOf(lab, nodeOf(lab.masters, options, 'master'))),
  },
  {
    name: 'stop-leader',
    family,
    plan: (random, { masters }) => ({
      duration: seconds(random, 24, 27),
      options: { master: whole(random, 0, masters - 1) },
    }),
    begin: async ({ options }, { lab }) => {
      const master = await leaderOf(lab, nodeOf(lab.masters, options, 'master'));
      master.program.pause();
      return {
        targets: [master.name],
        effect: 'stopped',
        detail: {},
        heal: async () => master.program.resume(),
      };
    },
  },
  {
    name: 'kill-publisher',
    family,
    plan: (random, { masters }) => ({
      duration: seconds(random, 3, 10),
      options: { master: whole(random, 0, masters - 1), after: whole(random, 0, 20) },
    }),
    begin: async ({ options }, { lab, burst }) => {
      const master = nodeOf(lab.masters, options, 'master');
      burst(numberOf(options, 'master'));
      await pause(numberOf(options, 'after'));
      return await killed(master);
    },
  },
  {
    // Between its read and its write, while the other master publishes what is newer.
    name: 'stop-publisher',
    family,
    plan: (random, { masters }) => ({
      duration: seconds(random, 9, 11),
      options: { master: whole(random, 0, masters - 1), after: whole(random, 0, 60) },
    }),
    begin: async ({ options }, { lab, burst }) => {
      const master = nodeOf(lab.masters, options, 'master');
      const index = numberOf(options, 'master');
      burst(index);
      await pause(numberOf(options, 'after'));
      master.program.pause();
      // Clients have given up by then, and ask the other one.
      void pause(6_000).then(() => burst(index + 1));
      return { targets: [master.name], effect: 'stopped', detail: {}, heal: async () => master.program.resume() };
    },
  },
];
