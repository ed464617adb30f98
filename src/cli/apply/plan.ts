import { isDeepStrictEqual } from 'node:util';
import { type ValidCalendar, validateCalendar } from '../../domain/calendar/validate.ts';
import { type ValidManifest, validateManifest } from '../../domain/job/validate.ts';
import type { Client } from '../client.ts';
import { calendarPath, jobPath } from '../command.ts';
import { ApiError, CliError } from '../errors.ts';
import type { Document } from '../manifests/document.ts';
import type { CalendarView, JobView } from '../views.ts';

export type Applied = 'created' | 'configured' | 'unchanged';

/** What of a job an apply decides, with every default filled in. */
export interface Content {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: ValidManifest['spec'] | ValidCalendar['spec'];
}

/** What applying a document would do. */
export interface Planned {
  readonly document: Document;
  readonly outcome: Applied;
  readonly content: Content;
  readonly before?: JobView | CalendarView;
}

/** Where a document goes. */
export const pathOf = (document: Pick<Document, 'kind' | 'namespace' | 'name'>): string =>
  document.kind === 'calendar' ? calendarPath(document) : jobPath(document);

/** The job, or calendar, that the server has, if any. */
export async function findPresent(
  client: Client,
  document: Pick<Document, 'kind' | 'namespace' | 'name'>,
): Promise<JobView | CalendarView | undefined> {
  try {
    return await client.get<JobView | CalendarView>(pathOf(document));
  } catch (error) {
    if (error instanceof ApiError && error.code === 'NotFound') return undefined;
    throw error;
  }
}

/** Says what an apply would do, by reading only. @throws CliError for what the server would refuse, as far as reads tell */
export async function planDocument(client: Client, document: Document): Promise<Planned> {
  const before = await findPresent(client, document);
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
  const given = { ...rest, metadata: { name, namespace, labels, annotations } };
  const valid = rest.kind === 'Calendar' ? validateCalendar(given) : validateManifest(given);
  // Through JSON, as it goes to the server: a field without a value is no field.
  return JSON.parse(JSON.stringify({ ...pick(valid.metadata), spec: valid.spec }));
}

function pick({ labels, annotations }: Omit<Content, 'spec'>): Omit<Content, 'spec'> {
  return { labels, annotations };
}

function checkAllowed(document: Document, before: JobView | CalendarView | undefined): void {
  const job = `the ${document.kind} ${document.namespace}/${document.name}`;
  const { revision, uid } = document;
  if (before === undefined) {
    if (revision === undefined && uid === undefined) return;
    throw new CliError(
      `${job} is not there, and ${document.origin} was read from one that was; leave out its revision and uid to create it`,
    );
  }
  if ('source' in before.status && before.status.source === 'kubernetes') {
    throw new CliError(`${job} comes from a CronJob resource in Kubernetes; change it there`);
  }
  if (uid !== undefined && 'uid' in before.metadata && uid !== before.metadata.uid)
    throw new CliError(`${job} was deleted and made again since it was read`);
  if (revision !== undefined && revision !== before.metadata.revision) {
    throw new CliError(`${job} is at revision ${before.metadata.revision}, not ${revision}`);
  }
}
