import { type Logger, pino } from 'pino';

export type { Logger };
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** The one logger: JSON, one line an event, to standard error. Children carry stable field names (`component`, `run`, `job`). */
export function createLogger(options: { level: LogLevel; role: string }): Logger {
  return pino(
    {
      level: options.level,
      // Not `role`: that is what an election is about.
      base: { program: options.role, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      redact: { paths: ['*.token', '*.password', 'token', 'password'], censor: '[masked]' },
    },
    pino.destination({ fd: 2, sync: false }),
  );
}

/** Says nothing: for tests. */
export const silentLogger: Logger = pino({ level: 'silent' });
