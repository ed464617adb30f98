import type { TickRange } from '../../domain/policy/claiming.ts';
import { isSpread } from '../../domain/policy/members.ts';
import { memberRunId, tickRunId } from '../../domain/run/run.ts';
import type { Instant } from '../../domain/time.ts';
import type { Store } from '../../store/store.ts';
import type { Watched } from './spell-agenda.ts';

/** Runs of one row of missed ticks that are kept in mind: as many as `misfireLimit` may allow, and those replaced. */
const catchupsKnown = 2_000;

/** What a leader before found of the row that `ranges` go on with: asked once for each spell. */
export async function recallMissed(
  store: Pick<Store, 'catchupsOfRow'>,
  cases: readonly { readonly watched: Watched; readonly ranges: readonly TickRange[] }[],
): Promise<void> {
  const unknown = cases.flatMap(({ watched, ranges: [first] }) =>
    watched.missed === undefined && first !== undefined ? [{ watched, before: first.from }] : [],
  );
  if (unknown.length === 0) return;
  const found = await store.catchupsOfRow(
    unknown.map(({ watched: { spell }, before }) => ({ uid: spell.uid, before })),
  );
  for (const { watched, before } of unknown) {
    const upTo = watched.schedule.previous(before);
    if (upTo !== undefined) watched.missed = { upTo, catchups: found.get(watched.spell.uid) ?? [] };
  }
}

/** Whether missed ticks follow those that were found before, without one between them that ran. */
export function goesOn({ missed, schedule }: Watched, [first]: readonly TickRange[]): boolean {
  return first !== undefined && missed !== undefined && schedule.next(missed.upTo) === first.from;
}

/** Keeps in mind what was found missed, and which of it is run after all. */
export function noteMissed(watched: Watched, ranges: readonly TickRange[], ticks: readonly Instant[]): void {
  const last = ranges.at(-1);
  if (last === undefined) return;
  const before = goesOn(watched, ranges) ? (watched.missed?.catchups ?? []) : [];
  const isWhole = isSpread(watched.spell.spec.placement);
  const added = ticks.map(tick => {
    const run = tickRunId(watched.spell.uid, tick);
    return isWhole ? memberRunId(run, 0) : run;
  });
  watched.missed = { upTo: last.to, catchups: [...before, ...added].slice(-catchupsKnown) };
}
