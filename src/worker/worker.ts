import { isDeepStrictEqual } from 'node:util';
import type { SessionId } from '../coordination/coordinator.ts';
import { lanePath } from '../coordination/keys.ts';
import type { KillRecord } from '../coordination/records.ts';
import { within } from '../coordination/within.ts';
import type { WorkerMeta } from '../coordination/worker-service.ts';
import type { JobKey } from '../domain/job/job.ts';
import type { Service } from '../domain/lifecycle.ts';
import type { Clock, Instant, Milliseconds } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';
import { noTracing } from '../observability/tracing.ts';
import { Agenda } from './agenda/agenda.ts';
import { Alarm } from './alarm.ts';
import { Beat } from './beat.ts';
import { Brakes } from './brakes.ts';
import { Callbacks } from './callbacks.ts';
import { Claimer } from './claims/claimer.ts';
import { Dispatcher } from './claims/dispatcher.ts';
import { handBack } from './claims/hand-back.ts';
import { handOver } from './claims/hand-over.ts';
import { HoldUps } from './claims/hold-ups.ts';
import { Lane } from './claims/lane.ts';
import { Losses } from './claims/losses.ts';
import type { ClaimContext } from './claims/proposal.ts';
import { Reader } from './claims/reader.ts';
import { Releases } from './claims/releases.ts';
import { Replacing } from './claims/replacing.ts';
import { Room } from './claims/room.ts';
import { Runs } from './claims/runs.ts';
import { SeenCache } from './claims/seen.ts';
import { Slots } from './claims/slots.ts';
import { Triggers } from './claims/triggers.ts';
import { ClockWatch } from './clock-watch.ts';
import { EpochGuard } from './epoch-guard.ts';
import { JobIntake } from './job-intake.ts';
import { watchKills } from './kills.ts';
import { WorkerMetrics } from './metrics.ts';
import { publishCatalog } from './modules/publish.ts';
import type { WorkerOptions, WorkerStatus } from './options.ts';
import { Peers } from './peers.ts';
import type { Supervisor } from './ports.ts';
import { reasonsAgainst } from './readiness.ts';
import { Recovery } from './recovery.ts';
import { WorkerRegistration } from './registration.ts';
import { Reports } from './reports.ts';
import { WorkerSession } from './worker-session.ts';

export type { WorkerOptions, WorkerStatus } from './options.ts';

