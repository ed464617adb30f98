import { type Command, Option } from 'commander';
import { applyDocuments } from '../apply/apply-documents.ts';
import { createDocuments, generateName } from '../apply/create-documents.ts';
import { inOrder } from '../apply/in-order.ts';
import { planDocument } from '../apply/plan.ts';
import { type PruneOptions, prunable, pruneJob, pruneLabels } from '../apply/prune.ts';
import type { Client } from '../client.ts';
import { action, type ClientOptions, clientCommand, clientOf, fail, print } from '../command.ts';
import { CliError } from '../errors.ts';
import type { Document } from '../manifests/document.ts';
import { readManifests } from '../manifests/read.ts';
import type { JobView } from '../views.ts';
import { type FilenameOptions, filenameOption, pruneOptions, recursiveOption } from './file-options.ts';

interface ApplyOptions extends ClientOptions, FilenameOptions, PruneOptions {
  readonly namespace?: string;
  readonly dryRun?: 'client';
}

/** Commands that make jobs of files: apply, create. */
export function addApplyCommands(program: Command): void {
  const apply = clientCommand(program, 'apply')
    .description('create jobs and calendars, or replace them; nothing is changed while any manifest is wrong')
    .addOption(filenameOption())
    .addOption(recursiveOption());
  for (const option of pruneOptions()) apply.addOption(option);
  apply
    .addOption(
      new Option('--dry-run [where]', 'say what would be done, by reading only').choices(['client']).preset('client'),
    )
    .action(action(applyFiles));

  clientCommand(program, 'create')
    .description('create jobs that are not there yet; metadata.generateName makes a name')
    .addOption(filenameOption())
    .addOption(recursiveOption())
    .action(action(createFiles));
}

async function applyFiles(options: ApplyOptions): Promise<void> {
  const { filename, recursive, namespace } = options;
  const labels = pruneLabels(options);
  const client = clientOf(options);
  const documents = await readManifests(filename, { namespace, recursive });
  const refused = options.dryRun ? await tellPlan(client, documents) : await applyDocuments(client, documents);
  if (labels === undefined) return;
  if (refused > 0) {
    throw new CliError(`nothing was pruned: ${refused} of ${documents.length} manifests could not be applied`);
  }
  const surplus = await prunable(client, documents, labels);
  const prune = async (job: JobView): Promise<void> => {
    if (!options.dryRun) await pruneJob(client, job);
  };
  for await (const { item, result } of inOrder(surplus, prune)) {
    const { namespace: place, name } = item.metadata;
    if (result.status === 'rejected') fail(result.reason);
    else print(`job ${place}/${name} pruned${options.dryRun ? dryRun : ''}\n`);
  }
}

const dryRun = ' (dry run)';

/** Gives how many jobs would be refused. */
async function tellPlan(client: Client, documents: readonly Document[]): Promise<number> {
  let refused = 0;
  for await (const { item, result } of inOrder(documents, document => planDocument(client, document))) {
    if (result.status === 'rejected') {
      refused++;
      fail(result.reason);
    } else print(`${item.kind} ${item.namespace}/${item.name} ${result.value.outcome}${dryRun}\n`);
  }
  return refused;
}

async function createFiles(options: ClientOptions & FilenameOptions): Promise<void> {
  const { filename, recursive, namespace } = options;
  const prefixes = new Map<string, string>();
  const generate = (prefix: string): string => {
    const name = generateName(prefix);
    prefixes.set(name, prefix);
    return name;
  };
  const client = clientOf(options);
  const documents = await readManifests(filename, { namespace, recursive, generate });
  await createDocuments(client, documents, prefixes);
}
