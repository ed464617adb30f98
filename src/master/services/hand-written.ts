import { CronmeshError } from '../../domain/errors.ts';
import type { JobUid } from '../../domain/job/job.ts';

/** What somebody put into a job's key. */
export interface HandWritten {
  /** For `validateManifest`, which judges it. */
  readonly manifest: {
    readonly metadata: Readonly<Record<string, unknown>>;
    readonly spec?: unknown;
  };
  /** Of a published job, or of a copy of one. */
  readonly uid?: JobUid;
  /** What the masters put beside its spec: nobody else decides what calendars hold. */
  readonly calendars?: unknown;
}

/**
 * Reads a job's key: a published job as the masters write it, a manifest (`apiVersion` and `kind` may be left out), or
 * no more than `{"spec": …}`; the key gives name and namespace where the value does not.
 *
 * @throws CronmeshError MalformedBody
 */
export function readHandWritten(
  value: string,
  key: { readonly namespace: string; readonly name: string },
): HandWritten {
  const given = parse(value);
  if (isObject(given.metadata) || given.v === undefined) {
    return { manifest: { ...given, metadata: { ...key, ...(isObject(given.metadata) ? given.metadata : {}) } } };
  }
  const { uid, namespace, name, labels, annotations, spec, calendars } = given;
  return {
    manifest: {
      metadata: {
        namespace: namespace ?? key.namespace,
        name: name ?? key.name,
        ...(labels !== undefined && { labels }),
        ...(annotations !== undefined && { annotations }),
      },
      spec,
    },
    ...(typeof uid === 'string' && { uid: uid as JobUid }),
    ...(calendars !== undefined && { calendars }),
  };
}

function parse(value: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(value);
    if (isObject(parsed)) return parsed;
  } catch {
    // Said below.
  }
  throw new CronmeshError('MalformedBody', 'the value is no JSON object; a manifest is allowed, at least {"spec": …}');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
