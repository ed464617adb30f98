import type { RunId } from '../../domain/run/run.ts';

/** One try at a run. */
export interface AttemptId {
  readonly run: RunId;
  readonly attempt: number;
}

/** A map's key for an attempt. */
export const attemptKey = (id: AttemptId): string => `${id.run}#${id.attempt}`;
export const attemptId = ({ run, attempt }: AttemptId): AttemptId => ({ run, attempt });
