import type { Client } from '../client.ts';
import { jobPath } from '../command.ts';
import { ApiError, CliError } from '../errors.ts';
import type { Document } from '../manifests/document.ts';
import type { JobView } from '../views.ts';

/** How `--prune` and its selector were given. */
export interface PruneOptions {
  readonly prune?: true;
  readonly selector?: readonly string[];
  readonly namespace?: string;
}

/**
 * The labels to prune by, or undefined where nothing is to be pruned.
 *
 * @throws CliError with status 2 where there is no selector: everything would go
 */
export function pruneLabels(options: PruneOptions): readonly string[] | undefined {
  const { prune, selector } = options;
  if (prune === undefined) {
    if (selector === undefined) return undefined;
    throw new CliError('-l says what --prune may delete: give --prune too, or leave it out', { status: 2 });
  }
  if (selector === undefined) {
    throw new CliError('--prune needs -l key=value: only jobs with these labels are deleted', { status: 2 });
  }
  const labels = selector.flatMap(given => given.split(','));
  const wrong = labels.find(label => !/^[^=,!<>\s]+=[^=,\s]*$/.test(label));
  if (wrong === undefined) return labels;
  throw new CliError(`-l ${JSON.stringify(wrong)} must be key=value, several separated by commas or given again`, {
    status: 2,
  });
}

/**
 * The jobs that carry the labels and are in none of the documents, in the namespaces that the documents (or the
 * option) name. Only those that were made through the API: others have an owner elsewhere.
 */
export async function prunable(
  client: Client,
  documents: readonly Document[],
  labels: readonly string[],
): Promise<JobView[]> {
  const kept = new Set(
    documents.filter(({ kind }) => kind === 'job').map(({ namespace, name }) => `${namespace}/${name}`),
  );
  const found: JobView[] = [];
  for (const namespace of [...new Set(documents.map(document => document.namespace))].sort()) {
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/jobs`;
    found.push(...(await client.list<JobView>(path, { label: labels })));
  }
  return found.filter(
    job => job.status.source === 'api' && !kept.has(`${job.metadata.namespace}/${job.metadata.name}`),
  );
}

/** Deletes a job as it was found: one that was changed since then stays. @throws ApiError */
export async function pruneJob(client: Client, job: JobView): Promise<void> {
  try {
    await client.send('DELETE', jobPath(job.metadata), { headers: { 'if-match': `"${job.metadata.revision}"` } });
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 'NotFound')) throw error;
  }
}
