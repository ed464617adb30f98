import type { JobNeeds } from '../../domain/policy/eligibility.ts';
import { nobodyEligible } from '../../domain/policy/eligibility.ts';
import { timing } from '../../domain/policy/timing.ts';
import type { Schedule } from '../../domain/schedule/index.ts';
import { formatInstant, type Instant } from '../../domain/time.ts';
import type { EligibilityHistory } from '../services/eligibility-history.ts';
import type { Cause, ExplainedRange } from './misfire.ts';
import { splitAfter, type TickRange } from './tick-ranges.ts';

interface Interval {
  readonly from: Instant;
  /** Absent while it lasts. */
  to?: Instant;
  readonly detail: string;
}

/** Kept of each kind; older ones are forgotten, and their ticks then are plain misfires. */
const kept = 500;

/**
 * What this master saw of the cluster: the facts that a skip's reason rests on. It says nothing that it did not see.
 */
export class Observations {
  readonly #workers: EligibilityHistory;
  readonly #outages: Interval[] = [];
  readonly #downs: Interval[] = [];

  constructor(workers: EligibilityHistory) {
    this.#workers = workers;
  }

  /** Consul has not answered since `from`. */
  consulAway(from: Instant): void {
    if (this.#openOutage() !== undefined) return;
    remember(this.#outages, { from, detail: `Consul did not answer from ${formatInstant(from)} on` });
  }

  consulBack(at: Instant): void {
    const open = this.#openOutage();
    if (open !== undefined) open.to = at;
  }

  /** A new epoch began because Consul had lost its past: nothing could be claimed from `from` to its floor. */
  pastLost(from: Instant, floor: Instant, epoch: number): void {
    remember(this.#outages, { from, to: floor, detail: `Consul had lost its past; epoch ${epoch} began` });
  }

  /** Neither a leader nor a worker lived. */
  clusterDown(from: Instant, to: Instant): void {
    const detail = `nothing of the cluster was running from ${formatInstant(from)} to ${formatInstant(to)}`;
    if (to > from) remember(this.#downs, { from, to, detail });
  }

  /** Cuts a range of ticks where what was true of them changes. */
  explain(needs: JobNeeds, schedule: Schedule, range: TickRange): ExplainedRange[] {
    const found: ExplainedRange[] = [];
    let rest: TickRange | undefined = range;
    while (rest !== undefined) {
      const cause = this.#causeAt(needs, rest.from);
      const { before, after }: { before?: TickRange; after?: TickRange } = splitAfter(
        schedule,
        rest,
        this.#sameUntil(rest.from),
      );
      const piece = before ?? rest;
      const last = found.at(-1);
      if (last?.reason === cause.reason) found[found.length - 1] = { ...last, to: piece.to };
      else found.push({ ...piece, ...cause });
      rest = before === undefined ? undefined : after;
    }
    return found;
  }

  #openOutage(): Interval | undefined {
    return this.#outages.find(outage => outage.to === undefined);
  }

  #causeAt(needs: JobNeeds, tick: Instant): Cause {
    const down = this.#downs.find(({ from, to }) => from < tick && tick <= (to ?? tick));
    if (down !== undefined) return { reason: 'ClusterDown', detail: down.detail };
    const window = { from: tick, to: tick + timing.liveWindow };
    const outage = this.#outages.find(({ from, to }) => from <= window.to && (to ?? window.to) >= window.from);
    if (outage !== undefined) return { reason: 'CoordinationUnavailable', detail: outage.detail };
    const seen = this.#workers.eligibleDuring(needs, window.from, window.to);
    if (seen === 'none') return { reason: 'NoEligibleWorker', detail: nobodyEligible };
    if (seen === 'away') return { reason: 'CoordinationUnavailable', detail: 'Consul did not answer this master' };
    const what = seen === 'some' ? 'though an eligible worker lived' : 'and no master watched then';
    return { reason: 'Misfire', detail: `no worker decided it within ${timing.liveWindow / 1_000} s, ${what}` };
  }

  /** Until when ticks have the same cause as one at `tick`: the instant before the next thing that was seen. */
  #sameUntil(tick: Instant): Instant {
    let next = Number.POSITIVE_INFINITY;
    const consider = (change: Instant): void => {
      for (const edge of [change, change - timing.liveWindow]) if (edge > tick) next = Math.min(next, edge);
    };
    for (const { from, to } of [...this.#downs, ...this.#outages]) {
      // One past the edges, which belong to the interval.
      consider(from);
      consider(from + 1);
      if (to !== undefined) consider(to + 1);
    }
    for (const at of this.#workers.changesAfter(tick)) consider(at);
    return next - 1;
  }
}

function remember(intervals: Interval[], interval: Interval): void {
  intervals.push(interval);
  if (intervals.length > kept) intervals.shift();
}
