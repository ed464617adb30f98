import { CronmeshError } from '../../../domain/errors.ts';
import { type JobUid, jobKey } from '../../../domain/job/job.ts';
import { stillness } from '../../../domain/job/pause.ts';
import { preview } from '../../../domain/job/preview.ts';
import { maxMembers } from '../../../domain/job/spec/placement.ts';
import { frozenClause } from '../../../domain/policy/freeze.ts';
import { tickRunId } from '../../../domain/run/run.ts';
import { WhyOutcome } from '../../../domain/run/why.ts';
import { type MeantTime, readTime } from '../../../domain/schedule/local-time.ts';
import { type Clock, formatInstant, type Instant } from '../../../domain/time.ts';
import type { Run, Skip, Store } from '../../../store/store.ts';
import type { FreezeService } from '../freezes.ts';
import type { JobRef } from '../jobs.ts';
import { type PlacedTick, type Stretch, Stretches } from './spells.ts';
import {
  dueClause,
  formerClause,
  leftOutClause,
  notYetClause,
  runsClause,
  scheduleClause,
  skipClause,
  suspendedClause,
  tellingRun,
  when,
} from './words.ts';

/** The answer to: why did it (not) run then? */
export interface Why {
  /** The instant that was asked about. */
  readonly at: Instant;
  readonly outcome: WhyOutcome;
  /** All of it in one line, for people. */
  readonly message: string;
  /** The tick that the answer is about: the one at that time, or the nearest before it. */
  readonly tick?: Instant;
  /** Whether a tick was due at the very time. */
  readonly exact: boolean;
  /** The next tick after `at` that fires. */
  readonly next?: Instant;
  /** What was in force then. */
  readonly schedule?: string;
  readonly timeZone: string;
  readonly run?: Run;
  readonly skip?: Skip;
}

interface Verdict extends Pick<Why, 'outcome' | 'run' | 'skip'> {
  readonly clause: string;
}

/** What `at` may be. */
const allowed =
  'must be an instant as RFC 3339, such as 2026-11-24T03:00:00Z, or a time in the job’s zone: 03:00 (the last one), 2026-11-24 03:00';

/** Says of any time what became of a job's tick then: from the runs, the skips, and what the job was at that time. */
export class WhyService {
  readonly #store: Pick<Store, 'spellsNamed' | 'getRun' | 'listRuns' | 'listSkips'>;
  readonly #freezes: Pick<FreezeService, 'known'>;
  readonly #clock: Clock;

  constructor(deps: {
    readonly store: Pick<Store, 'spellsNamed' | 'getRun' | 'listRuns' | 'listSkips'>;
    readonly freezes: Pick<FreezeService, 'known'>;
    readonly clock: Clock;
  }) {
    this.#freezes = deps.freezes;
    this.#store = deps.store;
    this.#clock = deps.clock;
  }

