import type { Lab, Process } from '../lab/lab.ts';
import { type Nemesis, pause } from './nemesis.ts';

/** Everything is restarted in order, one after another, as an upgrade does. */
export const rollingNemeses: readonly Nemesis[] = [
  {
    name: 'rolling-restart',
    family: 'rolling',
    // What it takes, and not how long it is held.
    plan: () => ({ duration: 100_000, options: {} }),
    begin: async (_, { lab }) => {
      for (const { program } of lab.masters) await restart(program);
      for (const { program } of lab.workers) await restart(program);
      for (const { agent } of [...lab.workers, ...lab.masters]) await restart(agent, 2_000);
      for (const { consul } of lab.servers) {
        await restart(consul, 4_000);
        await quorum(lab);
      }
      const targets = [...lab.masters, ...lab.workers, ...lab.servers].map(node => node.name);
      return { targets, effect: 'restarted', detail: {} };
    },
  },
];

async function restart(process: Process, wait = 5_000): Promise<void> {
  await process.stop();
  await process.start();
  await pause(wait);
}

/** The next server stops only when the others have a leader again. */
async function quorum(lab: Lab): Promise<void> {
  for (let tries = 0; tries < 15; tries++) {
    if ((await lab.consulLeader().catch(() => undefined)) !== undefined) return;
    await pause(1_000);
  }
}
