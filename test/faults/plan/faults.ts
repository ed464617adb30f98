import type { Random } from '../../chaos/random.ts';
import type { Nemesis } from '../nemeses/nemesis.ts';
import type { PlannedFault, Shape } from './plan.ts';

export interface FaultOptions {
  readonly seed: number;
  readonly duration: number;
  readonly shape: Shape;
  readonly calm: number;
  /** All of a herd is due at the multiples of it. */
  readonly herdEvery: number;
}

/** How often the next one comes while this one lasts. */
const together = 0.2;

/**
 * One fault after the other, each ended by itself, with calm between most of them. Each nemesis has its turn before any
 * has a second, and over the seeds each comes first.
 */
export function planFaults(random: Random, nemeses: readonly Nemesis[], options: FaultOptions): PlannedFault[] {
  const { seed, duration, shape, calm, herdEvery } = options;
  if (nemeses.length === 0) return [];
  const faults: PlannedFault[] = [];
  const planned = (nemesis: Nemesis, from: number): PlannedFault => {
    const { duration: lasts, ...choices } = nemesis.plan(random, shape);
    const after = Math.ceil(from / herdEvery) * herdEvery;
    // A herd that is not far away is waited for.
    const at = choices.atHerd === undefined ? from : after + choices.atHerd;
    return { nemesis: nemesis.name, at: Math.round(at), duration: Math.round(lasts), options: choices.options };
  };
  const turns = turnsOf(random, nemeses, seed);
  let at = 3_000;
  for (let misses = 0; misses < nemeses.length; ) {
    const fault = planned(turns(), at);
    let end = fault.at + fault.duration;
    if (end > duration) {
      misses += 1;
      continue;
    }
    misses = 0;
    faults.push(fault);
    if (nemeses.length > 1 && random.chance(together)) {
      const other = planned(turns(), fault.at + random.between(0, fault.duration));
      if (other.at + other.duration <= duration && !sameThing(fault, other)) {
        faults.push(other);
        end = Math.max(end, other.at + other.duration);
      }
    }
    at = end + random.between(calm, calm * 1.6);
  }
  return faults.sort((a, b) => a.at - b.at);
}

/** Two of these at once undo one another, or leave nothing that could be judged. */
const alone = new Set(['rolling-restart', 'wipe-consul', 'restore-snapshot', 'kill-two-servers']);
const sameThing = (a: PlannedFault, b: PlannedFault): boolean =>
  a.nemesis === b.nemesis || alone.has(a.nemesis) || alone.has(b.nemesis);

/** Each in turn, shuffled anew after each round. Two of the first round are the seed's own, so that seeds 1 to n/2 have all. */
function turnsOf(random: Random, nemeses: readonly Nemesis[], seed: number): () => Nemesis {
  const first = [0, 1].map(index => nemeses[(seed * 2 + index) % nemeses.length]);
  let bag: Nemesis[] = [];
  let round = 0;
  return () => {
    if (bag.length === 0) {
      bag = shuffled(random, nemeses);
      if (round++ === 0) bag = [...bag.filter(one => !first.includes(one)), ...first.filter(one => one !== undefined)];
    }
    const next = bag.pop();
    if (next === undefined) throw new Error('there is no nemesis to choose from');
    return next;
  };
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  return items
    .map(item => ({ item, key: random.next() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
