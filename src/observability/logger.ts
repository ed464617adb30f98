import { type Logger, pino } from 'pino';

export type { Logger };
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** The one logger: JSON, one line an event, to standard error. Children carry stable field names (`component`, `run`, `job`). */
export function createLogger(options: { level: LogLevel; role: string }): Logger {
  const children = new Children();
  const logger = pino(
    {
      level: options.level,
      onChild: child => children.add(child),
      // Not `role`: that is what an election is about.
      base: { program: options.role, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      redact: { paths: ['*.token', '*.password', 'token', 'password'], censor: '[masked]' },
    },
    pino.destination({ fd: 2, sync: false }),
  );
  families.set(logger, children);
  return logger;
}

/** Sets the level of a logger from `createLogger` and of all its children: pino's keep the one that they were made with. */
export function setLogLevel(logger: Logger, level: LogLevel): void {
  logger.level = level;
  for (const child of families.get(logger)?.living() ?? []) child.level = level;
}

/** Loggers made of another one, for as long as somebody holds them. */
class Children {
  readonly #references = new Set<WeakRef<Logger>>();
  readonly #gone = new FinalizationRegistry<WeakRef<Logger>>(reference => this.#references.delete(reference));

  add(child: Logger): void {
    const reference = new WeakRef(child);
    this.#references.add(reference);
    this.#gone.register(child, reference);
  }

  *living(): Iterable<Logger> {
    for (const reference of this.#references) {
      const child = reference.deref();
      if (child !== undefined) yield child;
    }
  }
}

const families = new WeakMap<Logger, Children>();

/** Says nothing: for tests. */
export const silentLogger: Logger = pino({ level: 'silent' });
