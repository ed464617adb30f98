import type { Fault, History, NodeProbe, Probe } from '../history/history.ts';
import { bounds } from './bounds.ts';
import { covers, merged, type Span, touches, without } from './spans.ts';

/** Effects that end what a worker does, or keep it from Consul. */
const breaksClaims = new Set<Fault['effect']>([
  'killed',
  'stopped',
  'restarted',
  'cut',
  'split',
  'impaired',
  'leader-changed',
  'wiped',
  'restored',
  'spool-full',
  'clock',
]);
/** While it lasts, what is connected and what is not cannot be told. */
const bad = new Set<Fault['effect']>(['impaired', 'split']);
const losesPast = new Set<Fault['effect']>(['wiped', 'restored']);

/** The cluster as it was seen from outside: probes, and the faults that were made. */
export class World {
  /** When each worker could claim: connected, and back for long enough. */
  readonly able: ReadonlyMap<string, readonly Span[]>;
  /** When Consul had a quorum. */
  readonly quorum: readonly Span[];
  /** When ticks may be in doubt, or are not claimed, because Consul lost its past. */
  readonly pastLost: readonly Span[];
  /** When PostgreSQL answered. */
  readonly #database: readonly Span[];
  readonly #fit = new Map<string, readonly Span[]>();
  readonly #masters: readonly (readonly Span[])[];
  readonly #faults: readonly Fault[];
  readonly #probes: readonly Probe[];
  readonly #end: number;

