import type { RunId } from '../domain/run/run.ts';
import type { Instant } from '../domain/time.ts';

/**
 * What happens to a run, each with a beginning and an end. `run`: the attempt as a whole, from the instant at which it
 * was due. Below it `claim` (until a worker had it), `execute` (its process or request), `report` (from its end until
 * it is in the database) and, in that, `commit` (the transaction).
 */
export type SpanName = 'run' | 'claim' | 'execute' | 'report' | 'commit';

/** A piece of a run's trace that is over. */
export interface RunSpan {
  readonly name: SpanName;
  readonly run: RunId;
  readonly attempt: number;
  readonly from: Instant;
  readonly to: Instant;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** Why it did not go well, in a sentence. */
  readonly failure?: string | undefined;
}

/** Takes traces: one for each run, whose ids are made of the run's, so that no context need travel with reports. */
export interface Tracing {
  /** Off, nobody needs to put spans together. */
  readonly enabled: boolean;
  /** Never throws, never waits. */
  record(span: RunSpan): void;
  /** Sends what is left, for a few seconds at most. */
  stop(): Promise<void>;
}

/** Nobody asked for traces. */
export const noTracing: Tracing = { enabled: false, record: () => {}, stop: async () => {} };
