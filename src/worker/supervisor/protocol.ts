import type { JobSpec } from '../../domain/job/spec.ts';
import type { Outcome, RunId } from '../../domain/run/run.ts';
import type { Instant, Milliseconds } from '../../domain/time.ts';

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

export interface StartRequest {
  readonly run: RunId;
  readonly attempt: number;
  /** Forbid, a maximum, and all that must never overlap: ended when the lease passes. */
  readonly exclusive: boolean;
  /** The lock that the run holds, for the hand-back. */
  readonly lockKey: string;
  readonly executor: JobSpec['executor'];
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
      /** How to reach Consul once the worker is dead; absent with the in-memory coordinator. */
      readonly consul?: { readonly address: string; readonly token?: string };
      /** The worker's registration with the agent, taken away after its death. */
      readonly serviceId?: string;
    }
  /** The session that holds the worker's locks and the epoch it works under: sent again whenever either changes. */
  | { readonly type: 'session'; readonly session?: string; readonly epoch?: number }
  | { readonly type: 'lease'; readonly lease: Lease }
  | { readonly type: 'start'; readonly request: StartRequest }
  | { readonly type: 'kill'; readonly run: RunId; readonly attempt: number; readonly by: string }
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
  | {
      readonly type: 'finished';
      readonly run: RunId;
      readonly attempt: number;
      readonly at: Instant;
      readonly result: AttemptResult;
    }
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