  /**
   * @param time RFC 3339, or a time in the job's zone: `03:00` (the last one that was), `2026-11-24 03:00`
   * @throws CronmeshError NotFound, InvalidInput
   */
  async explain(ref: JobRef, time: string): Promise<Why> {
    const now = this.#clock();
    const stretches = new Stretches(await this.#store.spellsNamed(ref.namespace, ref.name));
    const newest = stretches.all.at(-1);
    if (newest === undefined) throw new CronmeshError('NotFound', `there is no job ${jobKey(ref)}`);
    const { timeZone } = newest.schedule;
    const meant = readTime(time, timeZone, now);
    if (meant === undefined) throw badTime(time);
    const { at, note } = meant;
    const answer = await this.#answer({ ref, stretches, timeZone, meant, now });
    const next = stretches.tickAfter(Math.max(at, answer.tick ?? at));
    const backfilled = await this.#backfilled(ref, answer.tick ?? at, answer.tick === undefined ? meant.width : 1);
    const message = `${answer.message}${backfilled}${note === undefined ? '' : `; ${note}`}`.replace(/\s+/g, ' ');
    return { ...answer, message, at, ...(next !== undefined && { next }) };
  }

  async #answer(question: Question): Promise<Omit<Why, 'at' | 'next'>> {
    const { stretches, meant, now, timeZone } = question;
    const { at, width } = meant;
    const meantTime = stretches.timeWithin(at, at + width);
    const moved = meantTime?.tick === undefined ? undefined : { ...meantTime, tick: meantTime.tick };
    const exact = stretches.tickWithin(at, at + width) ?? moved;
    const stretch = stretches.at(at);
    const inForce = exact ?? stretch;
    const about = {
      exact: exact !== undefined,
      timeZone: inForce?.schedule.timeZone ?? timeZone,
      ...(inForce !== undefined && { schedule: inForce.spell.spec.schedule }),
    };
    if (exact !== undefined) {
      const { clause, ...verdict } = await this.#verdict(exact, now);
      const due = exact.tick > now ? '' : `${dueClause(exact)}${formerClause(exact)}: `;
      return { ...about, ...verdict, tick: exact.tick, message: `${due}${clause}` };
    }
    if (stretch === undefined) return { ...about, ...absent(question) };
    if (meantTime?.leftOut !== undefined) {
      const next = stretches.tickAfter(at);
      const then = next === undefined ? 'none comes after it' : `the next is ${formatInstant(next)}`;
      const message = `${leftOutClause(stretch, meantTime.leftOut)}; ${then}`;
      return { ...about, outcome: WhyOutcome.LeftOut, message };
    }
    const before = stretches.tickBefore(at);
    const own = before !== undefined && before.spell === stretch.spell ? before : undefined;
    const none = `no tick of ${jobKey(stretch.spell)} is at ${when(at, stretch.schedule.timeZone)}, by ${scheduleClause(stretch)}`;
    const after = stretches.tickAfter(at);
    const next = after === undefined ? 'none comes after it' : `the next is ${formatInstant(after)}`;
    if (own !== undefined) {
      const { clause, ...verdict } = await this.#verdict(own, now);
      const message = `${none}; ${next}; the last one before it is ${when(own.tick, own.schedule.timeZone)}: ${clause}`;
      return { ...about, ...verdict, tick: own.tick, message };
    }
    if (stillness(stretch.spell) !== undefined) {
      return { ...about, outcome: WhyOutcome.Suspended, message: `${none}, and ${suspendedClause(stretch.spell)}` };
    }
    const byHand = await this.#runBefore(question.ref, stretch.spell.uid, at + width);
    return {
      ...about,
      outcome: WhyOutcome.NoTick,
      ...(byHand !== undefined && { run: byHand }),
      message: [
        none,
        `, which holds from ${formatInstant(stretch.spell.floor)}`,
        before === undefined
          ? ''
          : `; the last tick before that was ${formatInstant(before.tick)}${formerClause(before)}`,
        `; ${next}`,
        byHand === undefined
          ? ''
          : `; the last run asked for by hand before it is ${byHand.id} of ${formatInstant(byHand.requestedAt)}: ${byHand.state}`,
      ].join(''),
    };
  }

