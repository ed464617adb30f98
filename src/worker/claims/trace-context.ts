import { createHash } from 'node:crypto';
import type { RunId } from '../../domain/run/run.ts';

const hex = (text: string, characters: number): string =>
  createHash('sha256').update(text).digest('hex').slice(0, characters);

/** The trace that a run is, with all of its attempts: 32 digits. */
export function traceId(run: RunId): string {
  return hex(run, 32);
}

/**
 * The W3C trace context of an attempt, sampled: one trace for each run, one span for each attempt. Made of the ids, so
 * that whoever has them finds the trace.
 *
 * @example traceparent('k3v9-m1' as RunId, 1) // '00-5b…(32 digits)-9c…(16 digits)-01'
 */
export function traceparent(run: RunId, attempt: number): string {
  return `00-${traceId(run)}-${hex(`${run}/${attempt}`, 16)}-01`;
}
