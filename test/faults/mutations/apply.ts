import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mutation } from './mutations.ts';

/** The checkout. */
export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** What a product is made of. */
const parts = ['src', 'bin', 'proto', 'prisma', 'scripts', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];

/**
 * A text with one piece of it replaced.
 *
 * @throws Error when it is not there exactly once: the source has changed, and the defect has to be found its place anew
 */
export function replaced(text: string, { file, old, now }: Mutation['edits'][number]): string {
  const count = text.split(old).length - 1;
  if (count !== 1) throw new Error(`${file} has it ${count} times, not once: ${JSON.stringify(old)}`);
  return text.replace(old, () => now);
}

/** A copy of the checkout with the defect in it. Gives its folder; the caller removes it. */
export function mutated({ name, edits }: Pick<Mutation, 'name' | 'edits'>): string {
  const copy = mkdtempSync(join(tmpdir(), `cronmesh-mutant-${name}-`));
  try {
    for (const part of parts) cpSync(join(root, part), join(copy, part), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    for (const edit of edits) {
      const path = join(copy, edit.file);
      writeFileSync(path, replaced(readFileSync(path, 'utf8'), edit));
    }
    return copy;
  } catch (error) {
    rmSync(copy, { recursive: true });
    throw error;
  }
}
