import { impair } from './impairments.ts';
import { type Nemesis, seconds, whole } from './nemesis.ts';

/** PostgreSQL: gone, silent, full, slow. */

const family = 'database';

export const databaseNemeses: readonly Nemesis[] = [
  {
    name: 'crash-postgres',
    family,
    plan: random => ({ duration: seconds(random, 2, 20), options: {} }),
    begin: async (_, { lab: { postgres } }) => {
      await postgres.crash();
      return { targets: [postgres.name], effect: 'database-away', detail: {}, heal: () => postgres.start() };
    },
  },
  {
    name: 'pause-postgres',
    family,
    plan: random => ({ duration: seconds(random, 3, 25), options: {} }),
    begin: async (_, { lab: { postgres } }) => {
      postgres.pause();
      return {
        targets: [postgres.name],
        effect: 'database-away',
        detail: { paused: true },
        heal: async () => postgres.resume(),
      };
    },
  },
  {
    name: 'fill-database',
    family,
    plan: random => ({ duration: seconds(random, 5, 20), options: {} }),
    begin: async (_, { lab: { postgres } }) => {
      await postgres.fillDisk();
      return {
        targets: [postgres.name],
        effect: 'database-full',
        detail: {},
        heal: async () => {
          await postgres.freeDisk();
          // Without room for its log it has ended by itself.
          await postgres.start();
        },
      };
    },
  },
  {
    name: 'slow-database',
    family,
    plan: random => ({
      duration: seconds(random, 10, 30),
      options: { delayMs: whole(random, 100, 300), jitterMs: 20, lossPercent: 0, duplicatePercent: 0 },
    }),
    begin: ({ options }, { lab }) => impair(lab, lab.postgres, options, 'database-slow'),
  },
];
