import { type Logger, pino } from 'pino';
import type { RunId } from '../domain/run/run.ts';
import { traceIdOf } from './trace-context.ts';

export type { Logger };
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/**
 * The one logger: JSON, one line an event, to standard error. Fields have the names of docs/logs.md; a line with a `run`
 * gets the run's `traceId` by itself.
 */
export function createLogger(options: { level: LogLevel; role: string }): Logger {
  const children = new Children();
  const output = new Output();
  const logger = pino(
    {
      level: options.level,
      onChild: child => children.add(child),
      // Not `role`: that is what an election is about.
      base: { program: options.role, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }), log: traced },
      redact: { paths: ['*.token', '*.password', 'token', 'password'], censor: '[masked]' },
    },
    output,
  );
  families.set(logger, children);
  outputs.set(logger, output);
  return logger;
}

/** Gives every line of a logger from `createLogger`, and of its children, to somebody else as well. It must not wait or throw. */
export function copyLines(logger: Logger, copy: (line: string) => void): void {
  const output = outputs.get(logger);
  if (output === undefined) throw new Error('the logger is not one of createLogger');
  output.copy = copy;
}

class Output {
  readonly #stderr = pino.destination({ fd: 2, sync: false });
  copy: ((line: string) => void) | undefined;

  write(line: string): void {
    this.#stderr.write(line);
    this.copy?.(line);
  }

  flush(done?: (error?: Error) => void): void {
    this.#stderr.flush(done);
  }

  flushSync(): void {
    this.#stderr.flushSync();
  }
}

/** Whoever has a line about a run finds its trace. */
function traced<Fields extends object>(fields: Fields): Fields {
  const { run } = fields as { readonly run?: unknown };
  return typeof run === 'string' ? { ...fields, traceId: traceIdOf(run as RunId) } : fields;
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
const outputs = new WeakMap<Logger, Output>();

/** Says nothing: for tests. */
export const silentLogger: Logger = pino({ level: 'silent' });
