import type { Instant } from '../time.ts';
import type { CalendarUse, JobCalendar } from './calendar.ts';
import { type CompiledCalendar, compileCalendar } from './compile.ts';
import { whatHolds } from './what-holds.ts';

/** Whether calendars let an instant be a tick; in [since, until) the answer is the same. */
export interface Passage {
  readonly open: boolean;
  readonly since: Instant;
  readonly until: Instant;
}

/** Which calendar keeps an instant from being a tick. */
export interface Closed {
  /** Its name; of required ones that all leave it out, their names. */
  readonly calendar: string;
  /** `calendar holidays excludes it (2026-12-25)`. */
  readonly clause: string;
}

interface Named {
  readonly name: string;
  readonly calendar: CompiledCalendar;
}

/** What a job's calendars, together, leave of its times. */
export class CalendarGate {
  private readonly use: CalendarUse;
  private readonly excluded: readonly Named[];
  private readonly required: readonly Named[];

  /** `calendars` holds what `use` names; a name that is not there counts as a calendar that holds nothing. */
  constructor(use: CalendarUse, calendars: readonly JobCalendar[]) {
    this.use = use;
    // Compiled ones are shared: of a thousand jobs with one calendar, each keeps no more than a reference.
    const compiled = (names: readonly string[]): Named[] =>
      names.flatMap(name => {
        const calendar = calendars.find(one => one.name === name);
        return calendar === undefined ? [] : [{ name, calendar: compileCalendar(calendar.spec) }];
      });
    this.excluded = compiled(use.exclude);
    this.required = compiled(use.require);
  }

  at(instant: Instant): Passage {
    const [never, always] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const excluded = this.excluded.map(({ calendar }) => calendar.at(instant));
    const required = this.required.map(({ calendar }) => calendar.at(instant));
    const holding = required.filter(({ inside }) => inside);
    const barring = excluded.filter(({ inside }) => inside);
    const lacking = this.use.require.length > 0 && holding.length === 0;
    if (barring.length === 0 && !lacking) {
      // Open as long as no excluded one begins, and one of the required ones goes on.
      return {
        open: true,
        since: Math.max(never, ...excluded.map(({ since }) => since), holding.length > 0 ? least(holding) : never),
        until: Math.min(always, ...excluded.map(({ until }) => until), holding.length > 0 ? most(holding) : always),
      };
    }
    // Closed as long as any one of the reasons goes on.
    return {
      open: false,
      since: Math.min(
        always,
        ...barring.map(({ since }) => since),
        ...(lacking ? [Math.max(instant - year, ...required.map(({ since }) => since))] : []),
      ),
      until: Math.max(
        never,
        ...barring.map(({ until }) => until),
        ...(lacking ? [Math.min(instant + year, ...required.map(({ until }) => until))] : []),
      ),
    };
  }

  /** Why an instant is no tick; undefined where it may be one. */
  closedBy(instant: Instant): Closed | undefined {
    if (this.at(instant).open) return undefined;
    const barring = this.excluded.find(({ calendar }) => calendar.at(instant).inside);
    if (barring !== undefined) {
      const { name, calendar } = barring;
      return { calendar: name, clause: `calendar ${name} excludes it (${whatHolds(calendar.spec, instant)})` };
    }
    const names = this.use.require.join(', ');
    const clause =
      this.use.require.length === 1
        ? `calendar ${names}, which is required, does not hold it`
        : `none of the required calendars holds it (${names})`;
    return { calendar: names, clause };
  }
}

const year = 366 * 86_400_000;
const least = (stretches: readonly { readonly since: Instant }[]): Instant =>
  Math.min(...stretches.map(({ since }) => since));
const most = (stretches: readonly { readonly until: Instant }[]): Instant =>
  Math.max(...stretches.map(({ until }) => until));
