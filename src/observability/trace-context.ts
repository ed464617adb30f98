import { createHash } from 'node:crypto';
import type { RunId } from '../domain/run/run.ts';

const hex = (text: string, characters: number): string =>
  createHash('sha256').update(text).digest('hex').slice(0, characters);

/** The trace of a run, 32 hexadecimal digits: whoever has the run's id finds it. */
export const traceIdOf = (run: RunId): string => hex(run, 32);

/** The span of an attempt, 16 hexadecimal digits: what it does, and what is done for it, is below it. */
export const attemptSpanId = (run: RunId, attempt: number): string => hex(`${run}/${attempt}`, 16);

/**
 * The W3C trace context of an attempt, sampled: one trace for each run, one span for each attempt. Made of the ids, so
 * that whoever has them finds the trace.
 *
 * @example traceparent('k3v9-m1' as RunId, 1) // '00-5b…(32 digits)-9c…(16 digits)-01'
 */
export function traceparent(run: RunId, attempt: number): string {
  return `00-${traceIdOf(run)}-${attemptSpanId(run, attempt)}-01`;
}
