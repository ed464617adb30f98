import { CoordinationError, type Coordinator, type ServiceRegistration } from '../coordination/coordinator.ts';
import { encodeWorkerMeta, type WorkerMeta, workerService } from '../coordination/worker-service.ts';
import type { WorkerId } from '../domain/run/run.ts';
import type { Milliseconds } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';

export interface RegistrationOptions {
  readonly coordinator: Coordinator;
  readonly id: WorkerId;
  /** What the catalog says of it; `renew` after a change. */
  readonly meta: () => WorkerMeta;
  /** Of the service: where others reach this process. Empty: the Consul node's. */
  readonly address: string;
  /** Where the agent looks whether the process answers. */
  readonly healthAddress: { readonly host: string; readonly port: number; readonly secure?: boolean };
  /** Why the worker takes no work now; empty when it does. */
  readonly reasons: () => readonly string[];
  readonly logger: Logger;
}

const every: Milliseconds = 1_000;

/** The check that the session lives by. */
export const aliveCheck = (id: WorkerId): string => `${id}:alive`;
/** The check that says whether the worker takes work. */
export const readyCheck = (id: WorkerId): string => `${id}:ready`;

/**
 * The worker in the catalog. `alive` is the agent's own look at its port, `ready` is set here each second. Registers
 * anew when the agent has forgotten it.
 */
export class WorkerRegistration {
  readonly #options: RegistrationOptions;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();
  #stopped = false;
  #registered = false;
  #said: string | undefined;
  /** The agent has not been told of the newest metadata. */
  #outdated = false;

  constructor(options: RegistrationOptions) {
    this.#options = options;
  }

  /** @throws CoordinationError */
  async start(): Promise<void> {
    await this.#register();
    this.#registered = true;
    // Checks begin passing, and it takes no work yet.
    await this.refresh();
    this.#next();
  }

  /** Says at once whether the worker takes work. */
  refresh(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#say());
    return this.#turn;
  }

  /** Says anew what the worker is; its checks and its session stay as they are. Tried again until the agent has it. */
  renew(): Promise<void> {
    this.#outdated = true;
    return this.refresh();
  }

  /** Takes the worker out of the catalog. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#turn;
    try {
      await this.#options.coordinator.deregister(this.#options.id);
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'the worker could not be deregistered: its checks will fail');
    }
  }

  #next(): void {
    this.#timer = setTimeout(() => {
      void this.refresh().finally(() => {
        if (!this.#stopped) this.#next();
      });
    }, every);
  }

  async #say(): Promise<void> {
    if (this.#stopped) return;
    const { coordinator, id, reasons, logger } = this.#options;
    const why = reasons().join('; ');
    if (why !== this.#said) {
      if (why === '') logger.info('ready');
      else logger.warn({ reasons: reasons() }, 'not ready');
      this.#said = why;
    }
    try {
      if (this.#outdated && this.#registered) await this.#register();
      await coordinator.setCheck(readyCheck(id), why === '' ? 'passing' : 'critical', why === '' ? 'takes work' : why);
    } catch (error) {
      if (error instanceof CoordinationError && error.status === 404 && !this.#stopped) {
        logger.warn('the agent has forgotten this worker: registering again');
        await this.#register().catch(again => logger.warn({ err: again }, 'the worker could not be registered'));
      } else logger.debug({ err: error }, 'the ready check could not be set');
    }
  }

  async #register(): Promise<void> {
    const { coordinator, id, meta, address, healthAddress } = this.#options;
    const { host, port, secure = false } = healthAddress;
    const authority = `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
    this.#outdated = false;
    const registration: ServiceRegistration = {
      service: workerService,
      id,
      address,
      port,
      meta: encodeWorkerMeta(meta()),
      checks: [
        {
          kind: 'http',
          id: aliveCheck(id),
          name: 'the process answers',
          url: `http${secure ? 's' : ''}://${authority}/healthz`,
          interval: 1_000,
          timeout: 10_000,
          deregisterAfter: 60_000,
        },
        { kind: 'ttl', id: readyCheck(id), name: 'it takes work', ttl: 5_000 },
      ],
    };
    try {
      await coordinator.register(registration);
    } catch (error) {
      this.#outdated = true;
      throw error;
    }
  }
}
