import type { CalendarSpec } from '../domain/calendar/spec.ts';
import type { ManifestInput } from '../domain/job/spec.ts';

/** The API's answers, as far as the commands read them. Instants are RFC 3339. */

export interface RunView {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly trigger: string;
  readonly tick?: string;
  readonly state: string;
  readonly attempt: number;
  readonly member?: { readonly index: number; readonly count: number; readonly worker?: string };
  readonly worker?: string;
  readonly requestedAt: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly httpStatus?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly progress?: number;
  readonly progressMessage?: string;
  readonly progressAt?: string;
  readonly lastOutcome?: string;
  readonly nextAttemptAt?: string;
  readonly chain?: string;
  readonly upstream?: readonly string[];
}

/** A job that a job comes after, or that comes after it. */
export interface ChainLinkView {
  readonly job: string;
  readonly outcome: string;
  readonly exists: boolean;
  readonly arrived?: { readonly run: string; readonly state: string; readonly at: string };
}

export interface ChainLinksView {
  readonly upstreams: readonly ChainLinkView[];
  readonly downstreams: readonly ChainLinkView[];
}

/** What `trigger` answers: of a job with placement All or Shards all of its runs. */
export interface AskedRunView extends RunView {
  readonly runs?: readonly RunView[];
}

export interface JobView extends ManifestInput {
  readonly metadata: ManifestInput['metadata'] & {
    readonly namespace: string;
    readonly uid: string;
    readonly revision: number;
    readonly creationTimestamp: string;
  };
  readonly status: {
    readonly source: string;
    readonly updatedAt: string;
    readonly floor: string;
    readonly nextTick?: string;
    readonly paused?: { readonly at: string; readonly reason: string; readonly detail: string };
    readonly lastRun?: RunView;
    readonly problems?: readonly string[];
    readonly eligibleWorkers?: number;
  };
}

export interface CalendarView {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
    readonly revision: number;
    readonly creationTimestamp: string;
  };
  readonly spec: CalendarSpec;
  readonly status: { readonly updatedAt: string; readonly usedBy?: readonly string[] };
}

/** What a dry run says. */
export interface DryRunView {
  readonly message: string;
  readonly dueAt: string;
  readonly deadline: string;
  readonly executor: ManifestInput['spec']['executor'];
  readonly command?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly secretRefs: readonly { readonly name: string }[];
  readonly workers: readonly { readonly name: string; readonly rank: number }[];
  readonly concurrency: {
    readonly policy: string;
    readonly limit?: number;
    readonly free: boolean;
    readonly holders: readonly { readonly run: string; readonly slot: string; readonly worker: string }[];
  };
  readonly waiting: readonly { readonly run: string; readonly trigger: string; readonly requestedAt: string }[];
}

export interface BackfillView {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly parallelism: number;
  readonly order: string;
  readonly onlyMissing: boolean;
  readonly schedule: string;
  readonly state: string;
  readonly message?: string;
  readonly requestedAt: string;
  readonly finishedAt?: string;
  readonly total: number;
  readonly done: number;
  readonly running: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly skipped: number;
  readonly leftOut: number;
  readonly nextTick?: string;
}

export interface SkipView {
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly reason: string;
  readonly detail: string;
}

export interface WaitingView {
  readonly run: string;
  readonly attempt: number;
  readonly trigger: string;
  readonly tick?: string;
  readonly dueAt: string;
  readonly deadline: string;
  readonly by: string;
}

export interface WorkerView {
  readonly id: string;
  readonly name: string;
  readonly node: string;
  readonly address: string;
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly capacity: number;
  readonly executors: readonly string[];
  /** Absent from an older server. */
  readonly modules?: readonly string[];
  readonly customs?: readonly string[];
  readonly version: string;
  readonly ready: boolean;
  readonly running?: number;
  readonly cordon?: { readonly drain: boolean; readonly by: string; readonly at: string; readonly reason: string };
  readonly idle?: boolean;
}

export interface FreezeView {
  readonly scope: string;
  readonly state: string;
  readonly since: string;
  readonly until?: string;
  readonly endedAt?: string;
  readonly by: string;
  readonly reason: string;
}

export interface NotificationView {
  readonly namespace: string;
  readonly name: string;
  readonly channel: string;
  readonly event: string;
  readonly text: string;
  readonly state: string;
  readonly attempts: number;
  readonly createdAt: string;
  readonly error?: string;
}

export interface TicksView {
  readonly items: readonly string[];
  readonly timeZone: string;
  readonly suspended: boolean;
  readonly excluded?: readonly { readonly at: string; readonly calendar?: string; readonly reason: string }[];
}

export interface WhyView {
  readonly outcome: string;
  readonly message: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}
