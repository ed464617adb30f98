// Builds the package: sources to dist/, and beside them what tsc does not copy: the web page.
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, rmSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
rmSync('dist', { recursive: true, force: true });
const { status } = spawnSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
if (status !== 0) process.exit(1);
for (const file of globSync('src/ui/*.{html,js,css,svg}')) cpSync(file, file.replace(/^src/, 'dist'));

// `npx cronmesh` finds a checkout's own program here; npm links only those of dependencies.
rmSync('node_modules/.bin/cronmesh', { force: true });
symlinkSync('../../bin/cronmesh', 'node_modules/.bin/cronmesh');
