import type { TickRange } from '../../domain/policy/claiming.ts';
import { timing } from '../../domain/policy/timing.ts';
import { formatInstant, type Instant } from '../../domain/time.ts';
import type { Cause, ExplainedRange } from './misfire.ts';
import type { Observations } from './observations.ts';
import type { Watched } from './spell-agenda.ts';
import { splitAfter } from './tick-ranges.ts';

/** Why undecided ticks of a spell were not decided, as far as anyone saw. */
export function explainUndecided(
  observations: Observations,
  watched: Watched,
  range: TickRange,
): readonly ExplainedRange[] {
  return observations
    .explain(watched.spell.spec, watched.schedule, range)
    .flatMap(piece => (piece.reason === 'Misfire' ? explainMisfire(watched, piece) : [piece]));
}

/** The cluster was well: was the slot held, or the job changed, in between? */
function explainMisfire(watched: Watched, piece: ExplainedRange): readonly ExplainedRange[] {
  const { held, spell, schedule } = watched;
  const { until } = spell;
  const parts: ExplainedRange[] = [];
  const add = (part: TickRange | undefined, cause: Cause): void => {
    if (part !== undefined) parts.push({ ...cause, from: part.from, to: part.to });
  };
  const addFree = (part: TickRange | undefined): void => {
    const { before, after } = cut(schedule, part, until === undefined ? undefined : until - timing.liveWindow);
    add(before, piece);
    add(after, { reason: 'JobChanged', detail: `the job was edited or deleted at ${formatInstant(until ?? 0)}` });
  };
  const { before: earlier, after: rest } = cut(schedule, piece, held?.from);
  const { before: during, after: later } = held === undefined ? {} : cut(schedule, rest, held.to);
  addFree(earlier);
  add(during, { reason: 'StillRunning', detail: `the run ${held?.run} was still going` });
  addFree(later);
  return parts;
}

/** Without an instant everything is before it. */
function cut(
  schedule: Watched['schedule'],
  range: TickRange | undefined,
  at: Instant | undefined,
): { readonly before?: TickRange; readonly after?: TickRange } {
  if (range === undefined) return {};
  return at === undefined ? { before: range } : splitAfter(schedule, range, at);
}
