import { globSync, readFileSync } from 'node:fs';

/** A fenced block of a page. */
export interface Block {
  /** `docs/policies.md:12` */
  readonly at: string;
  readonly language: string;
  readonly lines: readonly string[];
}

const pages = ['README.md', 'README.zh-CN.md', 'docs/*.md', 'docs/decisions/*.md'];

/** Every fenced block of the pages, in order. */
export function blocks(root: URL): readonly Block[] {
  return globSync(pages, { cwd: root })
    .sort()
    .flatMap(page => blocksOf(page, readFileSync(new URL(page, root), 'utf8')));
}

function blocksOf(page: string, text: string): readonly Block[] {
  const found: Block[] = [];
  let open: { at: string; language: string; lines: string[] } | undefined;
  for (const [i, line] of text.split('\n').entries()) {
    const fence = /^```(\w*)/.exec(line);
    if (!fence) open?.lines.push(line);
    else if (open) {
      found.push(open);
      open = undefined;
    } else open = { at: `${page}:${i + 1}`, language: fence[1] ?? '', lines: [] };
  }
  return found;
}
