import { Counter, Gauge, Registry } from 'prom-client';
import { fromZero } from '../../observability/registry.ts';
import { skipsCounter } from '../../observability/skips.ts';

/** What the leader counts. */
export interface LeaderMetrics {
  /** Ticks without a run that the leader recorded, by reason. */
  readonly skips: Counter<'reason'>;
  readonly runsLost: Counter;
  /** Further attempts that were decided on, by the outcome of the attempt before. */
  readonly retries: Counter<'outcome'>;
  /** Jobs that paused themselves, by reason. */
  readonly pauses: Counter<'reason'>;
  /** Tries to deliver notifications. */
  readonly notifications: Counter<'channel' | 'result'>;
  /** The backlog. */
  readonly triggersWaiting: Gauge;
  /** How long the oldest of it has waited, in seconds. */
  readonly triggersOldest: Gauge;
  readonly elections: Counter<'role'>;
  readonly jobs: Gauge<'state'>;
  readonly jobsWithoutWorker: Gauge;
  readonly jobsFailing: Gauge;
  /** 1 on the master that has the role. */
  readonly leader: Gauge<'role'>;
  readonly epoch: Gauge;
  /** Jobs' spells that the leader accounts for. */
  readonly spells: Gauge;
  /** How long the oldest tick that is due for audit has waited, in seconds. */
  readonly auditLag: Gauge;
  /** How long the oldest ended run has waited for its output to be archived, in seconds. */
  readonly archiveLag: Gauge;
  readonly archivedRuns: Counter;
  /** Requests to the archive: accepted, or refused (in part) for good. */
  readonly archivePushes: Counter<'result'>;
}

/** Registers the leader's metrics; without a registry they are kept by nobody. */
export function leaderMetrics(registry: Registry = new Registry()): LeaderMetrics {
  const registers = [registry];
  return {
    skips: skipsCounter(registry),
    runsLost: new Counter({
      name: 'cronmesh_runs_lost_total',
      help: 'Runs closed as Lost: what became of them is not known',
      registers,
    }),
    retries: new Counter({
      name: 'cronmesh_run_retries_total',
      help: 'Further attempts at runs that were decided on, by the outcome of the attempt before',
      labelNames: ['outcome'],
      registers,
    }),
    pauses: new Counter({
      name: 'cronmesh_jobs_paused_total',
      help: 'Jobs that paused themselves, by reason',
      labelNames: ['reason'],
      registers,
    }),
    notifications: new Counter({
      name: 'cronmesh_notifications_total',
      help: 'Tries to deliver a notification, by channel and result (sent, retried, failed)',
      labelNames: ['channel', 'result'],
      registers,
    }),
    triggersWaiting: new Gauge({
      name: 'cronmesh_triggers_waiting',
      help: 'Runs that wait for a worker (the backlog), on the leader; 0 elsewhere',
      registers,
    }),
    triggersOldest: new Gauge({
      name: 'cronmesh_triggers_oldest_age_seconds',
      help: 'How long the oldest run of the backlog has waited for a worker, on the leader; 0 elsewhere',
      registers,
    }),
    elections: new Counter({
      name: 'cronmesh_elections_total',
      help: 'How often this master was elected',
      labelNames: ['role'],
      registers,
    }),
    jobs: new Gauge({
      name: 'cronmesh_jobs',
      help: 'Jobs by state (active, suspended, paused), on the leader; 0 elsewhere',
      labelNames: ['state'],
      registers,
    }),
    jobsWithoutWorker: new Gauge({
      name: 'cronmesh_jobs_without_worker',
      help: 'Active jobs that no ready worker may run, on the leader; 0 elsewhere',
      registers,
    }),
    jobsFailing: new Gauge({
      name: 'cronmesh_jobs_failing',
      help: 'Jobs, but suspended ones, whose newest 3 runs failed, on the leader (1,000 at most); 0 elsewhere',
      registers,
    }),
    leader: new Gauge({
      name: 'cronmesh_leader',
      help: 'Whether this master has the role',
      labelNames: ['role'],
      registers,
    }),
    epoch: new Gauge({ name: 'cronmesh_epoch', help: 'Number of the epoch, on the leader', registers }),
    spells: new Gauge({
      name: 'cronmesh_accounted_jobs',
      help: 'Spells of jobs that the leader accounts for',
      registers,
    }),
    auditLag: new Gauge({
      name: 'cronmesh_audit_lag_seconds',
      help: 'How long the oldest tick that is due for audit has waited',
      registers,
    }),
    archiveLag: new Gauge({
      name: 'cronmesh_output_archive_lag_seconds',
      help: 'How long the oldest ended run has waited for its output to be archived',
      registers,
    }),
    archivedRuns: new Counter({
      name: 'cronmesh_output_archived_runs_total',
      help: 'Runs whose output was archived; one that is archived anew counts again',
      registers,
    }),
    archivePushes: fromZero(
      new Counter({
        name: 'cronmesh_output_archive_pushes_total',
        help: 'Requests to Loki with output of runs: accepted, or refused for good, at least in part',
        labelNames: ['result'],
        registers,
      }),
      'result',
      ['accepted', 'refused'],
    ),
  };
}

/** What only a leader knows is shown by no one else. */
export function resignedMetrics(metrics: LeaderMetrics, role: string): void {
  metrics.leader.set({ role }, 0);
  for (const state of ['active', 'suspended', 'paused'] as const) metrics.jobs.set({ state }, 0);
  const { triggersWaiting, triggersOldest, jobsWithoutWorker, jobsFailing, spells, auditLag, archiveLag } = metrics;
  for (const gauge of [triggersWaiting, triggersOldest, jobsWithoutWorker, jobsFailing, spells, auditLag, archiveLag]) {
    gauge.set(0);
  }
}
