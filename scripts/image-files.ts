// Copies what the programs need at run time, and nothing else, into a folder: `node scripts/image-files.ts FOLDER`.
// Needs a build (scripts/build.ts). The container image is that folder; docs/decisions/0701-image.md says why.
import { cpSync, existsSync, globSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeFileTrace } from '@vercel/nft';

/** The files that Node.js is started with: the command, what a worker and its supervisor fork, and what modules import. */
const programs = ['dist/main/cronmesh.js', 'dist/main/supervisor.js', 'dist/main/module-host.js', 'dist/jobs/index.js'];

/** What no import names. A pattern that matches nothing is an error: the file was renamed and would be missed. */
const others = [
  'bin/cronmesh',
  'package.json',
  'LICENSE',
  'prisma/migrations/**',
  'proto/**/*.proto',
  'dist/ui/*',
  'node_modules/swagger-ui-dist/package.json',
  'node_modules/swagger-ui-dist/swagger-ui.css',
  'node_modules/swagger-ui-dist/swagger-ui-bundle.js',
];

/** A licence goes along with the code that it covers. */
const licence = /^(licen[cs]e|notice|copying)/i;

const [folder] = process.argv.slice(2);
if (folder === undefined || (existsSync(folder) && readdirSync(folder).length > 0)) {
  fail(`usage: node scripts/image-files.ts FOLDER; the folder must be empty or absent, got ${folder ?? 'none'}`);
}
const root = fileURLToPath(new URL('..', import.meta.url));
for (const program of programs) {
  if (!existsSync(join(root, program))) fail(`${program} is missing: run node scripts/build.ts first`);
}

const { fileList, warnings } = await nodeFileTrace(programs, { base: root, processCwd: root });
// Names that a package tries and does without come as "Failed to resolve"; anything of our own must be found.
for (const { message } of warnings) if (message.includes(join(root, 'dist'))) fail(message);

const files = new Set(fileList);
for (const pattern of others) {
  const found = globSync(pattern, { cwd: root });
  if (found.length === 0) fail(`${pattern} matches no file`);
  for (const file of found) files.add(file);
}
for (const file of [...files]) {
  if (!/^node_modules\/.*package\.json$/.test(file)) continue;
  for (const name of readdirSync(join(root, dirname(file))))
    if (licence.test(name)) files.add(join(dirname(file), name));
}

for (const file of [...files].sort()) {
  if (statSync(join(root, file)).isDirectory()) continue;
  mkdirSync(join(folder, dirname(file)), { recursive: true });
  cpSync(join(root, file), join(folder, file), { dereference: true });
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
