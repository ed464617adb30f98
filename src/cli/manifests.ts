import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { loadAll, YAMLException } from 'js-yaml';
import { duplicateKey } from '../domain/job/duplicate-key.ts';
import { validateManifest } from '../domain/job/validate.ts';
import { CliError } from './errors.ts';

/** A manifest as it was written, where it stands, and where it goes. */
export interface Document {
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

/**
 * Reads manifests: files (JSON or YAML, several documents, lists), folders of such files, or `-` for standard input.
 * Each is checked, before anything is sent, as the server would check it.
 *
 * @throws CliError with status 2 for the first one that is wrong
 */
export async function readManifests(paths: readonly string[], namespace: string | undefined): Promise<Document[]> {
  const documents: Document[] = [];
  for (const path of paths) {
    for (const file of await filesOf(path)) documents.push(...parseManifests(await read(file), file, namespace));
  }
  if (documents.length === 0) throw new CliError(`no manifests in ${paths.join(', ')}`, { status: 2 });
  return documents;
}

/** The manifests of one text. @param namespace where a manifest names none; where it names another, that is an error */
export function parseManifests(content: string, source: string, namespace: string | undefined): Document[] {
  const name = source === '-' ? 'standard input' : source;
  const values = parse(content, name).flatMap(unwrapList);
  return values.map((value, index) => {
    const origin = values.length === 1 ? name : `${name}, document ${index + 1}`;
    return toDocument(value, origin, namespace);
  });
}

function toDocument(value: unknown, origin: string, namespace: string | undefined): Document {
  const mapping = asMapping(value, origin);
  const written = withoutServerFields(mapping);
  const { uid, revision } = isMapping(mapping.metadata) ? mapping.metadata : {};
  try {
    const valid = validateManifest(written, { expect: namespace === undefined ? {} : { namespace } });
    return {
      origin,
      manifest: written,
      namespace: valid.metadata.namespace,
      name: valid.metadata.name,
      ...(typeof revision === 'number' && { revision }),
      ...(typeof uid === 'string' && { uid }),
    };
  } catch (error) {
    const { message, problems } = error as CliError;
    // With several problems each has its own line, and the heading says where they are.
    throw new CliError(`${origin}: ${message}`, { status: 2, problems: (problems ?? []).map(prefixed(origin)) });
  }
}

/** A manifest without what the server adds: fit to be applied anywhere. */
export function withoutServerFields(job: object): Record<string, unknown> {
  const { status: _, ...manifest } = job as Record<string, unknown>;
  if (!isMapping(manifest.metadata)) return manifest;
  const { uid: __, revision: ___, creationTimestamp: ____, ...metadata } = manifest.metadata;
  return { ...manifest, metadata };
}

const prefixed =
  (origin: string) =>
  <T extends { readonly field: string }>(problem: T): T => ({ ...problem, field: `${origin}: ${problem.field}` });

async function filesOf(path: string): Promise<string[]> {
  if (path === '-') return [path];
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter(name => /\.(ya?ml|json)$/.test(name)).sort();
    return names.map(name => join(path, name));
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** A file's text, or that of standard input for `-`. @throws CliError with status 2 */
export async function read(path: string): Promise<string> {
  try {
    return path === '-' ? await text(process.stdin) : await readFile(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): CliError {
  const { code, message } = error as NodeJS.ErrnoException;
  const why = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'permission denied' : message;
  return new CliError(`cannot read ${path}: ${why}`, { status: 2, cause: error });
}

/** JSON where it is JSON, else YAML: a JSON text indented with tabs is no YAML. Empty documents are left out. */
function parse(content: string, name: string): unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    try {
      return loadAll(content).filter(value => value !== null && value !== undefined);
    } catch (error) {
      if (!(error instanceof YAMLException)) throw error;
      const where = error.mark ? ` at line ${error.mark.line + 1}, column ${error.mark.column + 1}` : '';
      throw new CliError(`${name} is neither JSON nor YAML: ${error.reason}${where}`, { status: 2 });
    }
  }
  const again = duplicateKey(content);
  if (again === undefined) return [value];
  const line = content.slice(0, again).split('\n').length;
  throw new CliError(`${name} names a field twice at line ${line}`, { status: 2 });
}

/** What `get -o json` prints, and Kubernetes' lists. */
function unwrapList(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (isMapping(value) && Array.isArray(value.items) && value.spec === undefined) return value.items;
  return [value];
}

function asMapping(value: unknown, origin: string): Record<string, unknown> {
  if (isMapping(value)) return value;
  throw new CliError(`${origin}: a manifest is a mapping with metadata and spec`, { status: 2 });
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
