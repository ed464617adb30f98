import type { Entry } from '../../coordination/coordinator.ts';
import { jobOfPath, prefix } from '../../coordination/keys.ts';
import { decode, type TriggerRecord } from '../../coordination/records.ts';
import { type JobKey, jobKey, splitJobKey } from '../../domain/job/job.ts';
import { Freezes } from '../../domain/policy/freeze.ts';
import { timing as protocol } from '../../domain/policy/timing.ts';
import type { RunId } from '../../domain/run/run.ts';
import type { Instant } from '../../domain/time.ts';
import type { Findings, NewRun, PendingRun } from '../../store/store.ts';
import type { Publisher } from '../services/publisher.ts';
import type { WorkerDirectory } from '../services/workers.ts';
import { certaintyAfter, certaintyOfLoss, type EpochKeeper } from './epoch.ts';
import { lockedRuns } from './locked-runs.ts';
import { closeAsLost, hasEnded, nothingFound, type Orphan } from './lost.ts';
import type { Cause } from './misfire.ts';
import { type Office, takeAway } from './office.ts';
import type { Orphans } from './orphans.ts';
import { markReplaced } from './replaced.ts';
import type { SpellAgenda } from './spell-agenda.ts';
import { jobChanged, Unclaimed } from './unclaimed.ts';
import { withdraw } from './withdraw.ts';

export interface TriggerParts {
  readonly office: Office;
  readonly agenda: SpellAgenda;
  readonly epochs: EpochKeeper;
  readonly workers: WorkerDirectory;
  readonly orphans: Pick<Orphans, 'keptFrom'>;
  readonly publisher: Pick<Publisher, 'publishTriggers'>;
}

/** Pending runs looked at in one pass; unpublished ones come first. */
const pendingAtOnce = 5_000;
const publishedAtOnce = 1_000;

/** A trigger as it was read. */
export interface FoundTrigger {
  readonly entry: Entry;
  readonly record: TriggerRecord;
  readonly job: JobKey;
}

/** Runs that wait for a worker: published until Consul has them, and closed when they can't start any more. */
export class Triggers {
  readonly #parts: TriggerParts;
  readonly #office: Office;
  /** Published runs whose trigger is gone while no report has come, and since when. */
  #missing = new Map<RunId, Instant>();
  readonly #unclaimed: Unclaimed;

  constructor(parts: TriggerParts) {
    this.#parts = parts;
    this.#office = parts.office;
    this.#unclaimed = new Unclaimed(parts);
  }

  /** Writes the triggers that are not in Consul yet. */
  async publish(): Promise<void> {
    const { epochs, publisher } = this.#parts;
    const { epoch } = epochs;
    if (epoch === undefined) return;
    const now = this.#office.clock();
    // Whether an older one was published in the past that Consul lost is not known: it is closed, never published.
    const certain = certaintyAfter(epoch, this.#office.timing);
    const pending = await this.#office.store.pendingRuns(publishedAtOnce, now);
    const due = pending.filter(run => !run.published && run.requestedAt > certain && run.deadline >= now);
    await publisher.publishTriggers(due);
  }

  /** Closes what can't start any more. */
  async clear(): Promise<void> {
    const { epoch } = this.#parts.epochs;
    if (epoch === undefined) return;
    this.#unclaimed.freezes = new Freezes(await this.#office.store.listFreezes());
    const found = this.#decode(await this.#office.list(prefix.trigger));
    const pending = await this.#office.store.pendingRuns(pendingAtOnce, this.#office.clock());
    // An adoption is of no epoch: nothing is ever started for it.
    const isOld = ({ record }: FoundTrigger): boolean => record.adopts === undefined && record.epoch < epoch.number;
    await this.#closeOld(found.filter(isOld));
    await this.#dropEnded(found.filter(({ record }) => record.adopts !== undefined));
    const present = found.filter(one => !isOld(one));
    const replaced = await this.#replace(present, epoch.number);
    await this.#expire(present.filter(({ entry }) => !replaced.has(entry.key)));
    const { triggersWaiting, triggersOldest } = this.#office.metrics;
    triggersWaiting.set(found.length);
    const now = this.#office.clock();
    const since = found.reduce((oldest, { record }) => Math.min(oldest, record.requestedAt), now);
    triggersOldest.set((now - since) / 1_000);
    const there = new Set(found.map(({ record }) => attemptOf(record.run, record.attempt)));
    await this.#pendingWithout(
      pending.filter(run => !there.has(attemptOf(run.id, run.attempt))),
      certaintyAfter(epoch, this.#office.timing),
    );
  }

  /** Of an epoch that is over: whether they were started in the meantime is not known. */
  async #closeOld(old: readonly FoundTrigger[]): Promise<void> {
    const deleted = await this.#delete(old);
    await closeAsLost(
      this.#office,
      deleted.map(({ record, job }) => orphanOf(record, job, 'asked for before Consul lost its past')),
    );
  }

