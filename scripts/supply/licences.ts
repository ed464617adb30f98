// The licences of what is shipped, as a table: `npm run licences`. Fails on one that is not allowed.
import { readPackages } from './packages.ts';

/** Permissive ones, which ask for a notice at most. */
const allowed = new Set([
  ...['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'CC0-1.0', 'ISC', 'MIT', 'MIT-0'],
  ...['MPL-2.0', 'PSF-2.0', 'PostgreSQL', 'Python-2.0', 'Unlicense', 'WTFPL', 'Zlib'],
]);

/** `(MIT OR Apache-2.0)` is allowed when one is, `MIT AND Zlib` when both are. */
export function isAllowed(expression: string): boolean {
  const bare = expression.replaceAll(/[()]/g, '').trim();
  return bare.split(/ OR /i).some(choice => choice.split(/ AND /i).every(one => allowed.has(one.trim())));
}

if (import.meta.main) {
  const packages = readPackages();
  for (const { name, version, licence } of packages) process.stdout.write(`${name}@${version}\t${licence}\n`);
  const refused = packages.filter(({ licence }) => !isAllowed(licence));
  for (const { name, licence } of refused)
    process.stderr.write(`licences: ${name} has ${licence}, which is not allowed\n`);
  process.stderr.write(`licences: ${packages.length} packages, ${refused.length} not allowed\n`);
  if (refused.length > 0) process.exitCode = 1;
}
