import { clockNemeses } from './clocks.ts';
import { consulNemeses } from './consul.ts';
import { databaseNemeses } from './database.ts';
import { impairmentNemeses } from './impairments.ts';
import { masterNemeses } from './masters.ts';
import type { Nemesis } from './nemesis.ts';
import { partitionNemeses } from './partitions.ts';
import { pastNemeses } from './past.ts';
import { rollingNemeses } from './rolling.ts';
import { spoolNemeses } from './spool.ts';
import { workerNemeses } from './workers.ts';

export const nemeses: readonly Nemesis[] = [
  ...workerNemeses,
  ...masterNemeses,
  ...consulNemeses,
  ...partitionNemeses,
  ...impairmentNemeses,
  ...pastNemeses,
  ...databaseNemeses,
  ...spoolNemeses,
  ...clockNemeses,
  ...rollingNemeses,
];

/**
 * Nemeses by their names or families.
 *
 * @example nemesesOf(['kill-worker', 'clock'])
 * @throws Error that names what there is
 */
export function nemesesOf(names: readonly string[]): readonly Nemesis[] {
  const unknown = names.filter(name => !nemeses.some(one => one.name === name || one.family === name));
  if (unknown.length > 0) {
    const known = [...new Set(nemeses.map(one => one.family)), ...nemeses.map(one => one.name)];
    throw new Error(`no nemesis and no family is called ${unknown.join(', ')}; there are: ${known.join(', ')}`);
  }
  return nemeses.filter(one => names.includes(one.name) || names.includes(one.family));
}
