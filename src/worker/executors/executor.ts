import type { CallbackAnswer, CallbackProgress } from '../../coordination/records.ts';
import type { AttemptResult, StartRequest } from '../supervisor/protocol.ts';
import type { Masking } from './output/masker.ts';

/** Why an attempt is being ended from outside. */
export type EndReason =
  | { readonly kind: 'timeout' }
  | { readonly kind: 'killed'; readonly by: string }
  | { readonly kind: 'lost'; readonly why: string };

/** What an executor may call while it runs. */
export interface ExecutionHooks {
  /** The process exists, or the request is on its way. Called at most once, before any output of the run itself. */
  started(pid?: number): void;
  /**
   * A piece of output; the caller counts and stamps it. A promise asks to bring no more before it resolves (it does
   * within seconds): the executor may then leave what follows in its pipe.
   */
  output(stream: 'stdout' | 'stderr' | 'system', text: string): Promise<void> | undefined;
  /** Of a run that knows values that are to be hidden. All output is masked in any case; this is for who cuts it before. */
  readonly masking?: Masking;
  /**
   * How far the attempt is, from 0 to 100, and a sentence; said as often as it likes: the caller passes on the newest,
   * once a second, and cuts the sentence after 500 characters.
   */
  progress(percent: number, message?: string): void;
}

/** One attempt under way. */
export interface Execution {
  /** Never rejects: a failure to start is an outcome too. Nothing of the attempt is left when it resolves. */
  readonly result: Promise<AttemptResult>;
  /**
   * Ends it and everything it started: TERM, `grace` milliseconds later KILL; `result` then tells the reason. Called
   * again, it can only bring the KILL forward, and the first reason stays.
   */
  end(reason: EndReason, grace: number): void;
  /**
   * Only of attempts that go on without their worker (kubernetes): lets go of it, for another worker to adopt. Resolves
   * with whether it did: then `result` never comes. False when the attempt has ended, or is being ended for a timeout
   * or on request: then `result` comes. Such an attempt is never ended with a `lost` reason.
   */
  readonly detach?: (why: string) => Promise<boolean>;
  /** Only of requests whose server may answer later (http): it has. */
  readonly answer?: (answer: CallbackAnswer | CallbackProgress) => void;
}

/** The logic to run for one kind of job. Executors live in the supervisor process. */
export interface Executor {
  execute(request: StartRequest, hooks: ExecutionHooks): Execution;
}
