import { randomBytes } from 'node:crypto';
import { alphanumeric } from '../../domain/alphanumeric.ts';
import type { Client } from '../client.ts';
import { fail, print } from '../command.ts';
import { ApiError } from '../errors.ts';
import type { Document } from '../manifests/document.ts';
import { calendarsFirst } from './apply-documents.ts';
import { inOrder } from './in-order.ts';

/** A made name was taken already this often: 36^5 names are not used up by chance. */
const maxTries = 5;

/** A prefix and 5 random characters, as Kubernetes makes names. */
export function generateName(prefix: string): string {
  return `${prefix}${alphanumeric(randomBytes(5))}`;
}

/**
 * Creates jobs that must not exist yet, and tells of each in order. `prefixes` are those of documents whose name was
 * made: where it is taken, another is made.
 */
export async function createDocuments(
  client: Client,
  documents: readonly Document[],
  prefixes: ReadonlyMap<string, string>,
): Promise<void> {
  const create = (document: Document) => createJob(client, document, prefixes.get(document.name));
  for (const some of calendarsFirst(documents)) {
    for await (const { item, result } of inOrder(some, create)) {
      if (result.status === 'rejected') fail(result.reason);
      else print(`${item.kind} ${item.namespace}/${result.value} created\n`);
    }
  }
}

/** Creates one, and gives its name. `prefix`: its name was made of it. @throws ApiError */
export async function createJob(client: Client, document: Document, prefix: string | undefined): Promise<string> {
  const { manifest, namespace } = document;
  let { name } = document;
  for (let tries = 1; ; tries++) {
    const metadata = { ...(manifest.metadata as object), name };
    try {
      const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/${document.kind}s`;
      await client.send('POST', path, { body: { ...manifest, metadata } });
      return name;
    } catch (error) {
      const taken = error instanceof ApiError && error.code === 'AlreadyExists';
      if (!taken || prefix === undefined || tries >= maxTries) throw error;
      name = generateName(prefix);
    }
  }
}
