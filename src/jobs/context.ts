/** What a run writes: lines of its output. `console` works as well. */
export interface Log {
  /** To the standard output. */
  info(text: string): void;
  /** To the standard error. */
  warn(text: string): void;
  error(text: string): void;
}

/** What every run is told, and may do. */
export interface RunContext {
  readonly job: { readonly namespace: string; readonly name: string };
  /** The run's id. */
  readonly run: string;
  /** From 1. */
  readonly attempt: number;
  /** The instant that the run is for; absent when it was asked for otherwise. */
  readonly tick?: Date;
  /** Of a job that runs in parts: which one this is, from 0, of how many. */
  readonly shard?: { readonly index: number; readonly count: number };
  /** Given by who asked for the run; else empty. */
  readonly arguments: readonly string[];
  /** The environment of the process: `CRONMESH_…`, and the values of `secretRefs`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Larger is newer: a receiver that remembers the largest can refuse a run that was thought dead. */
  readonly fencingToken: string;
  /**
   * Aborted when the run is killed, has run out of time, or its worker stops. `terminationGraceSeconds` later the
   * process is ended, with all that it started.
   */
  readonly signal: AbortSignal;
  /**
   * Tells how far the run is; as often as you like, the newest is passed on once a second.
   *
   * @param percent from 0 to 100
   * @param message at most 500 characters
   * @throws TypeError when `percent` is no number
   */
  progress(percent: number, message?: string): void;
  readonly log: Log;
}

/** What the `run` of a job is called with. */
export interface JobContext<Input> extends RunContext {
  /** `executor.module.input` of the job, as its schema gives it. */
  readonly input: Input;
}

/** What the `run` of an executor is called with. */
export interface ExecutorContext<Config> extends RunContext {
  /** `executor.custom.with` of the job, as its schema gives it. */
  readonly config: Config;
}

/** What a run may return: a sentence for its record. To fail, throw. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing is the usual one
export type Result = void | undefined | string | { readonly message?: string | undefined };
