// What npm runs after an install, and again before the first `npx cronmesh` of a checkout: generates and builds,
// unless everything is newer than its sources already.
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const stamp = 'dist/.built';
const sources = globSync([
  'src/**',
  'proto/**',
  'prisma/**',
  'scripts/**',
  'package-lock.json',
  'tsconfig*.json',
  'buf*.yaml',
]);
const changed = (file: string): number => (statSync(file).isFile() ? statSync(file).mtimeMs : 0);
const fresh =
  existsSync(stamp) &&
  existsSync('node_modules/.bin/cronmesh') &&
  sources.every(file => changed(file) <= statSync(stamp).mtimeMs);
if (!fresh) {
  for (const script of ['generate', 'build']) {
    const { status } = spawnSync('npm', ['run', '--silent', script], { stdio: 'inherit' });
    if (status !== 0) process.exit(status ?? 1);
  }
  writeFileSync(stamp, '');
}
