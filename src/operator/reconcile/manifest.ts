import { CronmeshError } from '../../domain/errors.ts';
import { clusterAnnotation, resourceUidAnnotation } from '../../domain/job/resource.ts';
import { type ValidManifest, validateManifest } from '../../domain/job/validate.ts';
import { type CronJobResource, releasedAnnotation } from '../resource.ts';

/** kubectl's copy of the whole resource: of no use to the job, and each apply changes it. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** Of what is wrong with a spec, this much is said: conditions are for people. */
const maxProblems = 4_000;

export type Judged =
  | { readonly valid: true; readonly manifest: ValidManifest }
  | { readonly valid: false; readonly message: string };

/**
 * The job that a resource describes: of its metadata only name, namespace, labels and annotations, with the owner's
 * annotations over those that a user may have written.
 */
export function manifestOf(resource: CronJobResource, cluster: string): Judged {
  const { namespace, name, uid, labels = {}, annotations = {} } = resource.metadata;
  const { [lastApplied]: _, [releasedAnnotation]: __, ...kept } = annotations;
  const owned = { ...kept, [resourceUidAnnotation]: uid, [clusterAnnotation]: cluster };
  try {
    const manifest = validateManifest(
      { metadata: { namespace, name, labels, annotations: owned }, spec: resource.spec },
      { expect: { namespace, name } },
    );
    return { valid: true, manifest };
  } catch (error) {
    if (!(error instanceof CronmeshError) || error.code !== 'InvalidInput') throw error;
    return { valid: false, message: problemsText(error) };
  }
}

function problemsText(error: CronmeshError): string {
  if (error.problems.length === 0) return error.message.slice(0, maxProblems);
  const parts: string[] = [];
  let length = 0;
  for (const { field, value, message } of error.problems) {
    const text = `${field}${value === undefined ? '' : ` (${value})`} ${message}`.slice(0, maxProblems);
    if (parts.length > 0 && length + text.length > maxProblems) {
      parts.push(`and ${error.problems.length - parts.length} more`);
      break;
    }
    parts.push(text);
    length += text.length;
  }
  return parts.join('; ');
}
