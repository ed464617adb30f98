import type { CursorRecord } from '../../coordination/records.ts';
import { nobodyEligible } from '../../domain/policy/eligibility.ts';
import { tickRunId } from '../../domain/run/run.ts';
import type { Instant, Milliseconds } from '../../domain/time.ts';
import type { Findings, JobSpell, NewRun } from '../../store/store.ts';
import { type EligibleWorkers, runsFor } from '../services/members.ts';
import type { UnknownRun } from './evidence.ts';
import type { Cause, ExplainedRange } from './misfire.ts';
import type { Office } from './office.ts';
import type { Watched } from './spell-agenda.ts';
import { countOf, type TickRange } from './tick-ranges.ts';
import type { Window } from './window.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer I)[] ? I[] : T[K] };

/** Largest count that the database holds. */
const maxCount = 2 ** 31 - 1;

/** What one batch of the audit found, to be committed in one database transaction. */
export class BatchFindings {
  readonly settledWindows: { readonly watched: Watched; readonly window: Window; readonly until: Instant }[] = [];
  readonly catchups: { readonly run: NewRun; readonly watched: Watched }[] = [];
  readonly #office: Office;
  readonly #now: Instant;
  readonly #touched = new Set<Watched>();
  readonly #findings: Omit<Writable<Findings>, 'catchups'> = { skips: [], lost: [], expired: [], accounted: [] };

  constructor(office: Office, now: Instant) {
    this.#office = office;
    this.#now = now;
  }

  skip(watched: Watched, range: ExplainedRange): void {
    const { count, exact } = countOf(watched.schedule, range);
    const { uid, namespace, name } = watched.spell;
    const detail = exact ? range.detail : `${range.detail}; the count is an estimate`;
    const { from, to, reason } = range;
    this.#touched.add(watched);
    this.#findings.skips.push({
      jobUid: uid,
      namespace,
      name,
      from,
      to,
      count: Math.min(count, maxCount),
      reason,
      detail,
    });
  }

  /** What whoever wrote the cursor said of its ticks. */
  cursorSkip(watched: Watched, range: TickRange, cursor: CursorRecord | undefined): void {
    const cause: Cause = { reason: cursor?.reason ?? 'Misfire', detail: cursor?.detail ?? 'skipped by a worker' };
    this.skip(watched, { ...range, ...cause });
  }

  /** A suspended, or paused, spell that is over: all of its ticks are one range. */
  suspended(window: Window, cause: Cause): void {
    const { watched, after, limit } = window;
    const from = watched.schedule.next(after);
    const to = watched.schedule.previous(limit + 1);
    if (from !== undefined && to !== undefined && from <= to) {
      this.skip(watched, { from, to, ...cause });
    }
    this.settled({ ...window, until: limit }, limit);
  }

  catchup(watched: Watched, tick: Instant, workers: EligibleWorkers): void {
    const { uid, namespace, name, revision, spec } = watched.spell;
    this.#touched.add(watched);
    const wanted: NewRun = {
      id: tickRunId(uid, tick),
      jobUid: uid,
      namespace,
      name,
      trigger: 'catchup',
      tick,
      revision,
      requestedAt: this.#now,
      deadline: tick + spec.startingDeadlineSeconds * 1_000,
      by: `misfire ${spec.misfirePolicy}`,
    };
    const runs = runsFor(wanted, spec, workers);
    if (runs.length === 0)
      this.skip(watched, { from: tick, to: tick, reason: 'NoEligibleWorker', detail: nobodyEligible });
    for (const run of runs) this.catchups.push({ run, watched });
  }

  /** Jobs some of whose ticks were over their `maxRuns`. */
  get limited(): readonly JobSpell[] {
    const over = new Set(this.#findings.skips.filter(({ reason }) => reason === 'RunLimit').map(one => one.jobUid));
    return [...this.#touched].map(({ spell }) => spell).filter(({ uid }) => over.has(uid));
  }

  lost(
    watched: Watched,
    tick: Instant,
    cursor: CursorRecord | undefined,
    message: string,
    { id: run, member }: Pick<UnknownRun, 'id' | 'member'>,
  ): void {
    const { uid, namespace, name } = watched.spell;
    // Who decided a tick that comes to several runs does not tell who had one of them.
    const worker = cursor?.run === run ? cursor.worker : undefined;
    const base = { run, attempt: 1, jobUid: uid, namespace, name, trigger: 'tick', tick, message } as const;
    this.#touched.add(watched);
    const particulars = member && { particulars: { member } };
    this.#findings.lost.push({ ...base, ...(worker !== undefined && { worker }), ...particulars });
  }

  /** Every tick of the window up to `until` has what it needs once this is committed. */
  settled(window: Window, until: Instant): void {
    this.settledWindows.push({ watched: window.watched, window, until });
  }

  /** @throws StaleTermError */
  async commit(saveEvery: Milliseconds): Promise<void> {
    const { store, term, metrics } = this.#office;
    const saved = this.settledWindows.filter(({ watched, until }) => this.#isDue(watched, until, saveEvery));
    for (const { watched, until } of saved) {
      this.#findings.accounted.push({ uid: watched.spell.uid, revision: watched.spell.revision, until });
    }
    if (saved.length === 0 && this.#touched.size === 0) return;
    await store.account(term, { ...this.#findings, catchups: this.catchups.map(({ run }) => run) }, this.#now);
    for (const { watched, until } of saved) {
      watched.savedUntil = until;
      watched.savedAt = this.#now;
    }
    for (const skip of this.#findings.skips) metrics.skips.inc({ reason: skip.reason }, skip.count);
    metrics.runsLost.inc(this.#findings.lost.length);
  }

  #isDue(watched: Watched, until: Instant, saveEvery: Milliseconds): boolean {
    if (until <= watched.savedUntil) return false;
    const ended = watched.spell.until !== undefined && until >= watched.spell.until;
    return ended || this.#touched.has(watched) || this.#now - watched.savedAt >= saveEvery;
  }
}
