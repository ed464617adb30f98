import { Counter, Gauge, Registry } from 'prom-client';
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
  /** 1 on the master that has the role. */
  readonly leader: Gauge<'role'>;
  readonly epoch: Gauge;
  /** Jobs' spells that the leader accounts for. */
  readonly spells: Gauge;
  /** How long the oldest tick that is due for audit has waited, in seconds. */
  readonly auditLag: Gauge;
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
  };
}