/** Claim transactions under way at once: more only enlarge what a death leaves claimed and unstarted. */
const claimLanes = 2;
/** How long a stopping worker waits for Consul to take its locks back, once its runs have ended. */
const releaseWithin: Milliseconds = 5_000;
/** How soon ticks that were left while nothing could be claimed are looked at again. */
const lookEvery: Milliseconds = 100;
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
  readonly #clockWatch: ClockWatch;
  readonly #cache: SeenCache;
  readonly #slots: Slots;
  readonly #room: Room;
  readonly #reports: Reports;
  readonly #supervisor: Supervisor;
  readonly #peers: Peers;
  readonly #agenda: Agenda;
  readonly #intake: JobIntake;
  readonly #epoch: EpochGuard;
  readonly #session: WorkerSession;
  readonly #registration: WorkerRegistration;
  readonly #beat: Beat;
  readonly #brakes: Brakes;
  readonly #claimer: Claimer;
  readonly #callbacks: Callbacks;
  readonly #runs: Runs;
  readonly #releases: Releases;
  readonly #dispatcher: Dispatcher;
  readonly #triggers: Triggers;
  readonly #recovery: Recovery;
  readonly #lanes: readonly Lane[];
  readonly #stopping = new AbortController();
  readonly #loaded = Promise.withResolvers<void>();
  #meta: WorkerMeta;
  #started = false;
  #stopped: Promise<void> | undefined;
  #draining = false;
  #killWatch: Promise<void> | undefined;
  #abilityTimer: NodeJS.Timeout | undefined;
  #wasAble = false;
  /** When the leader made its newest beat that was seen; before the first, when this worker was made. */
  #beatSeen: Instant;

  constructor(options: WorkerOptions) {
    const { id, coordinator, clock = Date.now } = options;
    this.#beatSeen = clock();
    const logger = options.logger.child({ component: 'worker', worker: id });
    this.#options = options;
    this.#meta = {
      name: options.name,
      labels: options.labels,
      executors: options.executors,
      kubernetes: options.kubernetes,
      modules: options.modules ?? [],
      customs: options.customs ?? [],
      ...(options.catalog !== undefined && { catalog: options.catalog.hash }),
      capacity: options.capacity,
      version: options.version,
    };
    this.#clock = clock;
    this.#log = logger;
    this.#alarm = new Alarm(clock, error => logger.error({ err: error }, 'an appointment failed'));
    this.#cache = new SeenCache(clock);
    this.#slots = new Slots(clock);
    this.#reports = new Reports(options.spool, logger);
    this.#clockWatch = new ClockWatch({
      clock,
      onStep: () => this.#agenda.replan(),
      onVerdict: () => void this.#registration.refresh(),
      logger,
    });
    this.#brakes = new Brakes({ coordinator, name: options.name, onChange: () => this.#onBrakes(), logger });
    this.#room = new Room(options.capacity, () => {
      this.#dispatcher.onRoom();
      this.#triggers.look();
    });
    const metrics = new WorkerMetrics(options.registry, {
      capacity: () => this.#room.capacity,
      used: () => this.#room.used,
      jobs: () => this.#agenda.size,
      cordoned: () => this.#brakes.cordon !== undefined,
      ready: () => this.#reasons().length === 0,
      watchLag: () => clock() - this.#beatSeen,
      ...(options.perJob !== undefined && { perJob: options.perJob }),
    });
    const onStaleJob = (job: Parameters<JobIntake['refresh']>[0]) => this.#intake.refresh(job);
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
    // Read under an earlier form, which slots there were, and whose, is not known any more.
    const onChange = (job: Parameters<SeenCache['forget']>[0]) => this.#cache.forget(job);
    this.#intake = new JobIntake({
      coordinator,
      traits: () => this.#meta,
      agenda: this.#agenda,
      peers: this.#peers,
      onChange,
      logger,
    });
    const lanes = Array.from({ length: claimLanes }, (_, lane) => new Lane(lanePath(id, lane)));
    const beatLane = new Lane(lanePath(id, 'beat'));
    this.#lanes = [...lanes, beatLane];
    this.#epoch = new EpochGuard({
      coordinator,
      clock,
      logger,
      onHeld: () => this.#onHeld(),
      prepare: async epoch => {
        await this.#loaded.promise;
        await this.#recovery.prepare(epoch);
      },
      onWorking: () => this.#look(),
      onBeat: (epoch, arrived) => {
        this.#beatSeen = epoch.at;
        this.#clockWatch.sample(`leader ${epoch.leader}`, epoch.at, arrived);
      },
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
      epoch: () => this.#epoch.working,
      onHeard: (shown, under, sent) => {
        if (this.#epoch.accepts(shown, under)) this.#epoch.heard(sent);
      },
      onPast,
      standing: () => ({ running: this.#room.used, ...(this.#brakes.cordon !== undefined && { cordoned: true }) }),
      peers: () => [...this.#peers.workers.keys()].filter(peer => peer !== id),
      onClock: (source, shown, ours) => this.#clockWatch.sample(source, shown, ours),
      logger,
    });
    this.#callbacks = new Callbacks({ ...shared, supervisor: this.#supervisor, baseUrl: options.callbackUrl });
    this.#runs = new Runs({
      worker: id,
      supervisor: this.#supervisor,
      callbacks: this.#callbacks,
      reports: this.#reports,
      clock,
      session: () => this.#session.id,
      onRoom: () => this.#room.give(),
      release: held => this.#releases.add(held),
      handBack: async held => {
        const done = await handBack({ ...shared, standing: () => this.#standing() }, held);
        if (done) this.#slots.free(held.lockKey);
        return done;
      },
      handOver: async held => {
        await handOver(shared, held);
        this.#slots.free(held.lockKey);
      },
      metrics,
      tracing: options.tracing ?? noTracing,
      logger,
    });
    const holdUps = new HoldUps({
      ...shared,
      cache: this.#cache,
      reports: this.#reports,
      job: key => this.#agenda.job(key),
      epochFloor: () => this.#epoch.working?.floor ?? Number.NEGATIVE_INFINITY,
      freezes: () => this.#brakes.freezes,
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
      replacing: new Replacing(shared),
      reports: this.#reports,
    };
    this.#dispatcher = new Dispatcher({ ...claiming, agenda: this.#agenda });
    this.#triggers = new Triggers({ ...claiming, name: options.name, job: key => this.#agenda.job(key) });
    this.#registration = new WorkerRegistration({
      coordinator,
      id,
      meta: () => this.#meta,
      address: options.address ?? '',
      healthAddress: options.healthAddress,
      reasons: () => this.#reasons(),
      logger,
    });
    this.#session = new WorkerSession({
      coordinator,
      id,
      supervisor: this.#supervisor,
      epoch: () => this.#epoch.number,
      onLost: () => void this.#registration.refresh(),
      clock,
      logger,
    });
    this.#recovery = new Recovery({
      coordinator,
      lanes: this.#lanes,
      claimer: this.#claimer,
      beat: this.#beat,
      session: this.#session,
      supervisor: this.#supervisor,
      cache: this.#cache,
      intake: this.#intake,
      brakes: this.#brakes,
      triggers: this.#triggers,
      slots: this.#slots,
      runs: this.#runs,
      onHeard: sent => this.#epoch.heard(sent),
      clock,
      logger,
    });
  }

  /** Resolves when jobs are loaded, the session is there and the service is registered; being ready may come later. */
  async start(): Promise<void> {
    this.#started = true;
    await this.#supervisor.start();
    await publishCatalog(this.#options);
    await this.#registration.start();
    if (this.#draining) return;
    this.#epoch.start();
    this.#peers.start();
    this.#brakes.start();
    this.#clockWatch.start();
    this.#abilityTimer = setInterval(() => this.#look(), lookEvery);
    await this.#session.start();
    const { signal } = this.#stopping;
    const onKills = (kills: readonly KillRecord[]) => this.#runs.setKills(kills);
    this.#killWatch = watchKills(this.#options.coordinator, { onKills, signal, logger: this.#log });
    await this.#intake.start();
    this.#loaded.resolve();
    // `stop` came first, and what is started from here on would never be stopped.
    if (this.#draining) return;
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

  /**
   * Changes what the worker takes, while it runs: the catalog says it, so that all workers rank by it; jobs that it may
   * run now come in, and others go. What is going goes on.
   */
  async reconfigure({ capacity, labels }: Pick<WorkerMeta, 'capacity' | 'labels'>): Promise<void> {
    const relabelled = !isDeepStrictEqual(labels, this.#meta.labels);
    this.#meta = { ...this.#meta, capacity, labels };
    this.#room.capacity = capacity;
    await this.#registration.renew();
    if (relabelled && this.#intake.isLoaded) await this.#intake.reread();
    this.#triggers.look();
  }

  status(): WorkerStatus {
    const { id, name } = this.#options;
    const reasons = this.#reasons();
    const session = this.#session.id;
    const epoch = this.#epoch.number;
    const { offset } = this.#clockWatch;
    return {
      id,
      name,
      ready: reasons.length === 0,
      reasons,
      running: this.#room.used,
      capacity: this.#room.capacity,
      held: this.#epoch.held,
      draining: this.#draining,
      cordoned: this.#brakes.cordon !== undefined,
      jobs: this.#agenda.size,
      ...(session !== undefined && { session }),
      ...(epoch !== undefined && { epoch }),
      ...(offset !== undefined && { clockOffset: Math.round(offset) }),
    };
  }

  /**
   * The revision of each job that it holds: those that it may run, suspended ones too. What it is not eligible for, or
   * whose schedule this version cannot read, is not among them.
   */
  jobs(): Record<JobKey, number> {
    return Object.fromEntries(Array.from(this.#agenda.entries(), ({ key, revision }) => [key, revision]));
  }

  async #stop(): Promise<void> {
    this.#draining = true;
    this.#log.info({ running: this.#runs.size }, 'draining');
    this.#loaded.resolve();
    await this.#registration.refresh();
    this.#agenda.stop();
    this.#supervisor.detach();
    await within(
      this.#options.drain,
      this.#claimer.idle().then(() => {
        // What was claimed a moment ago, too.
        this.#supervisor.detach();
        return this.#runs.idle();
      }),
    );
    await this.#supervisor.stop({ grace: endingGrace });
    await within(
      releaseWithin,
      this.#runs.idle().then(() => this.#releases.idle()),
    );
    this.#stopping.abort();
    this.#clockWatch.stop();
    clearInterval(this.#abilityTimer);
    this.#alarm.clear();
    this.#dispatcher.stop();
    await Promise.all([
      this.#triggers.stop(),
      this.#beat.stop(),
      this.#intake.stop(),
      this.#epoch.stop(),
      this.#peers.stop(),
      this.#brakes.stop(),
      this.#killWatch,
      this.#callbacks.stop(),
    ]);
    await this.#session.stop();
    await within(releaseWithin, this.#recovery.leave());
    await this.#registration.stop();
    this.#alarm.clear();
    this.#log.info('stopped');
  }

  /** Under what claims are made now; undefined while none are. */
  #context(): ClaimContext | undefined {
    const epoch = this.#epoch.working;
    const session = this.#session.valid;
    const able = epoch !== undefined && session !== undefined && this.#reasons().length === 0;
    // Whoever asked is turned away now, and is called again, however short this lasts.
    if (!able) this.#wasAble = false;
    const { since, settled } = this.#epoch;
    const { freezes } = this.#brakes;
    return able ? { epoch, session, now: this.#clock(), since, settled, freezes } : undefined;
  }

  #standing(): { readonly session: SessionId; readonly epoch: number } | undefined {
    const epoch = this.#epoch.working;
    const session = this.#session.valid;
    if (epoch === undefined || session === undefined) return undefined;
    return { session, epoch: epoch.number };
  }

  #reasons(): readonly string[] {
    return reasonsAgainst({
      started: this.#started,
      draining: this.#draining,
      brakes: this.#brakes,
      session: this.#session,
      intake: this.#intake,
      epoch: this.#epoch,
      clock: this.#clockWatch,
      reports: this.#reports,
      supervisor: this.#supervisor,
    });
  }

  #onPeers(gone: Parameters<Dispatcher['onGone']>[0]): void {
    this.#dispatcher.onGone(gone);
    this.#triggers.look();
  }

  /** Frozen or thawed, cordoned or not: what was left is looked at again, and what was cordoned leaves the ranks at once. */
  #onBrakes(): void {
    void this.#registration.refresh();
    if (this.#brakes.cordon?.drain) {
      this.#supervisor.detach();
      // What was claimed a moment ago, too.
      void this.#claimer.idle().then(() => {
        if (this.#brakes.cordon?.drain) this.#supervisor.detach();
      });
    }
    if (this.#context() !== undefined) this.#onWorking();
  }

  /** Whatever kept it from claiming is over: an outage, a lease, the clock, the disk, a cordon. */
  #look(): void {
    const able = this.#context() !== undefined;
    if (able && !this.#wasAble) this.#onWorking();
    this.#wasAble = able;
  }

  #onWorking(): void {
    // A Consul that lost its past has lost this, too.
    void publishCatalog(this.#options);
    void this.#registration.refresh();
    this.#dispatcher.resume();
    this.#triggers.look();
  }

  /** Nothing is claimed from here on; what must not overlap and has lost its lock ends at once. */
  #onHeld(): void {
    void this.#registration.refresh();
    this.#session.renewNow();
    this.#recovery.checkLocks().catch(error => {
      this.#log.warn({ err: error }, 'the locks of exclusive runs could not be looked at yet');
    });
  }
}
