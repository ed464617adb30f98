import type { CallbackAnswer, CallbackProgress } from '../../coordination/records.ts';
import type { JobUid } from '../../domain/job/job.ts';
import type { JobSpec } from '../../domain/job/spec.ts';
import type { Outcome, RunId, RunParticulars } from '../../domain/run/run.ts';
import type { Instant, Milliseconds } from '../../domain/time.ts';
import type { ModuleSources } from '../modules/catalog.ts';

/**
 * What a worker and its supervisor say to one another, over the IPC channel of a forked process (advanced
 * serialization). The supervisor is small and outlives the worker: it is the only one that starts anything (processes
 * and HTTP requests), and when the channel closes it ends what runs and, with a coordinator of its own, hands back
 * what was never spawned, releases the locks and destroys the session.
 */

/** How long the worker's session is good for, by both clocks: a lease has passed when either says so. */
export interface Lease {
  /** `process.hrtime()` in milliseconds: CLOCK_MONOTONIC, the same in both processes; stands still while the machine sleeps. */
  readonly monotonic: Milliseconds;
  readonly wall: Instant;
}

/** Where Consul is, and how to get in. */
export interface ConsulAccess {
  readonly address: string;
  readonly token?: string;
  /** Files in PEM form, read when they are needed. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
}

export interface StartRequest {
  readonly job: { readonly namespace: string; readonly name: string; readonly uid: JobUid };
  readonly run: RunId;
  readonly attempt: number;
  /** Forbid, a maximum, and all that must never overlap: ended (or let go of) when the lease passes. */
  readonly exclusive: boolean;
  /** The lock that the run holds, for the hand-back. */
  readonly lockKey: string;
  readonly executor: JobSpec['executor'];
  readonly secretRefs?: NonNullable<JobSpec['secretRefs']>;
  /** What `secretRefs` name, once it was read: never leaves this process but for the run itself. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Above 0 the attempt goes on without a worker: it is adopted, and nothing is ever started. Else 0. */
  readonly handovers: number;
  /** With a limit: the most runs of the job that may go at once, this one included. */
  readonly atOnce?: number;
  /** The CronJob resource that the job comes from: it owns what is made in Kubernetes. */
  readonly resource?: { readonly name: string; readonly uid: string };
  /** Where the server of an asynchronous http attempt says how it went; holds the token. */
  readonly callbackUrl?: string;
  /** What of the run is not the job's: its member, and what was asked for with it. */
  readonly particulars?: RunParticulars;
  readonly timeout: Milliseconds;
  readonly grace: Milliseconds;
  /** The run's environment: CRONMESH_… and nothing of the worker's secrets. */
  readonly env: Readonly<Record<string, string>>;
}

export type ToSupervisor =
  | {
      readonly type: 'hello';
      readonly worker: string;
      /** Where the journal is kept. */
      readonly directory: string;
      readonly allowPrivateAddresses: boolean;
      /** Whether it uses the Kubernetes API: for kubernetes jobs and `secretRefs`. */
      readonly kubernetes: boolean;
      /** Whom shell runs may be, beside the worker's own user. */
      readonly users?: readonly (string | number)[];
      /** What of the worker itself `secretRefs` may name: variables, and files in a folder. */
      readonly secrets?: { readonly variables?: readonly string[]; readonly directory?: string };
      /** What its modules define, and where. */
      readonly modules?: ModuleSources;
      /** How to reach Consul once the worker is dead; absent with the in-memory coordinator. */
      readonly consul?: ConsulAccess;
      /** The worker's registration with the agent, taken away after its death. */
      readonly serviceId?: string;
    }
  /** The session that holds the worker's locks and the epoch it works under: sent again whenever either changes. */
  | { readonly type: 'session'; readonly session?: string; readonly epoch?: number }
  | { readonly type: 'lease'; readonly lease: Lease }
  | { readonly type: 'start'; readonly request: StartRequest }
  /** The server that an http attempt asked has said how it went. */
  | {
      readonly type: 'callback';
      readonly run: RunId;
      readonly attempt: number;
      readonly answer: CallbackAnswer | CallbackProgress;
    }
  | { readonly type: 'kill'; readonly run: RunId; readonly attempt: number; readonly by: string }
  /** The worker stops: attempts that go on without it are let go of, for another to adopt; `detached` follows for each. */
  | { readonly type: 'detach' }
  /** The worker stops in order: whatever still runs is ended, then `bye`. */
  | { readonly type: 'shutdown'; readonly grace: Milliseconds };

export type FromSupervisor =
  | { readonly type: 'ready'; readonly pid: number }
  | {
      readonly type: 'started';
      readonly run: RunId;
      readonly attempt: number;
      readonly at: Instant;
      readonly pid?: number;
    }
  /** Not started, for sure: the lease had passed, the journal could not be written, or the supervisor is shutting down. */
  | { readonly type: 'refused'; readonly run: RunId; readonly attempt: number; readonly reason: string }
  | {
      readonly type: 'output';
      readonly run: RunId;
      readonly attempt: number;
      readonly sequence: number;
      readonly stream: 'stdout' | 'stderr' | 'system';
      readonly at: Instant;
      readonly text: string;
    }
  /** At most one each second for an attempt, and the last one before it is finished. */
  | {
      readonly type: 'progress';
      readonly run: RunId;
      readonly attempt: number;
      readonly at: Instant;
      readonly percent: number;
      readonly message?: string;
    }
  | {
      readonly type: 'finished';
      readonly run: RunId;
      readonly attempt: number;
      readonly at: Instant;
      readonly result: AttemptResult;
    }
  /** Let go of: it goes on where it is, for another worker to adopt. */
  | { readonly type: 'detached'; readonly run: RunId; readonly attempt: number; readonly reason: string }
  | { readonly type: 'bye' };

/** What the worker is told about its attempts. */
export type AttemptMessage = Exclude<FromSupervisor, { readonly type: 'ready' | 'bye' }>;

/** How an attempt ended. */
export interface AttemptResult {
  readonly outcome: Outcome;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly httpStatus?: number;
  /** One sentence for people. */
  readonly message?: string;
}
