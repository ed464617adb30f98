import { readFileSync } from 'node:fs';

/** The rows of each table of a page, below its head; cells without their outer spaces. A bar in a cell is `\|`. */
export function tables(markdown: string): string[][][] {
  const cells = (line: string): string[] =>
    line
      .slice(1, line.lastIndexOf('|'))
      .split(/(?<!\\)\|/)
      .map(cell => cell.trim());
  return [...markdown.matchAll(/(?:^\|.*\n)+/gm)].map(([table]) => table.trim().split('\n').slice(2).map(cells));
}

/** `[name of the test](../path/of/its/file)` */
export const links = (cell: string): { readonly name: string; readonly file: string }[] =>
  [...cell.matchAll(/\[([^\]]+)\]\((\.\.\/[^)\s]+)\)/g)].map(([, name = '', file = '']) => ({ name, file }));

/** The names that are written out in a file: those made at run time can't be found by reading. */
export function testsOf(file: URL): ReadonlySet<string> {
  const calls = readFileSync(file, 'utf8').matchAll(/\b(?:it|test)\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/g);
  return new Set([...calls].map(([, single, double]) => (single ?? double ?? '').replaceAll(/\\(.)/g, '$1')));
}
