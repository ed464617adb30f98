import type { CallbackAnswer, CallbackProgress } from '../coordination/records.ts';
import type { RunId } from '../domain/run/run.ts';
import type { Milliseconds } from '../domain/time.ts';
import type { Spool } from './reporting/spool.ts';
import type { AttemptMessage, Lease, StartRequest } from './supervisor/protocol.ts';

/** What the worker's core asks of its supervisor: `SupervisorClient` is one. */
export interface Supervisor {
  /** Whether it starts things now; without one every launch is refused. */
  readonly ready: boolean;
  start(): Promise<void>;
  /** Ends what still runs (TERM, `grace` later KILL), passes on its last messages, then ends itself. */
  stop(options?: { readonly grace?: Milliseconds }): Promise<void>;
  /** Asks for an attempt: exactly one of `refused`, `finished` and `detached` follows. */
  launch(request: StartRequest): void;
  kill(run: RunId, attempt: number, by: string): void;
  /** The server that an asynchronous http attempt asked has said how it went. */
  callback(run: RunId, attempt: number, answer: CallbackAnswer | CallbackProgress): void;
  /** Lets go of attempts that go on without their worker (kubernetes), for others to adopt: `detached` follows for each. */
  detach(): void;
  /** How long the worker's session is good for. */
  lease(lease: Lease): void;
  /** The session that holds the locks, and the epoch; nothing when the session is gone. */
  session(session?: string, epoch?: number): void;
}

/** Makes the supervisor of a worker; the worker starts and stops it. */
export type SupervisorFactory = (onMessage: (message: AttemptMessage) => void) => Supervisor;

/** Where reports go: on disk before anything else happens to them. */
export type ReportSink = Pick<Spool, 'append'>;
