import type { Registry } from 'prom-client';
import type { Coordinator } from '../../coordination/coordinator.ts';
import { Election, type Leadership } from '../../coordination/election.ts';
import { pause } from '../../coordination/pause.ts';
import { CronmeshError, ErrorCode } from '../../domain/errors.ts';
import { mayPause } from '../../domain/job/pause.ts';
import type { JobHistory } from '../../domain/job/spec.ts';
import type { Service } from '../../domain/lifecycle.ts';
import type { NamespaceRules } from '../../domain/policy/allow-list.ts';
import { timing } from '../../domain/policy/timing.ts';
import type { Clock, Instant, Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import { fromZero } from '../../observability/registry.ts';
import type { Store, StoredEpoch } from '../../store/store.ts';
import type { OutputArchive } from '../archive/output-archive.ts';
import type { Channel } from '../notifications/channels/channel.ts';
import { Sender } from '../notifications/sender.ts';
import { TellEnds } from '../notifications/tell-ends.ts';
import { TellTimes } from '../notifications/tell-times.ts';
import { Teller } from '../notifications/teller.ts';
import type { FreezeService } from '../services/freezes.ts';
import { Importer } from '../services/importer.ts';
import type { Publisher } from '../services/publisher.ts';
import type { WorkerDirectory } from '../services/workers.ts';
import { Accounting } from './accounting.ts';
import { archiveHold, archiveOutput } from './archiving.ts';
import { AwaitedJobs } from './awaited-jobs.ts';
import { Backfills } from './backfills.ts';
import { Catchups } from './catchups.ts';
import { Census } from './census.ts';
import { Chains } from './chains.ts';
import { clearCursors } from './cursors.ts';
import { findDowntime } from './downtime.ts';
import { Endings } from './endings.ts';
import { EpochKeeper } from './epoch.ts';
import { JobCounts } from './job-counts.ts';
import { JobFollower } from './job-follower.ts';
import { clearLanes } from './lanes.ts';
import { insist, isOver, repeat } from './loop.ts';
import { type LeaderMetrics, leaderMetrics, resignedMetrics } from './metrics.ts';
import { Observations } from './observations.ts';
import { Office } from './office.ts';
import { Orphans } from './orphans.ts';
import { Pauses } from './pauses.ts';
import { PolicyIndex } from './policy-index.ts';
import { retain, trim } from './retention.ts';
import { Retries } from './retries.ts';
import { SpellAgenda } from './spell-agenda.ts';
import { type LeaderTiming, leaderTiming } from './timing.ts';
import { Triggers } from './triggers.ts';

export interface LeaderOptions {
  readonly coordinator: Coordinator;
  readonly store: Store;
  readonly publisher: Publisher;
  readonly workers: WorkerDirectory;
  readonly freezes: Pick<FreezeService, 'publish'>;
  /** This master, for people: it is the lock's value. */
  readonly master: string;
  readonly logger: Logger;
  /** Whether this master's clock may be trusted to lead: `ClockGuard.clockOk`. Default: it may. */
  readonly clockOk?: () => boolean;
  /** Checks in the catalog that its session ends with. Default: none. */
  readonly serviceChecks?: readonly string[] | undefined;
  /** Ended runs, their logs and skips are deleted after this. Default 30 days. */
  readonly retainFor?: Milliseconds;
  /** What imported jobs of namespaces may be. Default: everything is allowed. */
  readonly rules?: NamespaceRules | undefined;
  /** What is kept of each job, at most, beside its own `history`. Default: everything for `retainFor`. */
  readonly history?: JobHistory;
  /** Where notifications go, by name. Default: nowhere. */
  readonly channels?: ReadonlyMap<string, Channel>;
  /** Where the output of ended runs goes as well. Default: nowhere. */
  readonly archive?: OutputArchive | undefined;
  /** Gets the leader's metrics. Default: none are kept. */
  readonly registry?: Registry;
  /** Default `Date.now`. */
  readonly clock?: Clock;
  /** For tests. Default: the protocol's. */
  readonly timing?: Partial<LeaderTiming>;
}

/** What is kept of ended runs, their output, and skips. */
export interface Keeping {
  readonly retainFor: Milliseconds;
  /** Of each job, at most, beside its own `history`. */
  readonly history: JobHistory;
}

/** The role that this leader stands for. */
export const schedulerRole = 'scheduler';

/** Stands for election; while elected, keeps the epoch, accounts for every elapsed tick and clears up. */
export class Leader implements Service {
  readonly #options: LeaderOptions;
  readonly #clock: Clock;
  readonly #timing: LeaderTiming;
  readonly #metrics: LeaderMetrics;
  readonly #observations: Observations;
  readonly #election: Election;
  /** Before it this process saw nothing. */
  readonly #bornAt: Instant;
  #keeping: Keeping;
  /** Aborted, and made anew, when that changes. */
  #kept = new AbortController();
  #elections = 0;

  constructor(options: LeaderOptions) {
    const { coordinator, store, workers, master, logger, clockOk } = options;
    this.#options = options;
    this.#keeping = { retainFor: options.retainFor ?? thirtyDays, history: options.history ?? {} };
    this.#clock = options.clock ?? Date.now;
    this.#bornAt = this.#clock();
    this.#timing = { ...leaderTiming, ...options.timing };
    this.#metrics = leaderMetrics(options.registry);
    fromZero(this.#metrics.elections, 'role', [schedulerRole]);
    for (const channel of options.channels?.keys() ?? []) {
      for (const result of ['sent', 'retried', 'failed']) this.#metrics.notifications.inc({ channel, result }, 0);
    }
    resignedMetrics(this.#metrics, schedulerRole);
    this.#observations = new Observations(workers.history);
    this.#election = new Election({
      coordinator,
      logger,
      role: schedulerRole,
      candidate: master,
      nextTerm: async () => (await store.nextTerm(schedulerRole, master)).term,
      onElected: leadership => this.#lead(leadership),
      ...(clockOk !== undefined && { eligible: clockOk }),
      serviceChecks: options.serviceChecks,
    });
  }

  /** Resolves at once: the election goes on in the background. */
  async start(): Promise<void> {
    await this.#election.start();
  }

  /** Steps down; resolves when nothing of this leader is under way. */
  async stop(): Promise<void> {
    await this.#election.stop();
  }

  /** Whether this master is the leader now. */
  get leading(): boolean {
    return this.#election.leadership !== undefined;
  }

  /** The leader's clock. Who would act by one that was set just now steps down instead: ticks of a wrong hour are no ticks. */
  #trusted = (): Instant => {
    if (this.#options.clockOk?.() === false) {
      this.#election.resign(clockIsOff);
      throw new CronmeshError(ErrorCode.Unavailable, `${clockIsOff}: it decides nothing by it`, { retryable: true });
    }
    return this.#clock();
  };

  /** What is kept from now on; what is beyond it goes at once. */
  keep(keeping: Keeping): void {
    this.#keeping = keeping;
    this.#kept.abort();
    this.#kept = new AbortController();
  }

  async #lead(leadership: Leadership): Promise<void> {
    const { coordinator, store, logger } = this.#options;
    const office = new Office({
      coordinator,
      store,
      leadership,
      clock: this.#trusted,
      timing: this.#timing,
      logger: logger.child({ component: 'leader', term: leadership.term }),
      metrics: this.#metrics,
    });
    const stored = await store.getEpoch();
    this.#metrics.leader.set({ role: schedulerRole }, 1);
    this.#metrics.elections.inc({ role: schedulerRole });
    await Promise.all(
      this.#tasks(office, stored).map(async task => {
        try {
          await task;
        } catch (error) {
          if (leadership.signal.aborted) return;
          if (!isOver(error)) office.logger.error({ err: error }, 'the leader failed; it steps down');
          this.#election.resign((error as Error).message);
        }
      }),
    );
    resignedMetrics(this.#metrics, schedulerRole);
  }

  #tasks(office: Office, stored: StoredEpoch | undefined): Promise<void>[] {
    const { publisher, store, master, workers, freezes, clockOk, archive } = this.#options;
    const { signal, timing: every } = office;
    const observations = this.#observations;
    const epochs = new EpochKeeper(office, {
      master,
      observations,
      stored,
      onPastLost: async () => {
        await store.republishAll();
        // Before the next epoch begins: no worker works under it that has not read them.
        await freezes.publish();
      },
      onSaveError: error => {
        if (isOver(error)) this.#election.resign((error as Error).message);
        else office.logger.warn({ err: error }, 'the beat was not saved in the database');
      },
    });
    const { channels = new Map<string, Channel>() } = this.#options;
    const notified = new PolicyIndex(({ spec }) => spec.notify !== undefined && spec.notify.length > 0);
    const pausing = new PolicyIndex(spell => mayPause(spell.spec) && spell.paused === undefined);
    const awaited = new AwaitedJobs();
    const census = new Census();
    const agenda = new SpellAgenda(every.auditAfter, [notified, pausing, awaited, census]);
    const jobCounts = new JobCounts(office, { agenda, census, workers });
    const follower = new JobFollower(office, agenda);
    const catchups = new Catchups(office);
    const pauses = new Pauses(office, { jobs: pausing, publisher });
    const accounting = new Accounting({ office, agenda, epochs, observations, catchups, pauses, workers });
    const orphans = new Orphans(office, workers, epochs);
    const triggers = new Triggers({ office, agenda, epochs, workers, orphans, publisher });
    const retries = new Retries(office, { mayAsk: () => epochs.epoch !== undefined });
    const backfills = new Backfills({ office, epochs, publisher });
    const teller = new Teller(office, channels.keys());
    const chains = new Chains(office, { agenda, awaited, workers, onRuns: () => triggers.publish() });
    const endings = new Endings(office, [chains, pauses, new TellEnds(office, notified, teller)]);
    const times = new TellTimes(office, notified, teller);
    const sender = new Sender(office, { channels });
    const importer = new Importer({
      ...this.#options,
      clock: this.#clock,
      known: () => agenda.jobs(),
      compareEvery: every.compareEvery,
    });
    const again = (what: string, wait: Milliseconds, work: () => Promise<void>, wake?: () => AbortSignal) =>
      repeat(office, what, wait, work, wake);
    const kept = () => this.#kept.signal;
    const hold = () => archive && archiveHold(this.#clock());
    const trimming = () => trim(office, agenda.openSpells(), this.#keeping.history, hold);
    const withJobs = async (): Promise<void> => {
      await this.#prepare(office, stored, follower);
      await Promise.all([
        follower.follow(),
        again('the reload of all jobs', every.reloadEvery, () => follower.load()),
        again('the audit', every.auditEvery, () => accounting.pass()),
        again('the counting of jobs', every.sweepEvery, () => jobCounts.pass()),
        again('the clearing of triggers', every.clearEvery, () => triggers.clear()),
        again('the clearing of orphans', every.clearEvery, () => orphans.pass()),
        again('what follows from ended runs', every.sweepEvery, () => endings.pass()),
        again('what is to be told', every.tellEvery, () => times.pass()),
        again('the trimming of histories', every.retainEvery, trimming, kept),
        importer.run(signal),
        again('the comparison of keys', every.sweepEvery, () => importer.settleDoubts(signal)),
      ]);
    };
    return [
      epochs.run(),
      again('the guard of the clock', every.beatEvery, async () => {
        if (clockOk?.() === false) this.#election.resign(clockIsOff);
      }),
      again('the sweep of the outbox', every.sweepEvery, () => publisher.sweep(signal)),
      again('the publication of freezes', every.sweepEvery, () => freezes.publish()),
      again('the sweep of triggers', every.sweepEvery, async () => {
        await retries.pass();
        await triggers.publish();
      }),
      again('backfills', every.sweepEvery, () => backfills.pass()),
      again('retention', every.retainEvery, () => retain(office, this.#keeping.retainFor, hold), kept),
      ...(archive === undefined
        ? []
        : [again('the archiving of output', every.archiveEvery, () => archiveOutput(office, archive))]),
      again('the sending of notifications', every.sweepEvery, () => sender.pass()),
      again('cursors of deleted jobs', every.retainEvery, () => clearCursors(office)),
      again('lanes of dead workers', every.retainEvery, () => clearLanes(office, this.#options.workers)),
      withJobs(),
    ];
  }

  /** What the audit needs before its first look: every spell, the catalog, and what was before this process. */
  async #prepare(office: Office, stored: StoredEpoch | undefined, follower: JobFollower): Promise<void> {
    const { store, workers } = this.#options;
    await insist(office, 'the load of all jobs', () => follower.load());
    await Promise.race([workers.firstSight, pause(timing.liveWindow, office.signal)]);
    if (this.#elections++ > 0) return;
    await insist(office, 'the look back', async () => {
      const down = await findDowntime(store, stored, this.#bornAt, workers.list());
      if (down !== undefined) this.#observations.clusterDown(down.from, down.to);
    });
  }
}

const clockIsOff = "this master's clock is off";
const thirtyDays = 30 * 86_400_000;
