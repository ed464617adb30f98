import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { alphanumeric } from '../domain/alphanumeric.ts';
import { backoffDelay } from '../domain/backoff.ts';
import type { Service } from '../domain/lifecycle.ts';
import type { Logger } from '../observability/logger.ts';

/** The program's version, from its package. */
export const version: string = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;

/** `count` random characters of [a-z0-9]. */
export function randomText(count: number): string {
  return alphanumeric(randomBytes(count));
}

/** Services that start in order and stop in the reverse order; what was started is stopped when a later one fails. */
export class Services implements Service {
  readonly #services: readonly Service[];
  readonly #logger: Logger;
  #started: Service[] = [];

  constructor(services: readonly Service[], logger: Logger) {
    this.#services = services;
    this.#logger = logger;
  }

  async start(): Promise<void> {
    try {
      for (const service of this.#services) {
        this.#started.push(service);
        await service.start();
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const started = this.#started.reverse();
    this.#started = [];
    for (const service of started) {
      try {
        await service.stop();
      } catch (error) {
        this.#logger.error({ err: error }, `could not stop ${service.constructor.name} in order`);
      }
    }
  }
}

/** Something with an end, as a service that only stops. */
export function onStop(stop: () => Promise<void>): Service {
  return { start: async () => {}, stop };
}

/**
 * Tries until it works, saying what it waits for: a server that is away at the start is waited for. Waits 0.25 to 5 s.
 *
 * @throws what `attempt` threw, where `final` says that waiting cannot help; the signal's reason when it is aborted
 */
export async function waitFor<T>(
  what: string,
  attempt: () => Promise<T>,
  options: { logger: Logger; signal: AbortSignal; final?: (error: unknown) => boolean },
): Promise<T> {
  for (let failures = 0; ; failures++) {
    options.signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (options.final?.(error)) throw error;
      options.logger.warn({ reason: (error as Error).message }, `waiting for ${what}`);
      await delay(backoffDelay({ initial: 500, maximum: 5_000, factor: 2 }, failures, Math.random()), undefined, {
        signal: options.signal,
      });
    }
  }
}

/** What keeps a program from starting here, such as a port in use: it ends with one line and exit status 2. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/**
 * Runs a program until it is asked to stop (TERM or INT), then stops it in order. A second signal ends it at once.
 * `main` gives what is to be stopped; the signal is aborted when a stop is asked for while it still starts.
 */
export async function runUntilStopped(logger: Logger, main: (signal: AbortSignal) => Promise<Service>): Promise<void> {
  const stopping = new AbortController();
  const asked = Promise.withResolvers<void>();
  const ask = (signal: NodeJS.Signals): void => {
    if (stopping.signal.aborted) process.exit(1);
    logger.info({ signal }, 'stopping');
    stopping.abort(new StartError('it was asked to stop'));
    asked.resolve();
  };
  process.on('SIGTERM', ask);
  process.on('SIGINT', ask);
  let service: Service;
  try {
    service = await main(stopping.signal);
  } catch (error) {
    if (stopping.signal.aborted) return;
    throw error;
  }
  await asked.promise;
  await service.stop();
  logger.info('stopped');
}
