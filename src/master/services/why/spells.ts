import { stillness } from '../../../domain/job/pause.ts';
import type { Schedule } from '../../../domain/schedule/index.ts';
import { scheduleOf } from '../../../domain/schedule/index.ts';
import { type LeftOut, timeWithin } from '../../../domain/schedule/job-schedule.ts';
import type { Instant } from '../../../domain/time.ts';
import type { JobSpell } from '../../../store/store.ts';

/** A stretch with one schedule, and the schedule. */
export interface Stretch {
  readonly spell: JobSpell;
  readonly schedule: Schedule;
}

/** A tick, and the stretch that it belongs to. */
export interface PlacedTick extends Stretch {
  readonly tick: Instant;
}

/** A job's stretches by time, those of earlier jobs of its name included. */
export class Stretches {
  readonly all: readonly Stretch[];

  constructor(spells: readonly JobSpell[]) {
    this.all = spells.map(spell => ({ spell, schedule: scheduleOf(spell) })).sort((a, b) => start(a) - start(b));
  }

  /** The one that an instant lies in: of a job's creation, its own instant too. */
  at(instant: Instant): Stretch | undefined {
    return this.all.findLast(({ spell }) => isWithin(spell, instant) || isCreation(spell, instant));
  }

  /** The first tick in [from, to). */
  tickWithin(from: Instant, to: Instant): PlacedTick | undefined {
    for (const stretch of this.all) {
      const { floor, until = Number.POSITIVE_INFINITY } = stretch.spell;
      const tick = stretch.schedule.next(Math.max(floor, from - 1));
      if (tick !== undefined && tick < to && tick <= until) return { ...stretch, tick };
    }
    return undefined;
  }

  /**
   * What is at the first time in [from, to) that the bare schedule in force has, where that is no tick by itself: its
   * tick comes later (`jitterSeconds`), or none does (calendars, `startAt`, `endAt`).
   */
  timeWithin(
    from: Instant,
    to: Instant,
  ): (Stretch & { readonly tick?: Instant; readonly leftOut?: LeftOut }) | undefined {
    const stretch = this.at(from);
    const found = stretch && timeWithin(stretch.spell, from, to);
    if (stretch === undefined || found === undefined) return undefined;
    const { time, tick, leftOut } = found;
    if (leftOut !== undefined) return { ...stretch, leftOut: { at: time, ...leftOut } };
    const { floor, until = Number.POSITIVE_INFINITY } = stretch.spell;
    return tick === undefined || tick <= floor || tick > until ? undefined : { ...stretch, tick };
  }

  /** The last tick before an instant, of any stretch. */
  tickBefore(instant: Instant): PlacedTick | undefined {
    for (const stretch of this.all.toReversed()) {
      const { floor, until = Number.POSITIVE_INFINITY } = stretch.spell;
      const tick = stretch.schedule.previous(Math.min(instant, until + 1));
      if (tick !== undefined && tick > floor) return { ...stretch, tick };
    }
    return undefined;
  }

  /** The first tick after an instant that fires: none of a suspended or paused stretch. */
  tickAfter(instant: Instant): Instant | undefined {
    for (const { spell, schedule } of this.all) {
      if (stillness(spell) !== undefined) continue;
      const tick = schedule.next(Math.max(spell.floor, instant));
      if (tick !== undefined && tick <= (spell.until ?? Number.POSITIVE_INFINITY)) return tick;
    }
    return undefined;
  }
}

const start = ({ spell }: Stretch): Instant => spell.floor;

const isWithin = ({ floor, until }: JobSpell, instant: Instant): boolean =>
  instant > floor && (until === undefined || instant <= until);

const isCreation = ({ floor, anchor, until }: JobSpell, instant: Instant): boolean =>
  instant === floor && floor === anchor && until !== floor;