  /** Adoptions of runs that have ended and were reported before they were handed over: their locks are free then. */
  async #dropEnded(adoptions: readonly FoundTrigger[]): Promise<void> {
    if (adoptions.length === 0) return;
    const rows = await this.#office.store.getRuns(adoptions.map(({ record }) => record.run));
    const byId = new Map(rows.map(row => [row.id, row]));
    const ended = adoptions.filter(({ record }) => {
      const row = byId.get(record.run);
      // What is lost, whoever adopts it may still tell.
      return row !== undefined && row.state !== 'Lost' && hasEnded(row, record.attempt);
    });
    await this.#delete(ended);
  }

  async #expire(found: readonly FoundTrigger[]): Promise<void> {
    const late = this.#office.clock() - 2 * protocol.clockBound;
    const gone = await this.#jobGone(found);
    const over = found.filter(one => gone.has(one) || one.record.deadline < late);
    const causes = new Map<FoundTrigger, Cause>();
    for (const one of over)
      causes.set(one, gone.has(one) ? jobChanged : await this.#unclaimed.why(one.record, one.job));
    await this.#settle(await this.#delete(over), causes);
  }

  /** Runs of `Replace` jobs before which a later one came: accounted once no worker can claim them, then taken away. */
  async #replace(found: readonly FoundTrigger[], epoch: number): Promise<ReadonlySet<string>> {
    const replaced = await markReplaced(this.#office, this.#parts.agenda, epoch, found);
    const cause = ({ record }: FoundTrigger): Cause => {
      return { reason: 'Replaced', detail: `the later run ${record.replacedBy} came before it could start` };
    };
    await this.#settle(replaced, new Map(replaced.map(one => [one, cause(one)])));
    await this.#delete(replaced);
    return new Set(replaced.map(({ entry }) => entry.key));
  }

  /** Records why runs that no worker can start any more did not start. */
  async #settle(over: readonly FoundTrigger[], causes: ReadonlyMap<FoundTrigger, Cause>): Promise<void> {
    if (over.length === 0) return;
    const rows = new Map(
      (await this.#office.store.getRuns(over.map(({ record }) => record.run))).map(row => [row.id, row]),
    );
    const skips: Findings['skips'][number][] = [];
    const expired: Findings['expired'][number][] = [];
    const lost: Orphan[] = [];
    /** Members that no worker took on: what their tick came to is told run by run. */
    const asked: NewRun[] = [];
    for (const one of over) {
      const { record, job } = one;
      const { reason, detail } = causes.get(one) ?? jobChanged;
      const row = rows.get(record.run);
      if (row?.state === 'Pending' && record.attempt > row.attempt && record.adopts === undefined)
        expired.push({ run: record.run, reason, message: detail });
      else if (row !== undefined || record.adopts !== undefined) lost.push(orphanOf(record, job, left(record, detail)));
      else if (record.particulars?.member !== undefined) {
        asked.push(requestOf(record, job, this.#parts.agenda.open(job)?.revision ?? 1));
        expired.push({ run: record.run, reason, message: detail });
      } else if (record.tick !== undefined) {
        const range = { from: record.tick, to: record.tick, count: 1, reason, detail };
        skips.push({ jobUid: record.jobUid, ...splitJobKey(job), ...range });
      }
    }
    await this.#office.store.account(
      this.#office.term,
      { ...nothingFound, skips, expired, catchups: asked },
      this.#office.clock(),
    );
    // Of a retry that can't start, the tick had its run.
    const first = expired.filter(({ run }) => (rows.get(run)?.attempt ?? 0) === 0);
    for (const { reason } of [...skips, ...first]) this.#office.metrics.skips.inc({ reason });
    await closeAsLost(this.#office, lost);
  }

  /** Triggers of jobs that are no longer there, or are others by the same name. */
  async #jobGone(found: readonly FoundTrigger[]): Promise<ReadonlySet<FoundTrigger>> {
    // What goes on is adopted whatever became of its job.
    const doubtful = found.filter(
      ({ record, job }) => record.adopts === undefined && this.#parts.agenda.open(job)?.uid !== record.jobUid,
    );
    if (doubtful.length === 0) return new Set();
    const jobs = await this.#office.store.getJobs(doubtful.map(({ job }) => splitJobKey(job)));
    const uids = new Set(jobs.map(job => job.uid));
    return new Set(doubtful.filter(({ record }) => !uids.has(record.jobUid)));
  }

  /** Pending runs that have no trigger in Consul. */
  async #pendingWithout(runs: readonly PendingRun[], certain: Instant): Promise<void> {
    const now = this.#office.clock();
    const { timing } = this.#office;
    const missing = new Map<RunId, Instant>();
    const unwritten: PendingRun[] = [];
    const silent: PendingRun[] = [];
    for (const run of runs) {
      if (run.published) {
        const since = this.#missing.get(run.id) ?? now;
        missing.set(run.id, since);
        // A worker has claimed it, and its report is under way, or was lost with it.
        if (now - since < timing.lostAfter || now < certaintyOfLoss(this.#office, this.#parts.epochs)) continue;
        silent.push(run);
      } else if (run.requestedAt <= certain) {
        await closeAsLost(this.#office, [pendingOrphan(run, 'asked for before Consul lost its past')]);
      } else if (run.deadline < now - 2 * protocol.clockBound) unwritten.push(run);
    }
    const locked = silent.length === 0 ? new Map() : await lockedRuns(this.#office);
    await closeAsLost(
      this.#office,
      silent.filter(run => locked.get(run.id) !== run.attempt).map(run => pendingOrphan(run, 'claimed, and no report')),
    );
    const message = 'Consul could not be told of it before its deadline';
    const reason = 'CoordinationUnavailable';
    const withdrawn = new Set(await withdraw(this.#office, unwritten));
    const expired = [...withdrawn].map(run => {
      const frozen = run.trigger === 'manual' ? undefined : this.#unclaimed.frozenAt(run.namespace, run.deadline);
      return { run: run.id, reason: frozen?.reason ?? reason, message: frozen?.detail ?? message };
    });
    // The others had been written, and the database was not told.
    const written = unwritten.filter(run => !withdrawn.has(run)).map(run => run.id);
    if (written.length > 0) await this.#office.store.markRunsPublished(written);
    if (expired.length > 0) await this.#office.store.account(this.#office.term, { ...nothingFound, expired }, now);
    const first = new Set([...withdrawn].filter(run => run.attempt === 1).map(run => run.id));
    for (const { run, reason } of expired) if (first.has(run)) this.#office.metrics.skips.inc({ reason });
    this.#missing = missing;
  }

  /** Deletes triggers; gives those that no worker had claimed. */
  async #delete(found: readonly FoundTrigger[]): Promise<readonly FoundTrigger[]> {
    const answers = await this.#office.each(found.map(({ entry }) => takeAway(entry)));
    return found.filter((_, i) => answers[i] !== 'refused');
  }

  #decode(entries: readonly Entry[]): FoundTrigger[] {
    return entries.flatMap(entry => {
      try {
        return [{ entry, record: decode<TriggerRecord>(entry), job: jobOfPath(entry.key, prefix.trigger) }];
      } catch (error) {
        this.#office.logger.debug({ err: error }, 'a trigger is not readable');
        return [];
      }
    });
  }
}

const attemptOf = (run: RunId, attempt: number): string => `${run}/${attempt}`;

/** What became of a run that no worker took on. */
function left({ adopts }: TriggerRecord, detail: string): string {
  return adopts === undefined
    ? `handed back, and not started again: ${detail}`
    : `handed over while it went on, and never adopted: ${detail}`;
}

function orphanOf(record: TriggerRecord, job: JobKey, message: string): Orphan {
  const { run, attempt, kind, tick, particulars } = record;
  const more = { ...(tick !== undefined && { tick }), ...(particulars !== undefined && { particulars }) };
  return { run, job, attempt, trigger: kind, message, ...more };
}

/** The row of a run that nobody made one for. */
function requestOf(record: TriggerRecord, job: JobKey, revision: number): NewRun {
  const { run, jobUid, kind, tick, particulars, requestedAt, deadline, by } = record;
  return {
    id: run,
    jobUid,
    ...splitJobKey(job),
    trigger: kind,
    ...(tick !== undefined && { tick }),
    ...(particulars !== undefined && { particulars }),
    revision,
    requestedAt,
    deadline,
    by,
  };
}

function pendingOrphan(run: PendingRun, message: string): Orphan {
  return { run: run.id, job: jobKey(run), attempt: run.attempt, trigger: run.trigger, message };
}
