import type { Client } from './client.ts';
import { fail, jobPath, print } from './command.ts';
import { ApiError } from './errors.ts';
import type { Document } from './manifests.ts';
import type { JobView } from './views.ts';

/** Jobs sent at once. */
const concurrency = 8;
/** Somebody else's change came between the read and the write this often. */
const maxTries = 5;

export type Applied = 'created' | 'configured' | 'unchanged';

/** Creates or replaces the jobs, and tells of each in order. One that the server refuses does not keep the others back. */
export async function applyDocuments(client: Client, documents: readonly Document[]): Promise<void> {
  const underWay: Promise<PromiseSettledResult<Applied>>[] = [];
  let next = 0;
  for (const document of documents) {
    while (next < documents.length && underWay.length < concurrency) {
      const one = documents[next++];
      if (one) underWay.push(settled(applyOne(client, one)));
    }
    const result = await underWay.shift();
    if (result?.status === 'rejected') fail(result.reason);
    else print(`job ${document.namespace}/${document.name} ${result?.value}\n`);
  }
}

async function settled<T>(work: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [result] = await Promise.allSettled([work]);
  return result;
}

async function applyOne(client: Client, document: Document): Promise<Applied> {
  for (let tries = 1; ; tries++) {
    const before = await find(client, document);
    try {
      return await put(client, document, before);
    } catch (error) {
      // A document that names a revision wants to hear of the change in between; any other wants to be what holds.
      const raced = error instanceof ApiError && error.code === 'StaleRevision' && document.revision === undefined;
      if (!raced || tries >= maxTries) throw error;
    }
  }
}

async function put(client: Client, document: Document, before: JobView | undefined): Promise<Applied> {
  const { manifest, revision, uid } = document;
  const metadata = {
    ...(manifest.metadata as object),
    ...(revision !== undefined && { revision }),
    ...(uid !== undefined && { uid }),
  };
  const { status, body } = await client.send('PUT', jobPath(document), {
    body: { ...manifest, metadata },
    headers: revision === undefined ? condition(before) : {},
  });
  if (status === 201) return 'created';
  return (body as JobView).metadata.revision === before?.metadata.revision ? 'unchanged' : 'configured';
}

function condition(before: JobView | undefined): Record<string, string> {
  return before ? { 'if-match': `"${before.metadata.revision}"` } : { 'if-none-match': '*' };
}

async function find(client: Client, document: Document): Promise<JobView | undefined> {
  try {
    return await client.get<JobView>(jobPath(document));
  } catch (error) {
    if (error instanceof ApiError && error.code === 'NotFound') return undefined;
    throw error;
  }
}
