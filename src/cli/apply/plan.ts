import { isDeepStrictEqual } from 'node:util';
import { type ValidManifest, validateManifest } from '../../domain/job/validate.ts';
import type { Client } from '../client.ts';
import { jobPath } from '../command.ts';
import { ApiError, CliError } from '../errors.ts';
import type { Document } from '../manifests/document.ts';
import type { JobView } from '../views.ts';

export type Applied = 'created' | 'configured' | 'unchanged';

/** What of a job an apply decides, with every default filled in. */
export interface Content {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: ValidManifest['spec'];
}

/** What applying a document would do. */
export interface Planned {
  readonly document: Document;
  readonly outcome: Applied;
  readonly content: Content;
  readonly before?: JobView;
}

/** The job that the server has, if any. */
export async function findJob(
  client: Client,
  job: { readonly namespace: string; readonly name: string },
): Promise<JobView | undefined> {
  try {
    return await client.get<JobView>(jobPath(job));
  } catch (error) {
    if (error instanceof ApiError && error.code === 'NotFound') return undefined;
    throw error;
  }
}

/** Says what an apply would do, by reading only. @throws CliError for what the server would refuse, as far as reads tell */
export async function planDocument(client: Client, document: Document): Promise<Planned> {
  const before = await findJob(client, document);
  checkAllowed(document, before);
  const content = contentOf(document.manifest);
  if (before === undefined) return { document, outcome: 'created', content };
  const same = isDeepStrictEqual(contentOf(before), content);
  return { document, outcome: same ? 'unchanged' : 'configured', content, before };
}

/** A manifest's content as the server would keep it. */
export function contentOf(manifest: object): Content {
  const { status: _, metadata, ...rest } = manifest as Record<string, unknown>;
  const { name, namespace, labels, annotations } = metadata as Record<string, unknown>;
  const valid = validateManifest({ ...rest, metadata: { name, namespace, labels, annotations } });
  // Through JSON, as it goes to the server: a field without a value is no field.
  return JSON.parse(JSON.stringify({ ...pick(valid.metadata), spec: valid.spec }));
}

function pick({ labels, annotations }: ValidManifest['metadata']): Omit<Content, 'spec'> {
  return { labels, annotations };
}

function checkAllowed(document: Document, before: JobView | undefined): void {
  const job = `the job ${document.namespace}/${document.name}`;
  const { revision, uid } = document;
  if (before === undefined) {
    if (revision === undefined && uid === undefined) return;
    throw new CliError(
      `${job} is not there, and ${document.origin} was read from one that was; leave out its revision and uid to create it`,
    );
  }
  if (before.status.source === 'kubernetes') {
    throw new CliError(`${job} comes from a CronJob resource in Kubernetes; change it there`);
  }
  if (uid !== undefined && uid !== before.metadata.uid)
    throw new CliError(`${job} was deleted and made again since it was read`);
  if (revision !== undefined && revision !== before.metadata.revision) {
    throw new CliError(`${job} is at revision ${before.metadata.revision}, not ${revision}`);
  }
}
