import { killerPath } from '../../coordination/keys.ts';
import { type Job, jobKey } from '../../domain/job/job.ts';
import type { JobSpec } from '../../domain/job/spec.ts';
import { covers, everything } from '../../domain/policy/freeze.ts';
import { isSpread } from '../../domain/policy/members.ts';
import { retryOf, shouldRetry, waitBeforeRetry } from '../../domain/policy/retry.ts';
import { byPlace, placeOf } from '../../domain/policy/turn.ts';
import { isBackfillRun, type RunId } from '../../domain/run/run.ts';
import type { Instant } from '../../domain/time.ts';
import type { DueRetries, RetryDecision, Run } from '../../store/store.ts';
import type { Office } from './office.ts';

export interface RetriesOptions {
  /** Whether a trigger that is written now may be claimed: there is an epoch. */
  readonly mayAsk: () => boolean;
  /** In [0, 1). Default `Math.random`. */
  readonly random?: () => number;
}

/** Runs looked at in one transaction. */
const atOnce = 1_000;
/** Later runs of a job that are looked through for one that was not skipped. */
const newerLookedThrough = 20;

/**
 * Further attempts at runs that did not succeed: decides whether and when, and at that time makes the run a pending one,
 * whose trigger is published like any other. All of it is in the database: a new leader goes on where the last one was.
 */
export class Retries {
  readonly #office: Office;
  readonly #options: RetriesOptions;

  constructor(office: Office, options: RetriesOptions) {
    this.#office = office;
    this.#options = options;
  }

  async pass(): Promise<void> {
    while (await this.#decide());
    while (this.#options.mayAsk() && (await this.#ask()));
  }

  /** Gives whether there may be more. */
  async #decide(): Promise<boolean> {
    const { store, term, clock, metrics, logger, signal } = this.#office;
    const ended = await store.undecidedRetries(atOnce);
    if (ended.length === 0) return false;
    const now = clock();
    const policies = await this.#policies(ended);
    const wanted = ended.filter(run => {
      const spec = policies.get(run);
      return spec !== undefined && shouldRetry(spec, run);
    });
    const killed = await this.#withKill(wanted);
    const decisions = ended.map((run): RetryDecision => {
      const spec = policies.get(run);
      const retry = spec && retryOf(spec);
      if (retry === undefined || killed.has(run) || !wanted.includes(run) || isNowhere(run, spec)) return { run };
      const wait = waitBeforeRetry(retry.backoff, run, (this.#options.random ?? Math.random)());
      return { run, at: dueAt(run, wait, now) };
    });
    await store.decideRetries(term, decisions, now);
    for (const { run, at } of decisions) {
      if (at === undefined) continue;
      metrics.retries.inc({ outcome: run.state });
      logger.debug({ run: run.id, attempt: run.attempt, outcome: run.state, at }, 'a run is to be tried again');
    }
    return ended.length === atOnce && !signal.aborted;
  }

  /** Gives whether there may be more. */
  async #ask(): Promise<boolean> {
    const { store, term, clock, signal } = this.#office;
    const now = clock();
    // Those of a frozen namespace wait for its thaw.
    const frozen = (await store.listFreezes()).filter(freeze => covers(freeze, now)).map(({ scope }) => scope);
    if (frozen.includes(everything)) return false;
    const due = await store.dueRetries(now, atOnce, frozen);
    if (due.length === 0) return false;
    const policies = await this.#policies(due);
    const replaced = await this.#replaced(
      // What a backfill asks for is of the past, and is tried again beside what came later.
      due.filter(run => policies.get(run)?.concurrencyPolicy === 'Replace' && !isBackfillRun(run.id)),
      now,
    );
    const asked: DueRetries['asked'][number][] = [];
    const dropped: DueRetries['dropped'][number][] = [];
    for (const run of due) {
      const { id, attempt, nextAttemptAt = now, lastOutcome } = run;
      const spec = policies.get(run);
      // The policy as it is now: its job may have been edited, or deleted.
      if (spec === undefined || !shouldRetry(spec, { ...run, state: lastOutcome ?? run.state })) {
        dropped.push({ run: id, attempt });
      } else if (replaced.has(run)) {
        const message = `attempt ${attempt + 1} was not started: the later run ${replaced.get(run)} came before it`;
        dropped.push({ run: id, attempt, reason: 'Replaced', message });
      } else asked.push({ run: id, attempt, deadline: nextAttemptAt + spec.startingDeadlineSeconds * 1_000 });
    }
    await store.askForRetries(term, { asked, dropped }, now);
    return due.length === atOnce && !signal.aborted;
  }

  /** Of runs of `Replace` jobs those that a later run of the job has overtaken, with that run. */
  async #replaced(runs: readonly Run[], now: Instant): Promise<ReadonlyMap<Run, RunId>> {
    const found = new Map<Run, RunId>();
    for (const run of runs) {
      const { namespace, name, jobUid } = run;
      const { items } = await this.#office.store.listRuns({
        namespace,
        name,
        since: placeOf(placed(run)),
        until: now,
        limit: newerLookedThrough,
      });
      const later = items.find(
        one => one.jobUid === jobUid && one.state !== 'Skipped' && byPlace(placed(one), placed(run)) > 0,
      );
      if (later !== undefined) found.set(run, later.id);
    }
    return found;
  }

  /** The spec of each run's job as it is now; absent where the job is gone, or another of the name. */
  async #policies(runs: readonly Run[]): Promise<ReadonlyMap<Run, JobSpec>> {
    const keys = new Map(runs.map(run => [jobKey(run), { namespace: run.namespace, name: run.name }]));
    const jobs = await this.#office.store.getJobs([...keys.values()]);
    const byKey = new Map<string, Job>(jobs.map(job => [jobKey(job), job]));
    return new Map(
      runs.flatMap(run => {
        const job = byKey.get(jobKey(run));
        return job?.uid === run.jobUid ? [[run, job.spec] as const] : [];
      }),
    );
  }

  /** Of these runs, those whose end was asked for: whatever ended the attempt, nobody wants another. */
  async #withKill(runs: readonly Run[]): Promise<ReadonlySet<Run>> {
    if (runs.length === 0) return new Set();
    const kills = await this.#office.read(runs.map(run => killerPath(jobKey(run), run.id)));
    return new Set(runs.filter((_, i) => kills[i] !== undefined));
  }
}

/** Of a tick that came to several runs, which of them it was is not known. */
function isNowhere({ particulars }: Run, spec: JobSpec | undefined): boolean {
  const member = particulars?.member;
  if (spec === undefined || !isSpread(spec.placement)) return false;
  return member === undefined || (spec.placement.mode === 'All' && member.worker === undefined);
}

const placed = ({ id, tick, requestedAt }: Run) => ({ run: id, tick, dueAt: requestedAt });

/** What ended by itself waits from its end on; what was lost, from when that is known. */
function dueAt({ state, finishedAt }: Run, wait: number, now: Instant): Instant {
  return state === 'Lost' ? now + wait : Math.max(now, (finishedAt ?? now) + wait);
}
