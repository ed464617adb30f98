import type { Registry } from 'prom-client';
import type { Clock } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { BackfillService } from '../services/backfills.ts';
import type { CalendarService } from '../services/calendars/calendars.ts';
import type { CallbackService } from '../services/callbacks.ts';
import type { Changes } from '../services/changes.ts';
import type { CordonService } from '../services/cordons.ts';
import type { DryRuns } from '../services/dry-run.ts';
import type { FreezeService } from '../services/freezes.ts';
import type { JobService } from '../services/jobs.ts';
import type { RunService } from '../services/runs.ts';
import type { StandingService } from '../services/standing.ts';
import type { WhyService } from '../services/why/why.ts';
import type { WorkerView } from '../services/workers.ts';
import type { Access } from './access.ts';

/** Whether the process can do its work, and if not, why: one sentence a reason. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

/** What the REST API and the page are made of. */
export interface AppDependencies {
  readonly jobs: JobService;
  readonly calendars: CalendarService;
  readonly runs: RunService;
  readonly dryRuns: DryRuns;
  readonly backfills: BackfillService;
  readonly why: WhyService;
  readonly freezes: FreezeService;
  readonly cordons: CordonService;
  /** What keeps jobs from running now. */
  readonly standing: StandingService;
  readonly callbacks: CallbackService;
  /** How many callbacks are taken a second, asked at each. Default 200. */
  readonly callbacksPerSecond?: () => number;
  readonly clock: Clock;
  /** `current`: whether the list is what the catalog shows now, or only what it last showed. */
  readonly workers: { readonly current: boolean; list(): readonly WorkerView[] };
  readonly changes: Changes;
  readonly readiness: () => Readiness;
  /** What `/metrics` shows. */
  readonly registry: Registry;
  readonly logger: Logger;
  /**
   * Names by which this server may be asked for, without ports. With it, a request for any other name is refused: on
   * a laptop, where nobody logs in, this keeps foreign web pages out (DNS rebinding). Without it, every name is served.
   */
  readonly hosts?: readonly string[];
  /** Who may do what. Without it, everybody everything. */
  readonly access?: Access | undefined;
  /** A folder whose files go before those of the page: for working on it. */
  readonly pageOverlay?: string | undefined;
  /** Aborts when the server stops: open event streams then end. */
  readonly stopping?: AbortSignal;
}
