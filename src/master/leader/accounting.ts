import { pause } from '../../coordination/pause.ts';
import { limitOf, stillness } from '../../domain/job/pause.ts';
import { runsLeft } from '../../domain/policy/claiming.ts';
import { cutByFreezes, Freezes, frozenClause } from '../../domain/policy/freeze.ts';
import { timing as protocol } from '../../domain/policy/timing.ts';
import type { Instant } from '../../domain/time.ts';
import type { EligibleWorkers } from '../services/members.ts';
import { begunTicks, type Catchups } from './catchups.ts';
import { certaintyAfter, certaintyOfLoss, type EpochKeeper } from './epoch.ts';
import { type Found, findEvidence, unknownRuns, withoutTrace } from './evidence.ts';
import { type Fence, raiseFences } from './fence.ts';
import { BatchFindings } from './findings.ts';
import { isAfter, type JudgeContext, judge, type Verdict } from './judge.ts';
import { boundOf, decideMisfires, type ExplainedRange, type MisfireDecision } from './misfire.ts';
import type { Observations } from './observations.ts';
import type { Office } from './office.ts';
import type { Pauses } from './pauses.ts';
import { explainUndecided } from './reasons.ts';
import type { SpellAgenda, Watched } from './spell-agenda.ts';
import { isIn, splitAfter, stretches, type TickRange } from './tick-ranges.ts';
import { type Window, windowOf } from './window.ts';

export interface AccountingParts {
  readonly office: Office;
  readonly agenda: SpellAgenda;
  readonly epochs: EpochKeeper;
  readonly observations: Observations;
  readonly catchups: Catchups;
  readonly pauses: Pick<Pauses, 'settle'>;
  readonly workers: EligibleWorkers;
}

/** Ticks of one batch and of one window: some milliseconds of work, so that the beat is never late. */
const ticksPerBatch = 4_000;
const ticksPerWindow = 500;
const spellsPerBatch = 400;
/** Ticks of one job that are looked for in Consul one by one. */
const suspectsAtOnce = 50;
/** How far a spell is accounted is saved at least this often; a successor audits again what was not. */
const saveEvery = 30_000;

/** A window with ticks that the database does not know, or not all runs of. */
interface Open {
  readonly window: Window;
  readonly missing: ReadonlySet<Instant>;
  readonly begun: ReadonlySet<Instant>;
  readonly ranUpTo: Instant;
}

/** A window with ticks that the database does not know, and what was found out about them. */
interface Case {
  readonly window: Window;
  readonly found: Found;
  readonly verdict: Verdict;
  /** Newest tick in the window that has a run. */
  readonly ranUpTo: Instant;
}

/** The audit: every elapsed tick gets a run or a skip with a reason that is true. */
export class Accounting {
  readonly #parts: AccountingParts;
  readonly #office: Office;
  readonly #agenda: SpellAgenda;
  #freezes = new Freezes();

  constructor(parts: AccountingParts) {
    this.#parts = parts;
    this.#office = parts.office;
    this.#agenda = parts.agenda;
  }

  /** Audits what is due, in batches. @throws StaleTermError, OfficeLostError */
  async pass(): Promise<void> {
    const { clock, signal } = this.#office;
    this.#freezes = new Freezes(await this.#office.store.listFreezes());
    const now = clock();
    while (!signal.aborted) {
      const batch = this.#take(now);
      if (batch.length === 0) return;
      try {
        await this.#audit(batch, now);
      } catch (error) {
        for (const { watched } of batch) this.#again(watched, now);
        throw error;
      }
      // Lets the beat and whatever else waits go first.
      await pause(1, signal);
    }
  }

