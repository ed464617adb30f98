import { jobKey } from '../domain/job/job.ts';
import type { Service } from '../domain/lifecycle.ts';
import { executorProblem, type NamespaceRules } from '../domain/policy/allow-list.ts';
import type { Logger } from '../observability/logger.ts';
import type { Store } from '../store/store.ts';

const page = 500;
/** Named in the log; of the others the count is told. */
const named = 20;

/** Says at the start which jobs the settings do not allow any more: they go on, but can't be edited. */
export class ForbiddenJobs implements Service {
  readonly #parts: {
    readonly store: Pick<Store, 'listJobs'>;
    readonly rules: NamespaceRules;
    readonly logger: Logger;
  };
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(parts: { store: Pick<Store, 'listJobs'>; rules: NamespaceRules; logger: Logger }) {
    this.#parts = parts;
  }

  /** Looks in the background. */
  async start(): Promise<void> {
    const { rules, logger } = this.#parts;
    if (Object.keys(rules).length === 0) return;
    this.#looking = this.#look().catch(error =>
      logger.warn({ err: error }, 'jobs could not be compared with the settings'),
    );
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { store, rules, logger } = this.#parts;
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const { items, next } = await store.listJobs({ limit: page, ...(cursor !== undefined && { cursor }) });
      found.push(...items.filter(job => executorProblem(rules, job.namespace, job.spec) !== undefined).map(jobKey));
      cursor = next;
    } while (cursor !== undefined && !this.#stopped);
    if (found.length === 0) return;
    logger.warn(
      { count: found.length, jobs: found.slice(0, named) },
      'jobs have executors that `namespaces` does not allow: they go on as they are, and can only be suspended, deleted, or given another',
    );
  }
}
