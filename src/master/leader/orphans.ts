import type { Entry, Index, Operation } from '../../coordination/coordinator.ts';
import { askForAdoption, isOutliving } from '../../coordination/handover.ts';
import { prefix, runOfPublished, triggerPath } from '../../coordination/keys.ts';
import { jobOfLock } from '../../coordination/locks.ts';
import {
  type CallbackRecord,
  decode,
  type KillRecord,
  type LockRecord,
  type LostRecord,
  type PublishedRecord,
} from '../../coordination/records.ts';
import { type JobKey, jobKey } from '../../domain/job/job.ts';
import { timing } from '../../domain/policy/timing.ts';
import { type RunId, terminalStates } from '../../domain/run/run.ts';
import type { Instant } from '../../domain/time.ts';
import type { Run } from '../../store/store.ts';
import type { WorkerDirectory, WorkerView } from '../services/workers.ts';
import { certaintyOfLoss, type EpochKeeper } from './epoch.ts';
import { lockedRuns } from './locked-runs.ts';
import { closeAsLost, hasEnded, type Orphan } from './lost.ts';
import type { Office } from './office.ts';

/** A kill of a run that the database does not know is kept this long: its report may come yet. */
const unknownKillKept = 600_000;
/** After the last instant at which an answer is taken: the worker is to see it, and deletes the key itself. */
const callbackKept = 60_000;
/** Runs that waited for a lock without a session are judged long before. */
const orphansKnown = 300_000;
const quietAtFirst = 1_000;
const quietAtMost = 50_000;
/** A long backfill leaves a mark for each of its runs: with so many they are read less often. */
const manyMarks = 2_000;

interface FoundLock {
  readonly entry: Entry;
  readonly record: LockRecord;
  readonly job: JobKey;
}

/** A worker whose node is gone stays in the catalog for days; one that does not answer is taken for gone. */
function isThere({ id, checks }: WorkerView): boolean {
  return checks[`${id}:alive`] !== 'critical' && checks.serfHealth !== 'critical';
}

/** Clears up after workers that are gone: what they held, what they ran, and what was asked of them. */
export class Orphans {
  readonly #office: Office;
  readonly #workers: WorkerDirectory;
  readonly #epochs: EpochKeeper;
  /** Locks without a session, and since when they were seen so. */
  #sessionless = new Map<string, { readonly index: Index; readonly since: Instant }>();
  /** Runs whose locks were seen without a session, by the lock, and when they were seen last. */
  readonly #orphaned = new Map<string, { readonly run: RunId; readonly at: Instant }>();
  /** Grows while that many quiet runs are well: those behind them must be looked at too. */
  #quietLimit = quietAtFirst;
  /** When the marks of written triggers are looked through again. */
  #marksAgain: Instant = 0;

  constructor(office: Office, workers: WorkerDirectory, epochs: EpochKeeper) {
    this.#office = office;
    this.#epochs = epochs;
    this.#workers = workers;
  }

  /** The run whose worker fell silent, and whose lock was not to be had for it at that instant, as far as was seen. */
  keptFrom(lockKey: string, at: Instant): RunId | undefined {
    const orphan = this.#orphaned.get(lockKey);
    return orphan !== undefined && at - timing.lockDelay <= orphan.at ? orphan.run : undefined;
  }

  async pass(): Promise<void> {
    await this.#lostKeys();
    await this.#locks();
    await this.#quietRuns();
    await this.#kills();
    await this.#callbacks();
    await this.#markers();
  }

