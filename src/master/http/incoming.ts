import { CronmeshError } from '../../domain/errors.ts';
import { preview } from '../../domain/job/preview.ts';

/** What the server wrote into a manifest that is sent back, and what a change may be checked against. */
export interface ServerFields {
  readonly revision?: number;
  readonly uid?: string;
}

/**
 * Takes off what the answers add to a manifest (`status`, and `uid`, `revision` and `creationTimestamp` in its
 * metadata), so that what was read can be edited and sent back as it is.
 *
 * @throws CronmeshError InvalidInput when the revision or uid is none
 */
export function incomingManifest(body: unknown): { readonly manifest: unknown; readonly fields: ServerFields } {
  if (!isMapping(body)) return { manifest: body, fields: {} };
  const { status: _, ...rest } = body;
  if (!isMapping(rest.metadata)) return { manifest: rest, fields: {} };
  const { uid, revision, creationTimestamp: __, ...metadata } = rest.metadata;
  if (revision !== undefined && !(Number.isSafeInteger(revision) && Number(revision) >= 1)) {
    throw invalid('metadata.revision', revision, 'must be the whole number that was read, or be left out');
  }
  if (uid !== undefined && typeof uid !== 'string') {
    throw invalid('metadata.uid', uid, 'must be the string that was read, or be left out');
  }
  return {
    manifest: { ...rest, metadata },
    fields: { ...(revision !== undefined && { revision: Number(revision) }), ...(uid !== undefined && { uid }) },
  };
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(field: string, value: unknown, message: string): CronmeshError {
  return new CronmeshError('InvalidInput', `${field} ${message}`, {
    problems: [{ field, value: preview(value), message }],
  });
}
