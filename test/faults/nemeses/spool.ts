import { type Nemesis, nodeOf, seconds, whole } from './nemesis.ts';

/** The volume of a worker's spool takes no more writes. */
export const spoolNemeses: readonly Nemesis[] = [
  {
    name: 'fill-spool',
    family: 'disk',
    plan: (random, { workers }) => ({
      duration: seconds(random, 5, 25),
      options: { worker: whole(random, 0, workers - 1) },
    }),
    begin: async ({ options }, { lab }) => {
      const worker = nodeOf(lab.workers, options, 'worker');
      await worker.fillDisk();
      return { targets: [worker.name], effect: 'spool-full', detail: {}, heal: () => worker.freeDisk() };
    },
  },
];
