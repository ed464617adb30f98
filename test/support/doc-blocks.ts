import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * The examples of a page of the documentation, by the file that the comment on their first line names: `// a/b.ts`,
 * `# a.yaml, for: …`. So what is tested is what is read.
 */
export function docBlocks(page: string): ReadonlyMap<string, string> {
  const text = readFileSync(fileURLToPath(new URL(`../../${page}`, import.meta.url)), 'utf8');
  const blocks = text.matchAll(/^```\w+\n(?:\/\/|#) ([\w./-]+)[^\n]*\n([\s\S]*?)^```$/gm);
  return new Map([...blocks].map(([, file = '', body = '']) => [file, body]));
}
