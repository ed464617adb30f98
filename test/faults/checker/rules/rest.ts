import type { FinalRun, FinalSkip, FinalView, Start } from '../../history/history.ts';
import { type Book, clock, described, keyOf, type Violation } from '../book.ts';
import { bounds } from '../bounds.ts';

/** What REST shows is the same at each master, as the rows say, and as it was. */
export function rest(book: Book): Violation[] {
  return [...views(book), ...rows(book), ...[...book.starts.values()].flatMap(all => truth(book, all))];
}

function views({ history }: Book): Violation[] {
  const [first, ...others] = Object.entries(history.final.masters);
  if (first === undefined) return [{ rule: 'REST', what: 'no master was asked in the end' }];
  return others.flatMap(other => [
    ...unequal(first, other, 'run', ({ runs }) => runs.map(run => [run.id, run])),
    ...unequal(first, other, 'skip', ({ skips }) => skips.map(skip => [skipId(skip), skip])),
    // A log may have been read by one of them alone.
    ...unequal(first, other, 'log', ({ logs }) =>
      Object.entries(logs).filter(([run]) => [first, other].every(([, view]) => view.logs[run] !== undefined)),
    ),
  ]);
}

const skipId = ({ uid, from, to, reason }: FinalSkip): string => `${uid} ${from}-${to} ${reason}`;

function unequal(
  [name, view]: readonly [string, FinalView],
  [other, otherView]: readonly [string, FinalView],
  kind: string,
  entries: (view: FinalView) => readonly (readonly [string, unknown])[],
): Violation[] {
  const [here, there] = [new Map(entries(view)), new Map(entries(otherView))];
  return [...new Set([...here.keys(), ...there.keys()])].flatMap(id => {
    const [a, b] = [plain(here.get(id)), plain(there.get(id))];
    return a === b ? [] : [{ rule: 'REST', what: `${kind} ${id}: ${name} shows ${a}, ${other} ${b}` }];
  });
}

/** Fields in the order of their names: two answers that say the same are the same text. */
function plain(value: unknown): string {
  return value === undefined
    ? 'nothing'
    : JSON.stringify(value, (_, inner: unknown) =>
        typeof inner === 'object' && inner !== null && !Array.isArray(inner)
          ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
          : inner,
      );
}

function rows({ history, runs }: Book): Violation[] {
  const stored = new Map(history.final.rows.map(row => [row.id, row]));
  const ids = new Set([...stored.keys(), ...runs.keys()]);
  return [...ids].flatMap(id => {
    const [row, run] = [stored.get(id), runs.get(id)];
    if (row?.state === run?.state && row?.attempt === run?.attempt) return [];
    const of = (one: typeof row | FinalRun | undefined): string =>
      one ? `${one.state} of attempt ${one.attempt}` : 'nothing';
    return [{ rule: 'REST', what: `run ${id}: REST shows ${of(run)}, the database has ${of(row)}` }];
  });
}

/** A worker sees an end when the process, and whatever it left behind, is gone. */
function isNear(late: number, off: number): boolean {
  return late >= -off && late <= off + bounds.report;
}

/** Of the newest attempt that began: by whom, when, and why. */
function truth(book: Book, all: readonly Start[]): Violation[] {
  const start = all.at(-1);
  const run = start && book.runs.get(start.run);
  if (start === undefined || run === undefined || run.attempt !== start.attempt) return [];
  const found: string[] = [];
  const off = bounds.times + book.world.clockOff(start.worker, start.at);
  const offEnd = bounds.times + book.world.clockOff(start.worker, start.end ?? start.at);
  if (keyOf(run) !== keyOf(start)) found.push(`job ${keyOf(run)}`);
  if (run.tick !== start.tick) found.push(`tick ${run.tick === undefined ? 'none' : clock(run.tick)}`);
  const kinds = start.tick === undefined ? ['manual', 'retry'] : ['tick', 'catchup', 'retry'];
  if (!kinds.includes(run.trigger)) found.push(`trigger ${run.trigger}`);
  if (run.worker !== undefined && run.worker !== start.worker && !run.worker.startsWith(`${start.worker}-`))
    found.push(`worker ${run.worker}`);
  // A request may be some time on its way.
  if (run.startedAt !== undefined && !isNear(start.at - run.startedAt, off))
    found.push(`startedAt ${clock(run.startedAt)}`);
  const ended = ['Succeeded', 'Failed'].includes(run.state) && start.end !== undefined;
  if (ended && run.finishedAt !== undefined && !isNear(run.finishedAt - (start.end ?? 0), offEnd))
    found.push(`finishedAt ${clock(run.finishedAt)}`);
  return found.length === 0
    ? []
    : [{ rule: 'REST', what: `${keyOf(start)}: ${described(start)} is shown with ${found.join(', ')}` }];
}
