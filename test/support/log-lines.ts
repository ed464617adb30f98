import { pino } from 'pino';
import type { Logger } from '../../src/observability/logger.ts';

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly reason?: string;
  readonly [field: string]: unknown;
}

/** A logger whose lines can be looked at. */
export function recordingLogger(): { readonly logger: Logger; readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  return { logger: pino({ level: 'debug' }, { write: text => void lines.push(JSON.parse(text)) }), lines };
}
