import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Before the name of a package that is to be found from the configuration's folder, not from here. */
export const packageScheme = 'cronmesh-module:';

const own = import.meta.url;
const jobs = new URL(`../../jobs/index${own.endsWith('.ts') ? '.ts' : '.js'}`, own).href;

/**
 * How modules find what they import. `cronmesh/jobs` is this very version, so that a lone file on a volume can have it;
 * so is `zod`, where the module has none of its own.
 */
export function resolveForModules(base: string): void {
  const from = pathToFileURL(join(base, 'package')).href;
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === 'cronmesh/jobs') return { url: jobs, shortCircuit: true };
      if (specifier.startsWith(packageScheme)) {
        return next(specifier.slice(packageScheme.length), { ...context, parentURL: from });
      }
      if (specifier !== 'zod') return next(specifier, context);
      try {
        return next(specifier, context);
      } catch {
        return next(specifier, { ...context, parentURL: own });
      }
    },
  });
}
