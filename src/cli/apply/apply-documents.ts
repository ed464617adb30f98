import type { Client } from '../client.ts';
import { fail, print } from '../command.ts';
import { ApiError } from '../errors.ts';
import type { Document } from '../manifests/document.ts';
import type { CalendarView, JobView } from '../views.ts';
import { inOrder } from './in-order.ts';
import { type Applied, findPresent, pathOf } from './plan.ts';

/** Somebody else's change came between the read and the write this often. */
const maxTries = 5;

/**
 * Creates or replaces the calendars, then the jobs, which may name them, and tells of each in order. One that the server refuses does not keep the others back.
 * Gives how many were refused.
 */
export async function applyDocuments(client: Client, documents: readonly Document[]): Promise<number> {
  let refused = 0;
  for (const some of calendarsFirst(documents)) {
    for await (const { item, result } of inOrder(some, document => applyOne(client, document))) {
      if (result.status === 'rejected') {
        refused++;
        fail(result.reason);
      } else print(`${item.kind} ${item.namespace}/${item.name} ${result.value}\n`);
    }
  }
  return refused;
}

async function applyOne(client: Client, document: Document): Promise<Applied> {
  for (let tries = 1; ; tries++) {
    const before = await findPresent(client, document);
    try {
      return await put(client, document, before);
    } catch (error) {
      // A document that names a revision wants to hear of the change in between; any other wants to be what holds.
      const raced = error instanceof ApiError && error.code === 'StaleRevision' && document.revision === undefined;
      if (!raced || tries >= maxTries) throw error;
    }
  }
}

async function put(client: Client, document: Document, before: JobView | CalendarView | undefined): Promise<Applied> {
  const { manifest, revision, uid } = document;
  const metadata = {
    ...(manifest.metadata as object),
    ...(revision !== undefined && { revision }),
    ...(uid !== undefined && { uid }),
  };
  const { status, body } = await client.send('PUT', pathOf(document), {
    body: { ...manifest, metadata },
    headers: revision === undefined ? condition(before) : {},
  });
  if (status === 201) return 'created';
  return (body as JobView).metadata.revision === before?.metadata.revision ? 'unchanged' : 'configured';
}

/** Calendars, and then jobs. */
export function calendarsFirst(documents: readonly Document[]): readonly Document[][] {
  return (['calendar', 'job'] as const).map(kind => documents.filter(document => document.kind === kind));
}

function condition(before: JobView | CalendarView | undefined): Record<string, string> {
  return before ? { 'if-match': `"${before.metadata.revision}"` } : { 'if-none-match': '*' };
}
