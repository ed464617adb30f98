import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The names of fields that docs/logs.md has. */
export function documentedFields(): ReadonlySet<string> {
  const [, table = ''] = readFileSync(`${root}docs/logs.md`, 'utf8').split(/^## Fields$/m);
  const rows = (table.split(/^## /m)[0] ?? '').split('\n');
  return new Set(rows.flatMap(row => /^\| ((?:`\w+`(?:, )?)+) \|/.exec(row)?.[1]?.match(/\w+/g) ?? []));
}

/** The names of fields that calls of a logger in the sources write out, each with its file. */
export function loggedFields(): readonly { readonly file: string; readonly field: string }[] {
  return globSync('src/**/*.ts', { cwd: root })
    .filter(file => !/\.test\.ts$|\/testing\/|^src\/(gen|ui|store\/prisma\/client)\//.test(file))
    .flatMap(file => fieldsIn(readFileSync(`${root}${file}`, 'utf8')).map(field => ({ file, field })));
}

const call = /[lL]og(?:ger)?\)?\??\.(?:child|info|warn|error|debug|fatal)\(\s*\{/g;

function fieldsIn(source: string): readonly string[] {
  return [...source.matchAll(call)].flatMap(match => namesOf(source, match.index + match[0].length));
}

/** Names in an object literal whose inside begins at `from`; what is spread into it is left out. */
function namesOf(source: string, from: number): readonly string[] {
  const parts = [''];
  for (let i = from, depth = 0; depth >= 0 && i < source.length; i++) {
    const character = source[i] ?? '';
    if ('{(['.includes(character)) depth++;
    if ('})]'.includes(character)) depth--;
    if (character === ',' && depth === 0) parts.push('');
    else if (depth >= 0) parts[parts.length - 1] += character;
  }
  return parts.flatMap(part => /^\s*(\w+)/.exec(part)?.[1] ?? []);
}
