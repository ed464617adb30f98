import { randomInt } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { nemeses, nemesesOf } from './nemeses/index.ts';
import type { Nemesis } from './nemeses/nemesis.ts';

export interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly nemeses: readonly Nemesis[];
  readonly folder: string;
  readonly product?: string;
  /** Keeps the folder of a run that passed. */
  readonly keep: boolean;
}

/** `from` to `to` around the faults: the lab, the warm-up, the quiet phase, the reading. In minutes. */
export const around = 2.5;

export const usage = `npm run test:faults -- [--minutes N] [--seed S] [--nemesis a,b] [--folder PATH] [--product PATH] [--keep]
  --minutes N      how long it takes in all (default 5); at least 3
  --seed S         repeats the plan of an earlier run (default: random, and printed)
  --nemesis a,b    names or families, of which there are:
${families()}
  --folder PATH    where the history goes (default: below ${tmpdir()})
  --product PATH   another cronmesh program, such as a mutated one
  --keep           keeps the folder when all is well, too`;

function families(): string {
  const byFamily = Map.groupBy(nemeses, one => one.family);
  return [...byFamily].map(([family, all]) => `      ${family}: ${all.map(one => one.name).join(', ')}`).join('\n');
}

/** @throws Error that names the option, its value and what is allowed */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '5' },
      seed: { type: 'string' },
      nemesis: { type: 'string' },
      folder: { type: 'string' },
      product: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  });
  const minutes = Number(values.minutes);
  if (!(minutes >= 3 && minutes <= 24 * 60)) {
    throw new Error(`--minutes must be from 3 to 1440, it is ${values.minutes}`);
  }
  const seed = values.seed === undefined ? randomInt(1, 2 ** 31) : Number(values.seed);
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new Error(`--seed must be a whole number from 0 to ${2 ** 32 - 1}, it is ${values.seed}`);
  }
  return {
    minutes,
    seed,
    nemeses: values.nemesis === undefined ? nemeses : nemesesOf(values.nemesis.split(',')),
    folder: resolve(values.folder ?? join(tmpdir(), `cronmesh-faults-${seed}-${process.pid}`)),
    ...(values.product !== undefined && { product: resolve(values.product) }),
    keep: values.keep,
  };
}
