import type { Coordinator } from '../../coordination/coordinator.ts';
import { moduleCatalogPath } from '../../coordination/keys.ts';
import type { Logger } from '../../observability/logger.ts';
import type { PublishedCatalog } from './catalog.ts';

/**
 * Gives the masters the schemas of a worker's modules, under the hash of what is in it: workers with the same modules
 * write the same key once. Never rejects: without it inputs are checked when runs begin, and nowhere before.
 */
export async function publishCatalog(options: {
  readonly catalog?: PublishedCatalog | undefined;
  readonly coordinator: Pick<Coordinator, 'transact'>;
  readonly logger: Logger;
}): Promise<void> {
  const { catalog, coordinator, logger } = options;
  if (catalog === undefined) return;
  // Index 0: where it is already, nothing is written.
  const write = { verb: 'cas', key: moduleCatalogPath(catalog.hash), value: catalog.value, index: 0 } as const;
  await coordinator.transact([write]).catch((error: unknown) => {
    logger.warn({ err: error }, 'the schemas of modules were not published: inputs are checked when runs begin');
  });
}
