import { formatInstant, type Instant } from '../time.ts';
import type { TickRange, TickSource } from './claiming.ts';
import { splitAfter } from './split.ts';

/** The scope of a freeze of everything; any other scope is a namespace. */
export const everything = '*';

/**
 * A stretch of time whose ticks are no runs: those after `since` and before its end. A tick at `since` itself, and one
 * at the end, is none of it.
 */
export interface Freeze {
  /** A namespace, or `*`. */
  readonly scope: string;
  readonly since: Instant;
  /** It ends then by itself. Default: it stands until it is thawed. */
  readonly until?: Instant;
  readonly by: string;
  readonly reason: string;
  /** When it was thawed by hand. */
  readonly endedAt?: Instant;
  /** When Consul had it first: workers know it since then, give or take a moment. */
  readonly publishedAt?: Instant;
}

/** When a freeze is over; infinite where nobody has said. */
export function endOf(freeze: Pick<Freeze, 'until' | 'endedAt'>): Instant {
  return Math.min(freeze.until ?? Number.POSITIVE_INFINITY, freeze.endedAt ?? Number.POSITIVE_INFINITY);
}

export function covers(freeze: Pick<Freeze, 'since' | 'until' | 'endedAt'>, instant: Instant): boolean {
  return freeze.since < instant && instant < endOf(freeze);
}

/** The one that an instant lies in. */
export function freezeAt(freezes: readonly Freeze[], instant: Instant): Freeze | undefined {
  return freezes.find(freeze => covers(freeze, instant));
}

const none: readonly Freeze[] = [];

/** What is known of freezes, asked by namespace. Immutable. */
export class Freezes {
  readonly all: readonly Freeze[];
  readonly #byNamespace = new Map<string, readonly Freeze[]>();

  constructor(all: readonly Freeze[] = none) {
    this.all = all;
  }

  /** Those of a namespace and of everything. */
  of(namespace: string): readonly Freeze[] {
    if (this.all.length === 0) return none;
    let own = this.#byNamespace.get(namespace);
    if (own === undefined) {
      own = this.all.filter(({ scope }) => scope === namespace || scope === everything);
      this.#byNamespace.set(namespace, own);
    }
    return own;
  }

  at(namespace: string, instant: Instant): Freeze | undefined {
    return freezeAt(this.of(namespace), instant);
  }

  /** When the freeze that an instant lies in began, and with it those that it follows without a pause; undefined: it lies in none. */
  beganBefore(namespace: string, instant: Instant): Instant | undefined {
    let began: Instant | undefined;
    for (let freeze = this.at(namespace, instant); freeze !== undefined; ) {
      began = freeze.since;
      freeze = this.at(namespace, began);
    }
    return began;
  }
}

/** Cuts a range of ticks into those of one freeze each, and those of none, in order. */
export function cutByFreezes(
  schedule: TickSource,
  range: TickRange,
  freezes: readonly Freeze[],
): readonly { readonly range: TickRange; readonly freeze?: Freeze }[] {
  const pieces: { readonly range: TickRange; readonly freeze?: Freeze }[] = [];
  for (let rest: TickRange | undefined = range; rest !== undefined; ) {
    const { from }: TickRange = rest;
    const freeze = freezeAt(freezes, from);
    const begins = freezes.filter(({ since }) => since >= from).map(({ since }) => since);
    const last = freeze === undefined ? Math.min(...begins) : endOf(freeze) - 1;
    const { before, after }: { before?: TickRange; after?: TickRange } = splitAfter(schedule, rest, last);
    pieces.push({ range: before ?? rest, ...(freeze !== undefined && { freeze }) });
    rest = before === undefined ? undefined : after;
  }
  return pieces;
}

/** `the namespace shop was frozen from … to … by user via REST: migration`. */
export function frozenClause(freeze: Freeze, now: Instant): string {
  const { scope, since, by, reason } = freeze;
  const what = scope === everything ? 'everything' : `the namespace ${scope}`;
  const end = endOf(freeze);
  const when =
    end <= now
      ? `was frozen from ${formatInstant(since)} to ${formatInstant(end)}`
      : `has been frozen since ${formatInstant(since)}${Number.isFinite(end) ? `, until ${formatInstant(end)}` : ''},`;
  return `${what} ${when} by ${by}: ${reason}`;
}
