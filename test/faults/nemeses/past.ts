import { type Nemesis, numberOf, pause, seconds } from './nemesis.ts';

/** Consul loses what it knew: all of it, or what came after a snapshot. */

const family = 'past';

export const pastNemeses: readonly Nemesis[] = [
  {
    name: 'wipe-consul',
    family,
    plan: random => ({ duration: seconds(random, 1, 8), options: {} }),
    begin: async (_, { lab }) => {
      await Promise.all(lab.servers.map(server => server.wipe()));
      return {
        targets: lab.servers.map(server => server.name),
        effect: 'wiped',
        detail: {},
        heal: async () => void (await Promise.all(lab.servers.map(server => server.consul.start()))),
      };
    },
  },
  {
    // Not younger than 5 s: that is a limit that the product states.
    name: 'restore-snapshot',
    family,
    plan: random => {
      const age = seconds(random, 5.5, 60);
      return { duration: age + 2_000, options: { age } };
    },
    begin: async ({ options }, { lab }) => {
      const snapshot = await lab.saveSnapshot();
      const savedAt = Date.now();
      await pause(numberOf(options, 'age'));
      const from = Date.now();
      await lab.restoreSnapshot(snapshot);
      return { targets: lab.servers.map(server => server.name), effect: 'restored', detail: { savedAt }, from };
    },
  },
];
