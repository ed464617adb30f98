import type { Random } from '../../chaos/random.ts';
import type { Lab, Node } from '../lab/lab.ts';
import type { Options } from '../plan/plan.ts';
import { type Broken, type Nemesis, nodeOf, numberOf, seconds, whole } from './nemesis.ts';

/** Packets that are lost, late, or come twice. */

const family = 'impair';

function how(random: Random): Options {
  const kind = random.of(['loss', 'delay', 'duplicates', 'all'] as const);
  const has = (one: string): boolean => kind === one || kind === 'all';
  return {
    lossPercent: has('loss') ? whole(random, 5, kind === 'all' ? 8 : 20) : 0,
    delayMs: has('delay') ? whole(random, 50, 200) : 0,
    jitterMs: has('delay') ? whole(random, 0, 50) : 0,
    duplicatePercent: has('duplicates') ? whole(random, 5, 20) : 0,
  };
}

export async function impair(
  lab: Lab,
  node: Node,
  options: Options,
  effect: Broken['effect'] = 'impaired',
): Promise<Broken> {
  const names = ['lossPercent', 'delayMs', 'jitterMs', 'duplicatePercent'] as const;
  const values = names.map(name => [name, numberOf(options, name)] as const).filter(([, value]) => value > 0);
  const detail = Object.fromEntries(values);
  return { targets: [node.name], effect, detail, heal: await lab.network.impair(node, detail) };
}

export const impairmentNemeses: readonly Nemesis[] = (['worker', 'server', 'master'] as const).map(kind => ({
  name: `impair-${kind}`,
  family,
  plan: (random, shape) => ({
    duration: seconds(random, 10, 30),
    options: { [kind]: whole(random, 0, shape[`${kind}s`] - 1), ...how(random) },
  }),
  begin: ({ options }, { lab }) => impair(lab, nodeOf<Node>(lab[`${kind}s`], options, kind), options),
}));
