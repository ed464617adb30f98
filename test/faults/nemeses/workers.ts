import type { WorkerNode } from '../lab/lab.ts';
import { type Broken, type Nemesis, nodeOf, numberOf, pause, seconds, whole } from './nemesis.ts';

/** Workers: their process ended or stopped, alone or with its supervisor, also in the instant at which a herd is due. */

const family = 'worker';
type Planned = Nemesis['plan'];

const someWorker =
  (least: number, most: number): Planned =>
  (random, { workers }) => ({
    duration: seconds(random, least, most),
    options: { worker: whole(random, 0, workers - 1) },
  });

/** Between the claims of a herd and its starts. */
const inTheHerd =
  (least: number, most: number): Planned =>
  (random, { workers }) => ({
    duration: seconds(random, least, most),
    options: { worker: whole(random, 0, workers - 1) },
    atHerd: whole(random, 0, 40),
  });

async function killed(worker: WorkerNode): Promise<Broken> {
  await worker.program.kill();
  return { targets: [worker.name], effect: 'killed', detail: {}, heal: () => worker.program.start() };
}

function stopped(worker: WorkerNode): Broken {
  worker.program.pause();
  return { targets: [worker.name], effect: 'stopped', detail: {}, heal: async () => worker.program.resume() };
}

export const workerNemeses: readonly Nemesis[] = [
  {
    name: 'kill-worker',
    family,
    plan: someWorker(2, 15),
    begin: ({ options }, { lab }) => killed(nodeOf(lab.workers, options, 'worker')),
  },
  {
    name: 'kill-worker-in-herd',
    family,
    plan: inTheHerd(2, 10),
    begin: ({ options }, { lab }) => killed(nodeOf(lab.workers, options, 'worker')),
  },
  {
    name: 'kill-node',
    family,
    plan: someWorker(5, 20),
    begin: async ({ options }, { lab }) => {
      const worker = nodeOf(lab.workers, options, 'worker');
      await worker.killAll();
      const detail = { supervisor: 'killed too' };
      return { targets: [worker.name], effect: 'killed', detail, heal: () => worker.program.start() };
    },
  },
  {
    name: 'stop-worker-in-herd',
    family,
    plan: inTheHerd(2, 8),
    begin: async ({ options }, { lab }) => stopped(nodeOf(lab.workers, options, 'worker')),
  },
  {
    name: 'stop-worker',
    family,
    plan: someWorker(3, 15),
    begin: async ({ options }, { lab }) => stopped(nodeOf(lab.workers, options, 'worker')),
  },
  {
    // Beyond twice the time that its session lives.
    name: 'stop-worker-long',
    family,
    plan: someWorker(43, 46),
    begin: async ({ options }, { lab }) => stopped(nodeOf(lab.workers, options, 'worker')),
  },
  {
    // Consul answers them late; they are stopped while answers are under way, and read them when their sessions are gone.
    name: 'stop-slow-workers',
    family,
    plan: (random, { workers }) => ({
      duration: seconds(random, 49, 52),
      options: { worker: whole(random, 0, workers - 1), delayMs: whole(random, 300, 400) },
      atHerd: whole(random, -4_000, -3_000),
    }),
    begin: async ({ options }, { lab }) => {
      const spared = nodeOf(lab.workers, options, 'worker');
      const slow = lab.workers.filter(worker => worker !== spared);
      const delayMs = numberOf(options, 'delayMs');
      const ends = await Promise.all(slow.map(worker => lab.network.impair(worker, { delayMs })));
      await pause(4_500);
      for (const worker of slow) worker.program.pause();
      return {
        targets: slow.map(worker => worker.name),
        effect: 'stopped',
        detail: { delayMs },
        heal: async () => {
          for (const worker of slow) worker.program.resume();
          await Promise.all(ends.map(end => end()));
        },
      };
    },
  },
];
