import { dirname, resolve } from 'node:path';
import type { Config } from '../config/schema.ts';
import { metaKeys } from '../coordination/worker-service.ts';
import type { ModuleCatalog } from '../worker/modules/catalog.ts';
import { loadModules, ModuleError } from '../worker/modules/load.ts';
import { StartError } from './runtime.ts';

export interface WorkerModules {
  readonly catalog: ModuleCatalog;
  /** The folder from which they were found. */
  readonly base: string;
}

/** Consul takes 64 keys of metadata a service; labels and the rest have the others. */
const mostKeys = 32;

/**
 * Loads what `worker.modules` names, from the folder of the configuration file or, without one, from the working folder.
 *
 * @throws StartError for what can't be loaded, a name that is there twice, and more names than Consul has room for
 */
export async function loadWorkerModules(config: Config, file: string | undefined): Promise<WorkerModules> {
  const base = file === undefined ? process.cwd() : dirname(resolve(file));
  const { modules } = config.worker;
  if (modules.length === 0) return { catalog: checked(config, { jobs: [], executors: [] }), base };
  try {
    const catalog = await loadModules(modules, base);
    const names = (entries: ModuleCatalog['jobs']) => entries.map(one => one.name);
    const keys = metaKeys(names(catalog.jobs)) + metaKeys(names(catalog.executors));
    if (keys > mostKeys) {
      const count = catalog.jobs.length + catalog.executors.length;
      throw new ModuleError(
        `worker.modules: they define ${count} names, which take ${keys} keys of the service's metadata in Consul; at most ${mostKeys} (16 kB of names) are kept for them: spread them over several workers`,
      );
    }
    return { catalog: checked(config, catalog), base };
  } catch (error) {
    if (error instanceof ModuleError) throw new StartError(error.message, { cause: error });
    throw error;
  }
}

/** What `worker.executors` says of modules must be so. */
function checked(config: Config, catalog: ModuleCatalog): ModuleCatalog {
  const defined = { module: catalog.jobs, custom: catalog.executors };
  for (const kind of ['module', 'custom'] as const) {
    if (!config.worker.executors.includes(kind) || defined[kind].length > 0) continue;
    const what = kind === 'module' ? 'job' : 'executor';
    throw new StartError(`worker.executors names ${kind}, and worker.modules brings no ${what}; leave it out`);
  }
  return catalog;
}
