import type { Registry } from 'prom-client';
import type { Coordinator } from '../coordination/coordinator.ts';
import type { ExecutorKind, Labels } from '../domain/job/spec.ts';
import type { WorkerId } from '../domain/run/run.ts';
import type { Clock, Milliseconds } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';
import type { Tracing } from '../observability/tracing.ts';
import type { PublishedCatalog } from './modules/catalog.ts';
import type { ReportSink, SupervisorFactory } from './ports.ts';

export interface WorkerOptions {
  /** Of this process: the name and a random suffix. Also the id of its service in the catalog. */
  readonly id: WorkerId;
  /** As configured: for people, and the same after a restart. */
  readonly name: string;
  readonly labels: Labels;
  /** Runs at once, those claimed and not yet started included. */
  readonly capacity: number;
  readonly executors: readonly ExecutorKind[];
  /** What its modules define: jobs, and executors. Default: none. */
  readonly modules?: readonly string[];
  readonly customs?: readonly string[];
  /** Schemas of these, for the masters. */
  readonly catalog?: PublishedCatalog | undefined;
  /** Whether it may use the Kubernetes API. */
  readonly kubernetes: boolean;
  readonly version: string;
  /** Where others reach this process, as the catalog says it. Default: the address of the Consul node. */
  readonly address?: string | undefined;
  /** Where Consul's agent reaches `/healthz` of this process. The server must listen before `start`. */
  readonly healthAddress: { readonly host: string; readonly port: number; readonly secure?: boolean };
  /** The masters' base URL for callbacks of http jobs. Default: of a master in the catalog. */
  readonly callbackUrl?: string | undefined;
  readonly coordinator: Coordinator;
  /** Makes the supervisor; the worker starts and stops it. */
  readonly supervisor: SupervisorFactory;
  readonly spool: ReportSink;
  /** How long `stop` waits for runs before it ends them. */
  readonly drain: Milliseconds;
  readonly logger: Logger;
  /** So many jobs get series of their own in the metrics. Default 0. */
  readonly perJob?: number;
  /** Gets the worker's metrics. Default: none are kept. */
  readonly registry?: Registry;
  /** Takes the traces of runs. Default: nobody does. */
  readonly tracing?: Tracing;
  /** The wall clock. Default `Date.now`. */
  readonly clock?: Clock;
}

/** What the health endpoint and people are told. */
export interface WorkerStatus {
  readonly id: WorkerId;
  readonly name: string;
  /** Takes part in claiming. */
  readonly ready: boolean;
  /** Why it is not ready, one sentence each. */
  readonly reasons: readonly string[];
  /** Runs claimed or going. */
  readonly running: number;
  readonly capacity: number;
  /** Consul lost its past: nothing is claimed until a new epoch begins. */
  readonly held: boolean;
  readonly draining: boolean;
  readonly cordoned: boolean;
  /** Jobs known. */
  readonly jobs: number;
  readonly session?: string;
  readonly epoch?: number;
  /** How far the own clock is ahead of its peers' median, where there are any. */
  readonly clockOffset?: Milliseconds;
}
