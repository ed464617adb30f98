import { nearest } from '../../../domain/job/nearest.ts';
import { ConfigError } from '../../error.ts';
import type { Layer } from '../../layers.ts';
import type { Setting } from '../../settings.ts';
import { setPath, type Tree } from '../../tree.ts';

/**
 * What `--set a.b=value` says, each written as in the environment; of two for the same setting the later one counts.
 *
 * @throws ConfigError for what is no setting, and for a secret: the command line is open to every user of the machine
 */
export function flagsLayer(settings: readonly Setting[], flags: readonly string[]): Layer {
  const tree: Tree = {};
  for (const flag of flags) {
    const equals = flag.indexOf('=');
    if (equals < 1) throw new ConfigError(`configuration: --set ${flag}: must be as worker.capacity=20`);
    const [path, value] = [flag.slice(0, equals), flag.slice(equals + 1)];
    const setting = settings.find(one => one.path === path);
    if (setting === undefined) {
      const near = nearest(
        path,
        settings.map(one => one.path),
      );
      const help = near === undefined ? 'cronmesh config print shows all' : `did you mean ${near}?`;
      throw new ConfigError(`configuration: --set ${path} is no setting; ${help}`);
    }
    if (setting.secret && !isOpenUrl(value)) {
      throw new ConfigError(
        `configuration: --set ${path}: is a secret, and others can read a command line; set ${setting.environment}, or write it in a file`,
      );
    }
    setPath(tree, path.split('.'), value);
  }
  return { kind: 'flags', tree, origin: path => `--set ${path}`, document: false };
}

/** A URL without a password is no secret. */
function isOpenUrl(value: string): boolean {
  return URL.canParse(value) && new URL(value).password === '' && new URL(value).search === '';
}
