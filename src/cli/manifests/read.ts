import { CliError } from '../errors.ts';
import { type Document, DocumentError, type DocumentOptions, toDocument } from './document.ts';
import { filesOf, read } from './files.ts';
import { parse } from './parse.ts';

export interface ReadOptions extends DocumentOptions {
  /** Folders with all the folders in them. */
  readonly recursive?: boolean | undefined;
}

/**
 * Reads manifests: files (JSON or YAML, several documents, lists), folders of such files, or `-` for standard input.
 * Each is checked, before anything is sent, as the server would check it.
 *
 * @throws CliError with status 2 that tells everything that is wrong in all of them, with file, document and line
 */
export async function readManifests(paths: readonly string[], options: ReadOptions): Promise<Document[]> {
  const documents: Document[] = [];
  const problems: string[] = [];
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      problems.push(error.message);
    }
  };
  const files: string[] = [];
  for (const path of paths) {
    await attempt(async () => {
      files.push(...(await filesOf(path, options.recursive ?? false)));
    });
  }
  for (const [index, file] of files.entries()) {
    await attempt(async () => {
      const name = file === '-' ? 'standard input' : file;
      if (files.indexOf(file) < index) throw new CliError(`${name} is named twice`, { status: 2 });
      const found = documentsOf(await read(file), name, options);
      documents.push(...found.documents);
      problems.push(...found.problems);
    });
  }
  problems.push(...namedTwice(documents));
  if (problems.length === 0 && documents.length === 0) problems.push(`no manifests in ${paths.join(', ')}`);
  const [first, ...more] = problems;
  if (first === undefined) return documents;
  if (more.length === 0) throw new CliError(first, { status: 2 });
  throw new CliError(`${problems.length} problems in the manifests:`, { status: 2, details: problems });
}

function documentsOf(
  content: string,
  name: string,
  options: DocumentOptions,
): { readonly documents: readonly Document[]; readonly problems: readonly string[] } {
  const documents: Document[] = [];
  const problems: string[] = [];
  const all = parse(content, name);
  for (const [index, written] of all.entries()) {
    const origin = all.length === 1 ? name : `${name}, document ${index + 1}`;
    try {
      documents.push(toDocument(written, origin, options));
    } catch (error) {
      if (!(error instanceof DocumentError)) throw error;
      for (const { field, value, message } of error.problems) {
        const line = written.locate(field);
        const where = line === undefined ? origin : `${origin}, line ${line}`;
        const what = field === '(document)' ? message : `${field}: ${message}`;
        problems.push(`${where}: ${what}${value === undefined ? '' : ` (got ${value})`}`);
      }
    }
  }
  return { documents, problems };
}

/** Which of two would hold is chance: they are sent at once. */
function namedTwice(documents: readonly Document[]): readonly string[] {
  const first = new Map<string, Document>();
  return documents.flatMap(document => {
    const what = `${document.kind} ${document.namespace}/${document.name}`;
    const earlier = first.get(what);
    if (earlier === undefined) first.set(what, document);
    return earlier === undefined ? [] : [`${document.origin}: the ${what} is in ${earlier.origin} already`];
  });
}
