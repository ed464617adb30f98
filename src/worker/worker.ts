import { setTimeout as delay } from 'node:timers/promises';
import type { SessionId } from '../coordination/coordinator.ts';
import { JobFeed } from '../coordination/feed.ts';
import { lanePath, prefix } from '../coordination/keys.ts';
import { monotonicNow } from '../coordination/monotonic.ts';
import { decode, type EpochRecord, type JobRecord, type KillRecord } from '../coordination/records.ts';
import { SessionKeeper, type SessionLease } from '../coordination/session.ts';
import { watchList } from '../coordination/watch.ts';
import type { JobKey } from '../domain/job/job.ts';
import type { Service } from '../domain/lifecycle.ts';
import { isEligible } from '../domain/policy/eligibility.ts';
import { timing } from '../domain/policy/timing.ts';
import type { Clock, Instant, Milliseconds } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';
import { Agenda } from './agenda/agenda.ts';
import { toEntry } from './agenda/entry.ts';
import { Alarm } from './alarm.ts';
import { Beat } from './beat.ts';
import { Claimer } from './claims/claimer.ts';
import { Dispatcher } from './claims/dispatcher.ts';
import { handBack } from './claims/hand-back.ts';
import { HoldUps } from './claims/hold-ups.ts';
import { Lane } from './claims/lane.ts';
import { Losses } from './claims/losses.ts';
import type { ClaimContext } from './claims/proposal.ts';
import { Reader } from './claims/reader.ts';
import { Releases } from './claims/releases.ts';
import { Room } from './claims/room.ts';
import { Runs } from './claims/runs.ts';
import { SeenCache } from './claims/seen.ts';
import { Slots } from './claims/slots.ts';
import { Triggers } from './claims/triggers.ts';
import { ClockGuard } from './clock-guard.ts';
import { EpochGuard } from './epoch-guard.ts';
import { WorkerMetrics } from './metrics.ts';
import type { WorkerOptions, WorkerStatus } from './options.ts';
import { Peers } from './peers.ts';
import type { Supervisor } from './ports.ts';
import { Recovery } from './recovery.ts';
import { aliveCheck, Registration } from './registration.ts';
import { Reports } from './reports.ts';

export type { WorkerOptions, WorkerStatus } from './options.ts';

/** Claim transactions under way at once: more only enlarge what a death leaves claimed and unstarted. */
const claimLanes = 2;
/** How long a stopping worker waits for Consul to take its locks back, once its runs have ended. */
const releaseWithin: Milliseconds = 5_000;
/** What still runs at the end of the drain gets TERM, and KILL this much later. */
const endingGrace: Milliseconds = 5_000;

/**
 * A worker: holds the jobs it is eligible for, claims their ticks, has them run by its supervisor, reports what becomes
 * of them, and gives the locks back. Its parts do the work; this class wires them, and starts and stops them in order.
 */
export class Worker implements Service {
  readonly #options: WorkerOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #alarm: Alarm;
  readonly #clockGuard = new ClockGuard({ monotonic: monotonicNow });
  readonly #cache: SeenCache;
  readonly #slots: Slots;
  readonly #room: Room;
  readonly #reports: Reports;
  readonly #supervisor: Supervisor;
  readonly #peers: Peers;
  readonly #agenda: Agenda;
  readonly #feed: JobFeed;
  readonly #epoch: EpochGuard;
  readonly #keeper: SessionKeeper;
  readonly #registration: Registration;
  readonly #beat: Beat;
  readonly #claimer: Claimer;
  readonly #runs: Runs;
  readonly #releases: Releases;
  readonly #dispatcher: Dispatcher;
  readonly #triggers: Triggers;
  readonly #recovery: Recovery;
  readonly #lanes: readonly Lane[];
  readonly #stopping = new AbortController();
  readonly #stale = new Set<JobKey>();
  readonly #loaded = Promise.withResolvers<void>();
  #isLoaded = false;
  #started = false;
  #stopped: Promise<void> | undefined;
  #draining = false;
  #cordoned = false;
  #leaseUntil: Milliseconds = Number.NEGATIVE_INFINITY;
  #clockReason: string | undefined;
  #everySecond: NodeJS.Timeout | undefined;
  #killWatch: Promise<void> | undefined;
  /** The first preparation finds the jobs just read. */
  #prepared = false;

