import type { Command } from 'commander';
import { inOrder } from '../apply/in-order.ts';
import { planDocument } from '../apply/plan.ts';
import { type PruneOptions, prunable, pruneLabels } from '../apply/prune.ts';
import { type ClientOptions, clientCommand, clientOf, fail, print } from '../command.ts';
import { readManifests } from '../manifests/read.ts';
import { type FilenameOptions, filenameOption, pruneOptions, recursiveOption } from './file-options.ts';

type DiffOptions = ClientOptions & FilenameOptions & PruneOptions;

/** `diff -f`: what apply would change. Exit status as of diff: 0 nothing, 1 something, 2 trouble. */
export function addDiffCommand(program: Command): void {
  const diff = clientCommand(program, 'diff')
    .description('show what apply would change, as a unified diff; ends with 0 nothing, 1 something, 2 trouble')
    .addOption(filenameOption())
    .addOption(recursiveOption());
  for (const option of pruneOptions()) diff.addOption(option);
  diff.action(async (options: DiffOptions) => {
    try {
      const differs = await showDiff(options);
      if (differs) process.exitCode = Math.max(Number(process.exitCode ?? 0), 1);
    } catch (error) {
      trouble(error);
    }
  });
}

async function showDiff(options: DiffOptions): Promise<boolean> {
  const { filename, recursive, namespace } = options;
  const labels = pruneLabels(options);
  const { diffOf, diffOfPruned } = await import('../apply/diff.ts');
  const client = clientOf(options);
  const documents = await readManifests(filename, { namespace, recursive });
  let differs = false;
  const show = (text: string): void => {
    differs ||= text !== '';
    print(text);
  };
  for await (const { result } of inOrder(documents, document => planDocument(client, document))) {
    if (result.status === 'rejected') trouble(result.reason);
    else show(diffOf(result.value));
  }
  if (labels !== undefined) for (const job of await prunable(client, documents, labels)) show(diffOfPruned(job));
  return differs;
}

/** What cannot be told is no difference. */
function trouble(error: unknown): void {
  fail(error);
  process.exitCode = 2;
}
