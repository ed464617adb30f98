// Copies what the chart ships from where it is made: deploy/crds → helm/cronmesh/files/crds. `--check` only compares.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const from = fileURLToPath(new URL('../deploy/crds', import.meta.url));
const to = fileURLToPath(new URL('../helm/cronmesh/files/crds', import.meta.url));

const contents = (folder: string): string =>
  JSON.stringify(
    readdirSync(folder)
      .filter(name => name.endsWith('.yaml'))
      .sort()
      .map(name => [name, readFileSync(`${folder}/${name}`, 'utf8')]),
  );

if (!process.argv.includes('--check')) {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  cpSync(from, to, { recursive: true, filter: source => source === from || source.endsWith('.yaml') });
} else if (contents(from) !== contents(to)) {
  process.stderr.write('helm/cronmesh/files/crds is not what deploy/crds is: run npm run sync:chart\n');
  process.exitCode = 1;
}
