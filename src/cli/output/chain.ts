import type { Instant } from '../../domain/time.ts';
import type { RunView } from '../views.ts';
import { runDuration, runState } from './format.ts';
import { printable } from './table.ts';

/**
 * The runs of a chain as one picture: each run stands below the last of those that it came after.
 *
 * @example
 * RUN      STATE      TOOK  ID
 * a        Succeeded  2s    k3v9…-m-…
 * ├─ b     Succeeded  1s    …
 * └─ c     Succeeded  3s    …
 *    └─ d  Running    1s    …          also after b
 */
export function chainTree(runs: readonly RunView[], now: Instant): string {
  const place = new Map(runs.map((run, i) => [run.id, i]));
  const parentOf = (run: RunView): string | undefined =>
    (run.upstream ?? []).filter(id => place.has(id)).sort((a, b) => (place.get(b) ?? 0) - (place.get(a) ?? 0))[0];
  const below = Map.groupBy(runs, parentOf);
  const names = new Map(runs.map(run => [run.id, run.name]));
  const rows: string[][] = [['RUN', 'STATE', 'TOOK', 'ID', '']];

  const add = (run: RunView, lead: string, branch: string): void => {
    const parent = parentOf(run);
    const others = new Set((run.upstream ?? []).filter(id => id !== parent).map(id => names.get(id) ?? id));
    const notes = [
      others.size === 0 ? '' : `also after ${[...others].join(', ')}`,
      run.reason === undefined ? '' : `${run.reason}${run.message === undefined ? '' : `: ${run.message}`}`,
    ];
    const cells = [run.name, runState(run, now), runDuration(run, now), run.id, notes.filter(Boolean).join('; ')];
    const [name = '', ...rest] = cells.map(printable);
    rows.push([`${lead}${branch}${name}`, ...rest]);
    const children = below.get(run.id) ?? [];
    const deeper = `${lead}${{ '├─ ': '│  ', '└─ ': '   ' }[branch] ?? ''}`;
    for (const [i, child] of children.entries()) add(child, deeper, i === children.length - 1 ? '└─ ' : '├─ ');
  };
  for (const root of below.get(undefined) ?? []) add(root, '', '');

  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)));
  return rows
    .map(
      row =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