  constructor({ run, probes, faults }: History) {
    this.#faults = faults;
    this.#probes = probes;
    this.#end = Math.max(run.readAt, run.to);
    // Until the first probe all was well: the harness waited for that.
    const begin = Number.NEGATIVE_INFINITY;
    this.quorum = goodSpans(probes, probe => probe.quorum, begin, this.#end);
    this.#database = goodSpans(probes, probe => probe.database, begin, this.#end);
    for (const name of run.workers) {
      this.#fit.set(
        name,
        goodSpans(probes, probe => isFit(probe.workers[name]), begin, this.#end),
      );
    }
    this.#masters = run.masters.map(name => goodSpans(probes, probe => isFit(probe.masters[name]), begin, this.#end));
    this.pastLost = merged(
      faults
        .filter(({ effect }) => losesPast.has(effect))
        .map(({ from, to }) => ({
          from: from - bounds.probeSlack,
          to: this.#leaderAt(to + bounds.epochWait, bounds.epochWait) + bounds.faultTail,
        })),
    );
    this.able = new Map(run.workers.map(name => [name, this.#ableSpans(this.fit(name), begin)]));
  }

  /** When a worker was alive, saw Consul, had a good clock and a spool that takes writes. */
  fit(worker: string): readonly Span[] {
    return this.#fit.get(worker) ?? [];
  }

  /** Whether nobody had to start a tick of that instant: no quorum, Consul's past lost, or no worker that could. */
  excused(tick: number): boolean {
    const [from, to] = [tick - bounds.probeSlack, tick + bounds.liveWindow];
    if (!covers(this.quorum, from, to) || touches(this.pastLost, from, to)) return true;
    return !this.someAble(from, to);
  }

  /** Whether one worker was able to claim all that time. */
  someAble(from: number, to: number): boolean {
    return [...this.able.values()].some(spans => covers(spans, from, to));
  }

  /** Whether some worker was connected at some moment. */
  someFit(from: number, to: number): boolean {
    return [...this.#fit.values()].some(spans => touches(spans, from, to));
  }

  /** Workers that were connected at an instant. */
  fitAt(at: number): number {
    return [...this.#fit.values()].filter(spans => touches(spans, at, at)).length;
  }

  /** Whether every master was alive and saw Consul all that time. */
  mastersWell(from: number, to: number): boolean {
    return this.#masters.every(spans => covers(spans, from, to));
  }

  /** Whether a fault that can keep a worker from claiming, or a claim from its start, has a moment in that time. */
  claimsBroken(from: number, to: number): boolean {
    return this.faultsIn(from, to).some(isOfClaims) || !covers(this.quorum, from, to);
  }

  /**
   * Whether a fault of those who would have claimed a tick began or ended near it, or made their network bad all the
   * while: somebody else had to take it over then, and may not have.
   */
  faultBeganOrEnded(tick: number): boolean {
    const [from, to] = [tick - bounds.faultTail, tick + bounds.liveWindow + bounds.probeSlack];
    const near = (at: number): boolean => from <= at && at <= to;
    return this.faultsIn(from, to).some(
      fault => isOfClaims(fault) && (near(fault.from) || near(fault.to) || bad.has(fault.effect)),
    );
  }

  /** Whether such a fault of one worker, its agent or Consul has a moment in that time. */
  holderBroken(worker: string, from: number, to: number): boolean {
    const concerns = ({ targets }: Fault): boolean =>
      targets.some(target => target === worker || target === `agent-${worker}` || target.startsWith('server'));
    return (
      this.faultsIn(from, to).some(fault => isOfClaims(fault) && (concerns(fault) || losesPast.has(fault.effect))) ||
      !covers(this.fit(worker), from, to) ||
      !covers(this.quorum, from, to)
    );
  }

  /** Whether another master may have come to lead: whatever the one before kept in mind is forgotten then. */
  leaderMayChange(from: number, to: number): boolean {
    const ofMasters = ({ targets }: Fault): boolean => targets.some(target => !isOfWorkers(target));
    return (
      !this.mastersWell(from, to) ||
      !covers(this.quorum, from, to) ||
      this.faultsIn(from, to).some(fault => ofMasters(fault) || losesPast.has(fault.effect))
    );
  }

  /** Whether Consul may have forgotten, or nobody may know, what was claimed at that instant. */
  pastLostAround(at: number): boolean {
    return this.#faults.some(
      ({ effect, from, to }) =>
        losesPast.has(effect) && from - bounds.lostPast <= at && at <= to + bounds.epochWait + bounds.faultTail,
    );
  }

  /** Whether Consul was made to lose its past in a span. */
  losesPastIn(from: number, to: number): boolean {
    return this.faultsIn(from, to).some(({ effect }) => losesPast.has(effect));
  }

  faultsIn(from: number, to: number): readonly Fault[] {
    return this.#faults.filter(fault => fault.from <= to && fault.to >= from);
  }

  /** The most that a node's clock was off around an instant, by the probes. */
  clockOff(node: string, at: number, around: number = bounds.probeSlack * 2): number {
    let most = 0;
    for (const probe of this.#probes) {
      if (probe.at < at - around || probe.at > at + around) continue;
      most = Math.max(most, Math.abs((probe.workers[node] ?? probe.masters[node])?.clockOffset ?? 0));
    }
    return most;
  }

  /** From when on a change that was acknowledged then is in force on all who can claim. */
  inForce(sent: number, answered: number): number {
    const at = this.#published(answered);
    const calm = this.mastersWell(sent - bounds.leaderBack, at);
    const known = calm && covers(this.quorum, answered, at) ? at : this.#leaderAt(at, bounds.leaderBack);
    const lost = this.pastLost.find(({ from, to }) => from <= known && known <= to);
    return lost === undefined ? known : lost.to;
  }

  /** What is to be published is read from the database first. */
  #published(answered: number): number {
    const since = this.#database.map(({ from, to }) => ({ at: Math.max(from, answered) + bounds.inForce, to }));
    return since.find(({ at, to }) => at <= to)?.at ?? this.#end;
  }

  /** The first instant from `at` on before which some master was well for so long: by then one leads. */
  #leaderAt(at: number, wellFor: number): number {
    let first = Number.POSITIVE_INFINITY;
    for (const spans of this.#masters) {
      for (const { from, to } of spans) {
        const earliest = Math.max(at, from + wellFor);
        if (earliest <= to) first = Math.min(first, earliest);
      }
    }
    return Math.min(first, this.#end);
  }

  /** From when on, in each stretch of being connected, a worker claims. */
  #ableSpans(fit: readonly Span[], begin: number): readonly Span[] {
    return fit.flatMap(({ from, to }, i) => {
      const before = fit[i - 1];
      const brief = before !== undefined && from - before.to <= bounds.silence && !this.#restarted(before.to, from);
      const since =
        from <= begin
          ? from
          : brief && !this.#mastersBroken(from)
            ? from + bounds.liveWindow
            : this.#leaderAt(from + bounds.workerBack, bounds.leaderBack);
      return since < to ? [{ from: since, to }] : [];
    });
  }

  /**
   * Whether a master was in trouble: a worker whose request hung, for longer than the probes' did, waits for the beat of
   * the masters' leader.
   */
  #mastersBroken(at: number): boolean {
    const faults = this.faultsIn(at - bounds.leaderBack, at + bounds.liveWindow);
    return faults.some(({ targets }) => targets.some(target => !isOfWorkers(target)));
  }

  #restarted(from: number, to: number): boolean {
    return this.faultsIn(from, to).some(({ effect }) => effect === 'killed' || effect === 'restarted');
  }
}

function isOfClaims({ effect, targets }: Fault): boolean {
  return breaksClaims.has(effect) && targets.some(isOfWorkers);
}

/** Whether a node is a worker, or what a worker needs: not a master, its agent, or the database. */
export function isOfWorkers(target: string): boolean {
  return !/^(agent-)?master|^postgres/.test(target);
}

function isFit(node: NodeProbe | undefined): boolean {
  if (node === undefined) return false;
  return node.alive && node.consul && node.spool !== false && Math.abs(node.clockOffset) < bounds.clockBound * 0.9;
}

/** From the first good probe to the last of a row: what lies between a good and a bad one is bad. */
function goodSpans(probes: readonly Probe[], isGood: (probe: Probe) => boolean, begin: number, end: number): Span[] {
  const bad: Span[] = [];
  let before = begin;
  for (const [i, probe] of probes.entries()) {
    // Nobody knows what was between two probes that are far from each other.
    if (i > 0 && probe.at - before > bounds.liveWindow) bad.push({ from: before, to: probe.at });
    if (!isGood(probe)) bad.push({ from: before, to: probes[i + 1]?.at ?? end });
    before = probe.at;
  }
  return without(bad, begin, end);
}