  constructor(options: WorkerOptions) {
    const { id, coordinator, clock = Date.now } = options;
    const logger = options.logger.child({ component: 'worker', worker: id });
    this.#options = options;
    this.#clock = clock;
    this.#log = logger;
    this.#alarm = new Alarm(clock, error => logger.error({ err: error }, 'an appointment failed'));
    this.#cache = new SeenCache(clock);
    this.#slots = new Slots(clock);
    this.#reports = new Reports(options.spool, logger);
    this.#room = new Room(options.capacity, () => this.#onRoom());
    const metrics = new WorkerMetrics(options.registry, {
      capacity: options.capacity,
      used: () => this.#room.used,
      jobs: () => this.#agenda.size,
    });
    const onStaleJob = (job: JobKey) => this.#refreshLater(job);
    const context = () => this.#context();
    const { signal } = this.#stopping;
    const shared = { worker: id, coordinator, clock, logger, metrics, context, onStaleJob, signal, alarm: this.#alarm };

    this.#supervisor = options.supervisor(message => this.#runs.onMessage(message));
    this.#peers = new Peers({ coordinator, logger, onChange: gone => this.#onPeers(gone) });
    this.#agenda = new Agenda({
      clock,
      alarm: this.#alarm,
      onAhead: dues => this.#dispatcher.ahead(dues),
      onDue: dues => this.#dispatcher.due(dues),
    });
    this.#feed = new JobFeed({
      coordinator,
      logger,
      onJob: (key, record, index) => this.#takeJob(key, record, index),
    });
    const lanes = Array.from({ length: claimLanes }, (_, lane) => new Lane(lanePath(id, lane)));
    const beatLane = new Lane(lanePath(id, 'beat'));
    this.#lanes = [...lanes, beatLane];
    this.#epoch = new EpochGuard({
      coordinator,
      clock,
      logger,
      onHeld: () => this.#onHeld(),
      prepare: epoch => this.#prepare(epoch),
      onWorking: () => this.#onWorking(),
      onBeat: (epoch, arrived) => this.#clockGuard.sample(`leader ${epoch.leader}`, epoch.at, arrived),
    });
    const onPast = (why: string, under: number) => this.#epoch.hold(why, under);
    this.#claimer = new Claimer({
      coordinator,
      lanes,
      context,
      accepts: (entry, sentUnder) => this.#epoch.accepts(entry, sentUnder),
      onPast,
      onQuiet: () => this.#releases.flush(),
      signal,
      logger,
    });
    this.#beat = new Beat({
      coordinator,
      lane: beatLane,
      clock,
      epoch: () => this.#epoch.working?.number,
      onPast,
      peers: () => [...this.#peers.workers.keys()].filter(peer => peer !== id),
      onClock: (source, shown, ours) => this.#clockGuard.sample(source, shown, ours),
      logger,
    });
    this.#runs = new Runs({
      worker: id,
      supervisor: this.#supervisor,
      reports: this.#reports,
      clock,
      session: () => this.#keeper.session,
      onRoom: () => this.#room.give(),
      release: held => this.#releases.add(held),
      handBack: async held => {
        const done = await handBack({ ...shared, standing: () => this.#standing() }, held);
        if (done) this.#slots.free(held.lockKey);
        return done;
      },
      metrics,
      logger,
    });
    const holdUps = new HoldUps({
      ...shared,
      cache: this.#cache,
      reports: this.#reports,
      job: key => this.#agenda.job(key),
      epochFloor: () => this.#epoch.working?.floor ?? Number.NEGATIVE_INFINITY,
    });
    this.#releases = new Releases({
      coordinator,
      claimsWait: () => this.#claimer.waiting > 0,
      isKilled: ({ run }) => this.#runs.isKilled(run),
      holdUps,
      onReleased: held => {
        this.#slots.free(held.lockKey);
        this.#dispatcher.onReleased(held);
        if (held.entry.slots !== undefined) this.#triggers.look();
      },
      signal,
      logger,
    });
    const claiming = {
      ...shared,
      peers: this.#peers,
      reader: new Reader(coordinator, this.#cache, clock, logger),
      cache: this.#cache,
      claimer: this.#claimer,
      slots: this.#slots,
      room: this.#room,
      runs: this.#runs,
      losses: new Losses(shared),
      reports: this.#reports,
    };
    this.#dispatcher = new Dispatcher({ ...claiming, agenda: this.#agenda });
    this.#triggers = new Triggers({ ...claiming, job: key => this.#agenda.job(key) });
    this.#recovery = new Recovery({ coordinator, lanes: this.#lanes, slots: this.#slots, runs: this.#runs, logger });
    this.#registration = new Registration({
      coordinator,
      id,
      meta: {
        name: options.name,
        labels: options.labels,
        executors: options.executors,
        capacity: options.capacity,
        version: options.version,
      },
      healthAddress: options.healthAddress,
      reasons: () => this.#reasons(),
      logger,
    });
    this.#keeper = new SessionKeeper({
      coordinator,
      logger,
      session: {
        name: id,
        ttl: timing.sessionTtl,
        lockDelay: timing.lockDelay,
        serviceChecks: [aliveCheck(id)],
      },
      onSession: session => this.#supervisor.session(session, this.#epoch.number),
      onLease: lease => this.#onLease(lease),
      onLost: () => this.#onSessionLost(),
      clock,
    });
  }

  /** Resolves when jobs are loaded, the session is there and the service is registered; being ready may come later. */
  async start(): Promise<void> {
    this.#started = true;
    await this.#supervisor.start();
    await this.#registration.start();
    if (this.#draining) return;
    this.#epoch.start();
    this.#peers.start();
    this.#everySecond = setInterval(() => this.#look(), 1_000);
    await this.#keeper.start();
    this.#killWatch = this.#watchKills();
    await this.#feed.start();
    this.#loaded.resolve();
    // `stop` came first, and what is started from here on would never be stopped.
    if (this.#draining) return;
    this.#isLoaded = true;
    this.#agenda.start();
    this.#triggers.start();
    this.#beat.start();
    this.#log.info({ jobs: this.#agenda.size }, 'started');
  }

  /** Drains: claiming stops, runs finish within `drain`, locks are released, the session and the service go. */
  stop(): Promise<void> {
    this.#stopped ??= this.#started ? this.#stop() : Promise.resolve();
    return this.#stopped;
  }

  /** Takes no more work (`false` takes it up again); runs go on. */
  cordon(on = true): void {
    this.#cordoned = on;
    void this.#registration.refresh();
    if (!on) this.#onWorking();
  }

  status(): WorkerStatus {
    const { id, name, capacity } = this.#options;
    const reasons = this.#reasons();
    const { session } = this.#keeper;
    const epoch = this.#epoch.number;
    const { offset } = this.#clockGuard;
    return {
      id,
      name,
      ready: reasons.length === 0,
      reasons,
      running: this.#room.used,
      capacity,
      held: this.#epoch.held,
      draining: this.#draining,
      cordoned: this.#cordoned,
      jobs: this.#agenda.size,
      ...(session !== undefined && { session }),
      ...(epoch !== undefined && { epoch }),
      ...(offset !== undefined && { clockOffset: Math.round(offset) }),
    };
  }

  async #stop(): Promise<void> {
    this.#draining = true;
    this.#log.info({ running: this.#runs.size }, 'draining');
    this.#loaded.resolve();
    await this.#registration.refresh();
    this.#agenda.stop();
    const drained = new AbortController();
    const end = delay(this.#options.drain, undefined, { signal: drained.signal }).catch(() => {});
    await Promise.race([this.#claimer.idle().then(() => this.#runs.idle()), end]);
    drained.abort();
    await this.#supervisor.stop({ grace: endingGrace });
    await this.#withinTime(this.#runs.idle().then(() => this.#releases.idle()));
    this.#stopping.abort();
    clearInterval(this.#everySecond);
    this.#alarm.clear();
    this.#dispatcher.stop();
    await Promise.all([
      this.#triggers.stop(),
      this.#beat.stop(),
      this.#feed.stop(),
      this.#epoch.stop(),
      this.#peers.stop(),
      this.#killWatch,
    ]);
    await this.#keeper.stop();
    await this.#withinTime(this.#leave());
    await this.#registration.stop();
    this.#alarm.clear();
    this.#log.info('stopped');
  }

  /** The locks are gone by now; what is left are the session and the lanes, which nobody else removes. */
  async #leave(): Promise<void> {
    const { coordinator } = this.#options;
    const { session } = this.#keeper;
    try {
      if (session !== undefined) await coordinator.destroySession(session);
      await coordinator.transact(this.#lanes.map(({ key }) => ({ verb: 'delete', key })));
    } catch (error) {
      this.#log.warn({ err: error }, 'the session ends by its time-out: it could not be destroyed');
    }
  }

  async #withinTime(work: Promise<void>): Promise<void> {
    const done = new AbortController();
    const end = delay(releaseWithin, undefined, { signal: done.signal }).catch(() => {});
    await Promise.race([work, end]);
    done.abort();
  }

  /** Under what claims are made now; undefined while none are. */
  #context(): ClaimContext | undefined {
    const standing = this.#standing();
    const epoch = this.#epoch.working;
    if (standing === undefined || epoch === undefined || this.#draining || this.#cordoned) return undefined;
    if (this.#clockReason !== undefined || this.#reports.reason !== undefined || !this.#supervisor.ready) {
      return undefined;
    }
    return { epoch, session: standing.session, now: this.#clock() };
  }

  /** The session, while its lease is good for new runs. */
  #standing(): { readonly session: SessionId; readonly epoch: number } | undefined {
    const epoch = this.#epoch.working;
    const { session } = this.#keeper;
    if (epoch === undefined || session === undefined || monotonicNow() > this.#leaseUntil - timing.fenceGrace) {
      return undefined;
    }
    return { session, epoch: epoch.number };
  }

  #reasons(): readonly string[] {
    if (!this.#started) return ['it has not been started'];
    const reasons = [
      this.#draining ? 'it is stopping' : undefined,
      this.#cordoned ? 'it is cordoned' : undefined,
      this.#keeper.session === undefined ? 'it has no session' : undefined,
      this.#isLoaded ? undefined : 'the jobs are being read',
      this.#epoch.reason,
      this.#clockReason,
      this.#reports.reason,
      this.#supervisor.ready ? undefined : 'its supervisor is being started',
    ];
    return reasons.filter(reason => reason !== undefined);
  }

  #takeJob(key: JobKey, record: JobRecord | undefined, index: number): void {
    const { labels, executors } = this.#options;
    if (record === undefined || !isEligible({ labels, executors }, record.spec)) {
      this.#agenda.remove(key);
      return;
    }
    const known = this.#agenda.job(key);
    if (known?.index === index && known.uid === record.uid && known.revision === record.revision) return;
    try {
      this.#agenda.set(toEntry(record, index, this.#peers.classOf(record.spec)));
    } catch (error) {
      this.#log.error({ err: error, job: key }, 'a job is left out: its schedule cannot be read by this version');
      this.#agenda.remove(key);
    }
  }

  /** A claim found that a job's key has moved: its newer form is read at once, many together. */
  #refreshLater(job: JobKey): void {
    if (this.#stale.size === 0) {
      setImmediate(() => {
        const jobs = [...this.#stale];
        this.#stale.clear();
        this.#feed.refresh(jobs).catch(error => this.#log.debug({ err: error }, 'jobs could not be read again'));
      });
    }
    this.#stale.add(job);
  }

  #onRoom(): void {
    this.#dispatcher.onRoom();
    this.#triggers.look();
  }

  #onPeers(gone: Parameters<Dispatcher['onGone']>[0]): void {
    this.#dispatcher.onGone(gone);
    this.#triggers.look();
  }

  #onWorking(): void {
    void this.#registration.refresh();
    this.#dispatcher.resume();
    this.#triggers.look();
  }

  /** Nothing is claimed from here on; what must not overlap and has lost its lock ends at once. */
  #onHeld(): void {
    void this.#registration.refresh();
    this.#keeper.renewNow();
    const { session } = this.#keeper;
    if (session === undefined) return;
    this.#recovery.checkLocks(session).catch(error => {
      this.#log.warn({ err: error }, 'the locks of exclusive runs could not be looked at yet');
    });
  }

  async #prepare(epoch: EpochRecord): Promise<void> {
    const { coordinator } = this.#options;
    await this.#loaded.promise;
    await this.#claimer.idle();
    await this.#beat.idle();
    const { session } = this.#keeper;
    if (session === undefined || !(await coordinator.sessionExists(session))) {
      this.#keeper.renewNow();
      throw new Error('there is no session yet');
    }
    await this.#recovery.adoptLanes();
    await this.#recovery.settleLocks(session);
    this.#cache.clear();
    if (this.#prepared) {
      await this.#feed.resync();
      await this.#triggers.reread();
    }
    this.#prepared = true;
    this.#supervisor.session(session, epoch.number);
  }

  #onLease({ session, sentMonotonic, sentWall }: SessionLease): void {
    if (session !== this.#keeper.session) return;
    this.#leaseUntil = sentMonotonic + timing.fence;
    this.#supervisor.lease({ monotonic: this.#leaseUntil, wall: sentWall + timing.fence });
  }

  /** Its locks are gone: the supervisor ends what is exclusive. */
  #onSessionLost(): void {
    this.#leaseUntil = Number.NEGATIVE_INFINITY;
    this.#supervisor.session(undefined, this.#epoch.number);
    void this.#registration.refresh();
  }

  /** Each second: the clock. */
  #look(): void {
    const now: Instant = this.#clock();
    const stepped = this.#clockGuard.step(now);
    if (stepped !== 0) {
      this.#log.warn(
        { by: Math.round(stepped) },
        'the clock was stepped, or the machine slept: ticks are planned anew',
      );
      this.#agenda.replan();
    }
    const before = this.#clockReason;
    this.#clockReason = this.#clockGuard.reason;
    if (before !== this.#clockReason && (before === undefined || this.#clockReason === undefined)) {
      if (this.#clockReason === undefined) this.#onWorking();
      else void this.#registration.refresh();
    }
  }

  #watchKills(): Promise<void> {
    return watchList(this.#options.coordinator, prefix.killer, {
      signal: this.#stopping.signal,
      onChange: entries => {
        const kills: KillRecord[] = [];
        for (const entry of entries) {
          try {
            kills.push(decode<KillRecord>(entry));
          } catch (error) {
            this.#log.error({ err: error, key: entry.key }, 'a kill is left alone: it cannot be read');
          }
        }
        this.#runs.setKills(kills);
      },
      onError: (error, attempt) => this.#log.warn({ err: error, attempt }, 'the kills cannot be read; trying again'),
    });
  }
}
