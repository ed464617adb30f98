import type { HonoRequest } from 'hono';
import { CronmeshError } from '../../domain/errors.ts';
import { preview } from '../../domain/job/preview.ts';
import type { Precondition } from '../services/precondition.ts';
import type { ServerFields } from './incoming.ts';

/** A job's, or a calendar's, entity tag: its revision. */
export const entityTag = (job: { readonly revision: number }): string => `"${job.revision}"`;

/**
 * What a request asks of the job as it is: `If-Match`, `If-None-Match: *`, and the revision and uid of a manifest that
 * was read here before. All of them must hold.
 *
 * @throws CronmeshError InvalidInput
 */
export function preconditionOf(request: HonoRequest, fields: ServerFields = {}): Precondition {
  const match = combine(ifMatch(request.header('if-match')), fields.revision);
  return {
    ...(match !== undefined && { match }),
    ...(fields.uid !== undefined && { uid: fields.uid }),
    ...(ifNoneMatch(request.header('if-none-match')) && { absent: true }),
  };
}

function combine(header: Precondition['match'], revision: number | undefined): Precondition['match'] {
  if (revision === undefined) return header;
  return header === undefined || header === 'any' || header.includes(revision) ? [revision] : [];
}

function ifMatch(header: string | undefined): Precondition['match'] {
  if (header === undefined) return undefined;
  if (header.trim() === '*') return 'any';
  return header.split(',').map(tag => {
    const revision = /^\s*"(\d{1,15})"\s*$/.exec(tag)?.[1];
    if (revision === undefined)
      throw invalid('If-Match', header, 'must be an ETag as it was given, quotes included ("3"), or *');
    return Number(revision);
  });
}

function ifNoneMatch(header: string | undefined): boolean {
  if (header === undefined) return false;
  if (header.trim() !== '*')
    throw invalid('If-None-Match', header, 'must be *, which asks that there be no such job yet');
  return true;
}

function invalid(field: string, value: string, message: string): CronmeshError {
  return new CronmeshError('InvalidInput', `${field} ${message}`, {
    problems: [{ field, value: preview(value), message }],
  });
}
