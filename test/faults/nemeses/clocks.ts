import type { AgentNode } from '../lab/lab.ts';
import { type Broken, type Nemesis, nodeOf, numberOf, seconds, whole } from './nemesis.ts';

/** Wall clocks of single nodes. Their monotonic clocks stay. */

const family = 'clock';
const offsets = [300, -300, 1_000, -1_000, 3_600_000, -3_600_000] as const;

function shifted(node: AgentNode, offset: number, drift = 0): Broken {
  node.setClock(offset, drift);
  return {
    targets: [node.name],
    effect: 'clock',
    detail: { offset, drift },
    heal: async () => node.setClock(0),
  };
}

export const clockNemeses: readonly Nemesis[] = [
  {
    name: 'shift-worker-clock',
    family,
    plan: (random, { workers }) => ({
      duration: seconds(random, 8, 25),
      options: { worker: whole(random, 0, workers - 1), offset: random.of(offsets) },
    }),
    begin: async ({ options }, { lab }) => shifted(nodeOf(lab.workers, options, 'worker'), numberOf(options, 'offset')),
  },
  {
    // Ahead by little at first; its end is the step backwards.
    name: 'step-worker-clock-back',
    family,
    plan: (random, { workers }) => ({
      duration: seconds(random, 5, 15),
      options: { worker: whole(random, 0, workers - 1), offset: whole(random, 400, 900) },
    }),
    begin: async ({ options }, { lab }) => shifted(nodeOf(lab.workers, options, 'worker'), numberOf(options, 'offset')),
  },
  {
    name: 'drift-worker-clock',
    family,
    plan: (random, { workers }) => ({
      duration: seconds(random, 15, 40),
      options: { worker: whole(random, 0, workers - 1), drift: random.of([-20, -5, 5, 20]) },
    }),
    begin: async ({ options }, { lab }) =>
      shifted(nodeOf(lab.workers, options, 'worker'), 0, numberOf(options, 'drift')),
  },
  {
    name: 'shift-master-clock',
    family,
    plan: (random, { masters }) => ({
      duration: seconds(random, 8, 25),
      options: { master: whole(random, 0, masters - 1), offset: random.of(offsets) },
    }),
    begin: async ({ options }, { lab }) => shifted(nodeOf(lab.masters, options, 'master'), numberOf(options, 'offset')),
  },
];