  #take(now: Instant): Window[] {
    const { timing } = this.#office;
    const windows: Window[] = [];
    for (let ticks = 0; ticks < ticksPerBatch && windows.length < spellsPerBatch; ) {
      const watched = this.#agenda.take(now);
      if (watched === undefined) break;
      // Ticks of a freeze wait for its end: they are one range then, however long it was.
      const frozen = this.#freezes.beganBefore(watched.spell.namespace, now - timing.auditAfter);
      const window = windowOf(watched, now, timing.auditAfter, ticksPerWindow, frozen);
      if (window === undefined) {
        this.#agenda.next(watched, now + (frozen === undefined ? timing.auditSpacing : timing.recheckEvery));
        continue;
      }
      ticks += window.ticks.length + 1;
      windows.push(window);
    }
    return windows;
  }

  async #audit(windows: readonly Window[], now: Instant): Promise<void> {
    const findings = new BatchFindings(this.#office, now);
    const known = await this.#office.store.accountedTicks(
      windows.map(({ watched, after, until }) => ({ uid: watched.spell.uid, after, until })),
    );
    const open: Open[] = [];
    for (const window of windows) {
      const { spell } = window.watched;
      const still = stillness(spell);
      if (still !== undefined) {
        findings.suspended(window, still);
        continue;
      }
      const { ticks, begun, skips } = known.get(spell.uid) ?? nothingKnown;
      const skipped = (tick: Instant): boolean => skips.some(range => isIn(tick, range));
      const missing = new Set(window.ticks.filter(tick => !ticks.has(tick) && !skipped(tick)));
      if (missing.size === 0) findings.settled(window, window.until);
      else open.push({ window, missing, begun, ranUpTo: Math.max(0, ...ticks, ...begun) });
    }
    if (open.length > 0) await this.#settle(await this.#cases(open, now), findings, now);
    await this.#commit(findings, now);
  }

  /** Reads what Consul shows of jobs with missing ticks, and judges these. */
  async #cases(open: readonly Open[], now: Instant): Promise<Case[]> {
    const evidence = await findEvidence(
      this.#office,
      open.map(({ window }) => window.watched.spell),
    );
    const context = this.#context(now);
    const cases: Case[] = [];
    for (const { window, missing, begun, ranUpTo } of open) {
      const read = evidence.get(window.watched.spell);
      if (read === undefined) {
        this.#again(window.watched, now);
        continue;
      }
      const found: Found = { ...read, begun };
      const verdict = judge(window, missing, found, context);
      noteHolder(window.watched, found, now);
      cases.push({ window, found, verdict, ranUpTo });
    }
    return cases;
  }

  #context(now: Instant): JudgeContext {
    const { timing } = this.#office;
    const { epoch, lostPast } = this.#parts.epochs;
    // While there is no epoch nothing is certain: what is undecided waits for the next one.
    const [certainAfter, uncertainUntil] =
      epoch === undefined ? [now, now + 1] : [certaintyAfter(epoch, timing), epoch.floor + timing.lostGrace];
    return {
      now,
      lostAfter: timing.lostAfter,
      lostFrom: certaintyOfLoss(this.#office, this.#parts.epochs),
      epochFloor: epoch?.floor ?? 0,
      certainAfter,
      uncertainUntil,
      ...(lostPast !== undefined && { lostPast }),
    };
  }

  async #settle(cases: readonly Case[], findings: BatchFindings, now: Instant): Promise<void> {
    const stretched = await this.#stretch(cases);
    const begun = await this.#begunOf(stretched);
    const decisions = new Map(stretched.map(one => [one, this.#decide(one, now, begun.get(one) ?? 0)] as const));
    const held = await this.#fence(stretched, decisions);
    for (const one of held) {
      const { window, verdict, found } = one;
      const { watched } = window;
      const decision = decisions.get(one) ?? { skips: [], catchups: [] };
      for (const skip of decision.skips) findings.skip(watched, skip);
      for (const tick of decision.catchups) findings.catchup(watched, tick, this.#parts.workers);
      if (verdict.skipped !== undefined) findings.cursorSkip(watched, verdict.skipped, found.cursor);
      await this.#lostWithPast(one, now, findings);
      const waiting = await this.#suspects(one, findings);
      findings.settled(window, waiting === undefined ? window.until : Math.min(window.until, waiting - 1));
    }
  }

  /** Of the rows of missed ticks that these go on with: how many runs have begun. */
  async #begunOf(cases: readonly Case[]): Promise<ReadonlyMap<Case, number>> {
    const queries = cases.flatMap(({ window: { watched }, verdict: { undecided } }) => {
      const { uid, spec } = watched.spell;
      const [first] = undecided;
      return first === undefined || boundOf(spec) === 0 ? [] : [{ uid, since: first.from, before: first.from }];
    });
    if (queries.length === 0) return new Map();
    const rows = await this.#office.store.catchupsOfRow(queries);
    return new Map(cases.map(one => [one, begunTicks(rows.get(one.window.watched.spell.uid) ?? [])]));
  }

  /** What becomes of undecided ticks. Those after a cursor that has counted all runs were left for that reason. */
  #decide({ window, verdict, found, ranUpTo }: Case, now: Instant, begun: number): MisfireDecision {
    const { watched } = window;
    const { spell, schedule } = watched;
    const { cursor } = found;
    const left = runsLeft(limitOf(spell), cursor?.counted);
    // No policy runs a frozen tick after all.
    const { open, frozen } = this.#withoutFrozen(watched, verdict.undecided, now);
    const parts = open.map(range => (left > 0 ? { before: range } : splitAfter(schedule, range, cursor?.tick ?? 0)));
    const decision = decideMisfires({
      schedule,
      ranges: parts.flatMap(({ before }) => before ?? []),
      policy: spell.spec,
      runnable: spell.until === undefined,
      certainAfter: this.#context(now).certainAfter,
      ranUpTo: Math.max(ranUpTo, cursor?.decision === 'run' ? cursor.tick : 0),
      now,
      begun,
      ...(Number.isFinite(left) && { left }),
      explain: range => explainUndecided(this.#parts.observations, watched, range),
    });
    const detail = `the job had had its ${spell.spec.maxRuns} runs (maxRuns)`;
    const limited = parts.flatMap(({ after }) => (after ? [{ ...after, reason: 'RunLimit', detail } as const] : []));
    return { ...decision, skips: [...frozen, ...decision.skips, ...limited] };
  }

  /** Cuts ranges into what lies in a freeze, with that as its reason, and the others. */
  #withoutFrozen(
    watched: Watched,
    ranges: readonly TickRange[],
    now: Instant,
  ): { readonly open: readonly TickRange[]; readonly frozen: readonly ExplainedRange[] } {
    const freezes = this.#freezes.of(watched.spell.namespace);
    if (freezes.length === 0) return { open: ranges, frozen: [] };
    const pieces = ranges.flatMap(range => cutByFreezes(watched.schedule, range, freezes));
    return {
      open: pieces.flatMap(({ range, freeze }) => (freeze === undefined ? [range] : [])),
      frozen: pieces.flatMap(({ range, freeze }) =>
        freeze === undefined ? [] : [{ ...range, reason: 'Frozen', detail: frozenClause(freeze, now) } as const],
      ),
    };
  }

  /** Perhaps they were claimed before Consul lost its past: not when nobody could have. */
  async #lostWithPast({ window, verdict }: Case, now: Instant, findings: BatchFindings): Promise<void> {
    const { watched } = window;
    const { namespace } = watched.spell;
    const isFrozen = (tick: Instant): boolean => {
      const { publishedAt } = this.#freezes.at(namespace, tick) ?? {};
      // Every worker that could claim knew of it by then.
      return publishedAt !== undefined && tick > publishedAt + protocol.liveWindow;
    };
    const lost = new Set(verdict.lost);
    const ranges = stretches(window.ticks, tick => lost.has(tick) && isFrozen(tick));
    for (const skip of this.#withoutFrozen(watched, ranges, now).frozen) findings.skip(watched, skip);
    for (const tick of verdict.lost) {
      if (isFrozen(tick)) continue;
      const [cause] = explainUndecided(this.#parts.observations, watched, { from: tick, to: tick });
      if (cause?.reason === 'NoEligibleWorker') {
        findings.skip(watched, cause);
        continue;
      }
      const message = 'Consul lost its past around then, and no report came';
      for (const run of await unknownRuns(this.#office, watched.spell, [tick], undefined))
        findings.lost(watched, tick, undefined, message, run);
    }
  }

  /** Long stretches without any decision are taken whole: an outage is one range, however many ticks it had. */
  async #stretch(cases: readonly Case[]): Promise<readonly Case[]> {
    const epochFloor = this.#parts.epochs.epoch?.floor ?? 0;
    const long = cases.flatMap(one => {
      const { window, verdict, found } = one;
      const last = verdict.undecided.at(-1);
      if (window.until >= window.limit || last?.to !== window.until) return [];
      const gap = found.cursor?.gaps?.find(({ from, to }) => from <= last.to && last.to <= to);
      const free = verdict.free.at(-1)?.to === last.to;
      const forgotten = isAfter(found.cursor, epochFloor) && last.to <= epochFloor;
      const end = free ? window.limit : Math.min(window.limit, gap?.to ?? (forgotten ? epochFloor : 0));
      return end > window.until ? [{ one, end }] : [];
    });
    if (long.length === 0) return cases;
    const known = await this.#office.store.accountedTicks(
      long.map(({ one: { window }, end }) => ({ uid: window.watched.spell.uid, after: window.until, until: end })),
    );
    const stretched = new Map<Case, Case>();
    for (const { one, end } of long) {
      const { ticks, begun, skips } = known.get(one.window.watched.spell.uid) ?? nothingKnown;
      if (ticks.size + begun.size + skips.length === 0) stretched.set(one, longer(one, end));
    }
    return cases.map(one => stretched.get(one) ?? one);
  }

  /** Moves cursors over what is undecided; gives the cases whose fence holds. */
  async #fence(cases: readonly Case[], decisions: ReadonlyMap<Case, MisfireDecision>): Promise<readonly Case[]> {
    const fences = cases.map((one): Fence | undefined => {
      const { window, found, verdict } = one;
      const { spell } = window.watched;
      const last = verdict.undecided.at(-1)?.to ?? 0;
      const free = verdict.free.filter(range => range.from <= last);
      const { cursor, cursorIndex } = found;
      const crowded = (cursor?.gaps ?? []).filter(gap => gap.to <= window.after).length >= gapsTolerated;
      const decided = spell.spec.maxRuns === undefined ? 0 : (decisions.get(one)?.catchups.length ?? 0);
      if (free.length === 0 && !crowded && decided === 0) return undefined;
      return { spell, cursor, cursorIndex, free, accountedUntil: window.after, decided };
    });
    const wanted = fences.filter(fence => fence !== undefined);
    const holds = new Set<Fence>();
    if (wanted.length > 0) {
      const answers = await raiseFences(this.#office, wanted);
      for (const [i, fence] of wanted.entries()) if (answers[i] === true) holds.add(fence);
    }
    return cases.filter((one, i) => {
      const fence = fences[i];
      if (fence === undefined || holds.has(fence)) return true;
      this.#again(one.window.watched, this.#office.clock());
      return false;
    });
  }

  /** Closes as lost what left no trace; gives the first tick that still must wait. */
  async #suspects({ window, verdict, found }: Case, findings: BatchFindings): Promise<Instant | undefined> {
    const { watched } = window;
    const suspects = verdict.suspects.slice(0, suspectsAtOnce);
    if (suspects.length === 0) return verdict.waiting;
    const unknown = await unknownRuns(this.#office, watched.spell, suspects, found.cursor);
    const gone = new Set(await withoutTrace(this.#office, watched.spell, unknown));
    const seconds = this.#office.timing.lostAfter / 1_000;
    for (const run of gone) {
      findings.lost(watched, run.tick, found.cursor, `claimed, and no report for ${seconds} s`, run);
    }
    const still = new Set(unknown.filter(run => !gone.has(run)).map(({ tick }) => tick));
    const left = verdict.suspects.find((tick, i) => i >= suspectsAtOnce || still.has(tick));
    return left === undefined ? verdict.waiting : Math.min(left, verdict.waiting ?? left);
  }

  async #commit(findings: BatchFindings, now: Instant): Promise<void> {
    const { timing } = this.#office;
    await findings.commit(saveEvery);
    for (const { watched, until, window } of findings.settledWindows) {
      watched.accountedUntil = Math.max(watched.accountedUntil, until);
      if (until < window.until) this.#again(watched, now);
      else this.#agenda.next(watched, until < window.limit ? now : now + timing.auditSpacing);
    }
    await this.#parts.pauses.settle(findings.limited);
    // The sweep of triggers publishes them.
    await this.#parts.catchups.added(
      findings.catchups.map(({ run, watched }) => ({ run, policy: watched.spell.spec })),
    );
  }

  #again(watched: Watched, now: Instant): void {
    this.#agenda.again(watched, now + this.#office.timing.recheckEvery);
  }
}

const nothingKnown = { ticks: new Set<Instant>(), begun: new Set<Instant>(), skips: [] as const };

/** Accounted gaps that a cursor may keep until they are dropped: dropping them is a write. */
const gapsTolerated = 8;

/** Keeps in mind who holds the exclusive slot, and since when: the reason of ticks that nobody decides meanwhile. */
function noteHolder(watched: Watched, { holder }: Found, now: Instant): void {
  if (holder === undefined) return;
  const from = watched.held?.run === holder.run ? watched.held.from : (holder.tick ?? holder.outlives?.since ?? now);
  watched.held = { run: holder.run, from, to: now };
}

/** The case with its last undecided stretch, and its window, going on to `end`. */
function longer(one: Case, end: Instant): Case {
  const { window, verdict } = one;
  const to = window.watched.schedule.previous(end + 1) ?? end;
  const last = <T extends { readonly from: Instant; readonly to: Instant }>(ranges: readonly T[]): readonly T[] =>
    ranges.map(range => (range.to === window.until ? { ...range, to } : range));
  return {
    ...one,
    window: { ...window, until: end },
    verdict: { ...verdict, undecided: last(verdict.undecided), free: last(verdict.free) },
  };
}
