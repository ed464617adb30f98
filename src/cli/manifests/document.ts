import { validateCalendar } from '../../domain/calendar/validate.ts';
import { CronmeshError, type FieldProblem } from '../../domain/errors.ts';
import { preview } from '../../domain/job/preview.ts';
import { validateManifest } from '../../domain/job/validate.ts';
import { isMapping, type Written } from './parse.ts';

/** A manifest as it was written, where it stands, and where it goes. */
export interface Document {
  readonly kind: 'job' | 'calendar';
  /** `jobs.yaml`, or `jobs.yaml, document 3`. */
  readonly origin: string;
  /** As written, without what the server adds. */
  readonly manifest: Record<string, unknown>;
  readonly namespace: string;
  readonly name: string;
  /** Of the job that was read and edited, where the document has one. */
  readonly revision?: number;
  readonly uid?: string;
}

export interface DocumentOptions {
  /** Where a manifest names none; where it names another, that is an error. */
  readonly namespace?: string | undefined;
  /** Makes a name of `metadata.generateName`. Without it, that is an error: the same files would make other jobs each time. */
  readonly generate?: ((prefix: string) => string) | undefined;
}

/** What is wrong with one field of a document. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError';
  readonly problems: readonly FieldProblem[];
  constructor(problems: readonly FieldProblem[]) {
    super('the document is wrong');
    this.problems = problems;
  }
}

/** Checks a manifest as the server would check it. @throws DocumentError */
export function toDocument({ value }: Written, origin: string, options: DocumentOptions): Document {
  if (!isMapping(value)) throw wrong('(document)', value, 'a manifest is a mapping with metadata and spec');
  const { manifest, prefix } = named(withoutServerFields(value), options);
  const { uid, revision } = isMapping(value.metadata) ? value.metadata : {};
  const { namespace } = options;
  try {
    const expect = namespace === undefined ? {} : { namespace };
    const kind = manifest.kind === 'Calendar' ? 'calendar' : 'job';
    const valid = kind === 'calendar' ? validateCalendar(manifest, { expect }) : validateManifest(manifest, { expect });
    return {
      kind,
      origin,
      manifest,
      namespace: valid.metadata.namespace,
      name: valid.metadata.name,
      ...(typeof revision === 'number' && { revision }),
      ...(typeof uid === 'string' && { uid }),
    };
  } catch (error) {
    if (!(error instanceof CronmeshError)) throw error;
    throw new DocumentError(prefix === undefined ? error.problems : error.problems.map(ofPrefix(prefix)));
  }
}

/** A manifest without what the server adds: fit to be applied anywhere. */
export function withoutServerFields(job: object): Record<string, unknown> {
  const { status: _, ...manifest } = job as Record<string, unknown>;
  if (!isMapping(manifest.metadata)) return manifest;
  const { uid: __, revision: ___, creationTimestamp: ____, ...metadata } = manifest.metadata;
  return { ...manifest, metadata };
}

/** Makes the name where the manifest wants one made. */
function named(
  manifest: Record<string, unknown>,
  { generate }: DocumentOptions,
): { readonly manifest: Record<string, unknown>; readonly prefix?: string } {
  if (!isMapping(manifest.metadata) || manifest.metadata.generateName === undefined) return { manifest };
  const { generateName: prefix, ...metadata } = manifest.metadata;
  const field = 'metadata.generateName';
  if (generate === undefined) {
    throw wrong(field, prefix, 'would make another job each time: use cronmesh create -f, or give metadata.name');
  }
  if (metadata.name !== undefined) throw wrong(field, prefix, 'is not allowed beside metadata.name: give one of them');
  if (typeof prefix !== 'string') throw wrong(field, prefix, 'must be a string');
  return { manifest: { ...manifest, metadata: { name: generate(prefix), ...metadata } }, prefix };
}

/** The user wrote the prefix, not the name. */
const ofPrefix =
  (prefix: string) =>
  (problem: FieldProblem): FieldProblem =>
    problem.field === 'metadata.name'
      ? {
          ...problem,
          field: 'metadata.generateName',
          value: preview(prefix),
          message: `as a name with 5 more characters, ${problem.message}`,
        }
      : problem;

function wrong(field: string, value: unknown, message: string): DocumentError {
  return new DocumentError([{ field, ...(value !== undefined && { value: preview(value) }), message }]);
}