  /** Orphans that a later claim or a supervisor found: into the database first, then the key goes. */
  async #lostKeys(): Promise<void> {
    const found = this.#decoded<LostRecord>(await this.#office.list(prefix.lost));
    await closeAsLost(
      this.#office,
      found.map(({ record: { run, job, attempt, particulars, foundBy } }) => ({
        run,
        job,
        ...(particulars !== undefined && { particulars }),
        ...(attempt !== undefined && { attempt }),
        message: `its worker is gone (found by ${foundBy})`,
      })),
    );
    await this.#delete(found.map(({ entry }) => entry));
  }

  /**
   * Locks whose session is gone. They are left for one more look, so that a supervisor can hand back what never began
   * and a report can come first.
   */
  async #locks(): Promise<void> {
    const now = this.#office.clock();
    const seen = new Map<string, { readonly index: Index; readonly since: Instant }>();
    const old: FoundLock[] = [];
    const locks = (await this.#office.list(prefix.lock)).filter(({ session }) => session === undefined);
    for (const { entry, record } of this.#decoded<LockRecord>(locks)) {
      const { key, index } = entry;
      const before = this.#sessionless.get(key);
      const known = before?.index === index ? before : { index, since: now };
      seen.set(key, known);
      this.#orphaned.set(key, { run: record.run, at: now });
      if (now - known.since >= this.#office.timing.clearEvery) old.push({ entry, record, job: jobOfLock(key, record) });
    }
    this.#sessionless = seen;
    for (const [key, { at }] of this.#orphaned) if (now - at > orphansKnown) this.#orphaned.delete(key);
    const waiting = await this.#withTrigger(old.map(({ record, job }) => ({ run: record.run, job })));
    const ended = old.filter(({ record }) => !isOutliving(record));
    await closeAsLost(
      this.#office,
      ended
        .filter(({ record }) => !waiting.has(record.run))
        .map(({ record, job }): Orphan => {
          const { run, attempt, trigger, tick, worker, particulars } = record;
          const message = 'the session that held its lock is gone';
          const more = { ...(tick !== undefined && { tick }), ...(particulars !== undefined && { particulars }) };
          return { run, job, attempt, trigger, worker, message, ...more };
        }),
    );
    await this.#delete(ended.filter(lock => !this.#delaysOthers(lock, now)).map(({ entry }) => entry));
    await this.#handOver(old.filter(({ record }) => !waiting.has(record.run)));
  }

  /**
   * What a member that was lost left behind is ended by its fence. Consul keeps its lock from others until then, but the
   * runs of the next whole have locks of their own, and wait for this one to go.
   */
  #delaysOthers({ entry, record }: FoundLock, now: Instant): boolean {
    const since = this.#sessionless.get(entry.key)?.since ?? now;
    return record.particulars?.member !== undefined && now - since < timing.lockDelay;
  }

  /** Runs that go on without their worker are to be adopted, and keep their locks; those that are over lose them. */
  async #handOver(locks: readonly FoundLock[]): Promise<void> {
    const rows = await this.#rows(locks.filter(({ record }) => isOutliving(record)).map(({ record }) => record.run));
    const over: Entry[] = [];
    const steps: Operation[][] = [];
    for (const { entry, record } of locks) {
      if (!isOutliving(record)) continue;
      const { key, index } = entry;
      const row = rows.get(record.run);
      // Lost, say, since nobody adopted it in time.
      if (row !== undefined && hasEnded(row, record.attempt)) over.push(entry);
      else {
        const ask = askForAdoption(key, record, 'found without a worker by the leader', this.#office.clock());
        steps.push([{ verb: 'check-index', key, index }, ask]);
        this.#office.logger.info({ run: record.run }, 'a run goes on without its worker: it is to be adopted');
      }
    }
    await this.#delete(over);
    await this.#office.each(steps);
  }

  /** Runs of which nothing was heard, whose worker is gone and which hold no lock. */
  async #quietRuns(): Promise<void> {
    const { clock, timing, store } = this.#office;
    const now = clock();
    if (!this.#workers.current || now < certaintyOfLoss(this.#office, this.#epochs)) return;
    const quiet = await store.quietRuns(now - timing.quietAfter, this.#quietLimit);
    const living = new Set(
      this.#workers
        .list()
        .filter(isThere)
        .map(worker => worker.id),
    );
    const full = quiet.length === this.#quietLimit;
    this.#quietLimit = full ? Math.min(quietAtMost, this.#quietLimit * 2) : quietAtFirst;
    const alone = quiet.filter(run => run.worker === undefined || !living.has(run.worker));
    const handedBack = await this.#withTrigger(alone.map(run => ({ run: run.id, job: jobKey(run) })));
    const doubtful = alone.filter(run => !handedBack.has(run.id));
    const locked = doubtful.length === 0 ? new Map() : await lockedRuns(this.#office);
    const lost: Orphan[] = [];
    for (const run of doubtful) {
      if (locked.has(run.id)) continue;
      const message = `its worker ${run.worker ?? ''} is gone, and no report came for ${timing.quietAfter / 1_000} s`;
      lost.push({ run: run.id, job: jobKey(run), attempt: run.attempt, message });
    }
    await closeAsLost(this.#office, lost);
  }

  /** Kills of runs that have ended. */
  async #kills(): Promise<void> {
    const kills = this.#decoded<KillRecord>(await this.#office.list(prefix.killer));
    if (kills.length === 0) return;
    const rows = await this.#rows(kills.map(({ record }) => record.run));
    const forgotten = this.#office.clock() - unknownKillKept;
    const over = kills.filter(({ record }) => {
      const row = rows.get(record.run);
      return row === undefined ? record.requestedAt < forgotten : terminalStates.has(row.state);
    });
    await this.#delete(over.map(({ entry }) => entry));
  }

  /** Keys for callbacks of runs whose workers died: nobody hears of an answer any more. */
  async #callbacks(): Promise<void> {
    const callbacks = this.#decoded<CallbackRecord>(await this.#office.list(prefix.callback));
    if (callbacks.length === 0) return;
    const rows = await this.#rows(callbacks.map(({ record }) => record.run));
    const past = this.#office.clock() - callbackKept;
    const over = callbacks.filter(({ record }) => {
      const row = rows.get(record.run);
      return record.until < past || (row !== undefined && hasEnded(row, record.attempt));
    });
    await this.#delete(over.map(({ entry }) => entry));
  }

  /** Marks of triggers' writing that nobody needs any more: a trigger written from here on is too late to be started. */
  async #markers(): Promise<void> {
    const { clock, timing: every } = this.#office;
    const now = clock();
    if (now < this.#marksAgain) return;
    const marks = await this.#office.list(prefix.published);
    this.#marksAgain = marks.length > manyMarks ? now + every.retainEvery : now;
    const markers = this.#decoded<PublishedRecord>(marks)
      .filter(({ record }) => record.deadline + 2 * timing.clockBound < now)
      .map(({ entry }) => entry);
    if (markers.length === 0) return;
    const runOf = ({ key }: Entry): RunId => runOfPublished(key);
    const rows = await this.#rows(markers.map(runOf));
    await this.#delete(markers.filter(entry => rows.get(runOf(entry))?.state !== 'Pending'));
  }

  /** Of these runs, those that wait as a trigger. */
  async #withTrigger(runs: readonly { readonly run: RunId; readonly job: JobKey }[]): Promise<ReadonlySet<RunId>> {
    const triggers = await this.#office.read(runs.map(({ run, job }) => triggerPath(job, run)));
    return new Set(runs.filter((_, i) => triggers[i] !== undefined).map(({ run }) => run));
  }

  async #rows(ids: readonly RunId[]): Promise<ReadonlyMap<RunId, Run>> {
    return new Map((await this.#office.store.getRuns(ids)).map(row => [row.id, row]));
  }

  async #delete(entries: readonly Entry[]): Promise<void> {
    await this.#office.each(entries.map(({ key, index }): Operation => ({ verb: 'delete-cas', key, index })));
  }

  /** Entries that can be read; the others stay where they are. */
  #decoded<T extends { readonly v: 1 }>(entries: readonly Entry[]): { readonly entry: Entry; readonly record: T }[] {
    return entries.flatMap(entry => {
      try {
        return [{ entry, record: decode<T>(entry) }];
      } catch (error) {
        this.#office.logger.debug({ err: error }, 'a key is not readable');
        return [];
      }
    });
  }
}