  async #verdict({ tick, spell }: PlacedTick, now: Instant): Promise<Verdict> {
    if (tick > now) {
      const what = `the tick of ${jobKey(spell)} at ${formatInstant(tick)}`;
      if (stillness(spell) === undefined) return { outcome: WhyOutcome.Future, clause: `${what} is still to come` };
      return { outcome: WhyOutcome.Suspended, clause: `${what} is not to come: ${suspendedClause(spell)}` };
    }
    const { items: runs } = await this.#store.listRuns({ whole: tickRunId(spell.uid, tick), limit: 2 * maxMembers });
    if (runs.length > 0) {
      const outcome = runs.every(({ state }) => state === 'Skipped') ? WhyOutcome.Skipped : WhyOutcome.Run;
      return { outcome, run: tellingRun(runs), clause: runsClause(runs, tick) };
    }
    const { namespace, name } = spell;
    // Ranges hardly overlap: the one that covers the tick is among the first that end at or after it.
    const skips = await this.#store.listSkips({ namespace, name, since: tick, oldestFirst: true, limit: 20 });
    const skip = skips.find(one => one.jobUid === spell.uid && one.from <= tick);
    if (skip !== undefined) return { outcome: WhyOutcome.Skipped, skip, clause: skipClause(skip) };
    if (stillness(spell) !== undefined) return { outcome: WhyOutcome.Suspended, clause: suspendedClause(spell) };
    if (tick > spell.accountedUntil) {
      const freeze = (await this.#freezes.known()).at(namespace, tick);
      if (freeze !== undefined) {
        return {
          outcome: WhyOutcome.Frozen,
          clause: `${frozenClause(freeze, now)}; the record is made once it is over`,
        };
      }
    }
    if (tick > spell.accountedUntil) return { outcome: WhyOutcome.NotYet, clause: notYetClause(tick, now) };
    return {
      outcome: WhyOutcome.NoRecord,
      clause: 'what became of it is not recorded any more (history.retentionDays says how long it is)',
    };
  }

  /** What backfills ran for the tick, before the job was made too. */
  async #backfilled({ namespace, name }: JobRef, from: Instant, width: number): Promise<string> {
    const until = from + Math.max(1, width);
    const { items } = await this.#store.listRuns({ namespace, name, since: from, until, limit: 20 });
    return items
      .filter(run => run.trigger === 'backfill')
      .map(run => `; a backfill has a run for ${formatInstant(run.tick ?? from)}, ${run.id}: ${run.state}`)
      .join('');
  }

  async #runBefore({ namespace, name }: JobRef, uid: JobUid, until: Instant): Promise<Run | undefined> {
    const { items } = await this.#store.listRuns({ namespace, name, until, limit: 20 });
    return items.find(run => run.jobUid === uid && run.tick === undefined);
  }
}

interface Question {
  readonly ref: JobRef;
  readonly stretches: Stretches;
  readonly timeZone: string;
  readonly meant: MeantTime;
  readonly now: Instant;
}

/** Of a time in which no known stretch lies: before the job, between two of its name, after it, or too long ago. */
function absent({ ref, stretches, timeZone, meant }: Question): Pick<Why, 'outcome' | 'message'> {
  const { at } = meant;
  const [before, after] = around(stretches, at);
  const time = when(at, timeZone);
  if (after !== undefined && after.spell.anchor < at) {
    const message = `what ${jobKey(ref)} was at ${time} is not recorded any more (history.retentionDays says how long it is)`;
    return { outcome: WhyOutcome.NoRecord, message };
  }
  const deleted = before?.spell.until === undefined ? undefined : `deleted at ${formatInstant(before.spell.until)}`;
  const made = after === undefined ? undefined : `created at ${formatInstant(after.spell.anchor)}`;
  const facts = [deleted, made].filter(fact => fact !== undefined).join(', and ');
  const first = stretches.tickAfter(at);
  const then = first === undefined ? '' : `; its first tick since then is ${formatInstant(first)}`;
  return {
    outcome: WhyOutcome.NoJob,
    message: `there was no job ${jobKey(ref)} at ${time}${facts === '' ? '' : `: it was ${facts}`}${then}`,
  };
}

function around({ all }: Stretches, at: Instant): readonly [Stretch | undefined, Stretch | undefined] {
  return [all.findLast(({ spell }) => spell.floor <= at), all.find(({ spell }) => spell.floor >= at)];
}

function badTime(time: string): CronmeshError {
  return new CronmeshError('InvalidInput', `query parameter at ${allowed}`, {
    problems: [{ field: 'at', value: preview(time), message: allowed }],
  });
}
