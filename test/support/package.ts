import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const modules = join(root, 'node_modules');

/** A project of somebody's who has installed the package. */
export interface InstalledPackage {
  readonly folder: string;
  /** Where the package lies in it. */
  readonly package: string;
  readonly program: string;
  /** The paths of all files in the tarball. */
  readonly files: readonly string[];
  remove(): void;
}

/**
 * Builds and packs the checkout as it is now, and unpacks the tarball into a project that has nothing but its declared
 * dependencies: no network, and nothing changes in the checkout, whose other tests run at the same time.
 */
export function installPackage(): InstalledPackage {
  const folder = mkdtempSync(join(tmpdir(), 'cronmesh-package-'));
  const source = join(folder, 'source');
  const linked = join(source, 'node_modules');
  mkdirSync(join(linked, '.bin'), { recursive: true });
  for (const name of readdirSync(modules))
    if (!name.startsWith('.')) symlinkSync(join(modules, name), join(linked, name));
  symlinkSync(join(modules, '.bin/tsc'), join(linked, '.bin/tsc'));
  for (const name of readdirSync(root)) {
    if (!/^(\.|node_modules$|dist$|data$|test$|bench$)/.test(name))
      cpSync(join(root, name), join(source, name), { recursive: true });
  }
  run(process.execPath, ['scripts/build.ts'], source);
  const [packed] = JSON.parse(run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], source));

  const app = join(folder, 'app');
  const installed = join(app, 'node_modules/cronmesh');
  mkdirSync(installed, { recursive: true });
  run('tar', ['-xzf', join(folder, packed.filename), '--strip-components=1', '-C', installed], app);
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  for (const name of Object.keys(dependencies)) {
    const link = join(app, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(modules, name), link);
  }
  return {
    folder: app,
    package: installed,
    program: join(installed, 'bin/cronmesh'),
    files: packed.files.map((file: { path: string }) => file.path),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
