import { isUtf8 } from 'node:buffer';
import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { SecretRef } from '../../../domain/job/spec.ts';
import { UnreadableReferenceError } from './error.ts';

/** What of this worker may be read by jobs. */
export interface LocalSources {
  /** Names of variables. Default none. */
  readonly variables?: readonly string[];
  /** A folder: what is in it and below. Default none. */
  readonly directory?: string;
}

/** The system lets no process have a longer variable. */
const longest = 128 * 1024;

type EnvironmentRef = NonNullable<SecretRef['environment']>;
type FileRef = NonNullable<SecretRef['file']>;

/** Undefined when it is optional and not set. @throws UnreadableReferenceError */
export function readVariable(
  { variable, optional }: EnvironmentRef,
  { variables = [] }: LocalSources,
): string | undefined {
  if (!variables.includes(variable)) {
    throw new UnreadableReferenceError(
      `this worker gives its variable ${variable} to no job; to allow it, name it in worker.secrets.environment`,
    );
  }
  const value = process.env[variable];
  if (value !== undefined || optional) return value;
  throw new UnreadableReferenceError(`the variable ${variable} is not set on this worker`);
}

/** Undefined when it is optional and not there. @throws UnreadableReferenceError */
export async function readFile({ path, optional }: FileRef, { directory }: LocalSources): Promise<string | undefined> {
  if (directory === undefined) {
    throw new UnreadableReferenceError(
      'this worker has no files for jobs; to give them some, set worker.secrets.directory',
    );
  }
  let bytes: Buffer;
  try {
    bytes = await readBelow(directory, path);
  } catch (error) {
    if (error instanceof UnreadableReferenceError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const missing = code === 'ENOENT' || code === 'ENOTDIR';
    if (missing && optional) return undefined;
    throw new UnreadableReferenceError(
      missing
        ? `the file ${path} was not found in this worker's folder of secrets`
        : `the file ${path} in this worker's folder of secrets could not be read: ${code}`,
    );
  }
  if (!isUtf8(bytes) || bytes.includes(0)) {
    throw new UnreadableReferenceError(`the file ${path} is no text (UTF-8, without NUL)`);
  }
  // Editors and `echo` put one at the end; nobody means it.
  return bytes.toString('utf8').replace(/\r?\n$/, '');
}

/** Links are followed as long as they lead nowhere else: that is how Kubernetes mounts Secrets. */
async function readBelow(directory: string, path: string): Promise<Buffer> {
  const root = await realpath(directory);
  const real = await realpath(join(root, path));
  if (!real.startsWith(root.endsWith(sep) ? root : `${root}${sep}`)) {
    throw new UnreadableReferenceError(
      `the file ${path} lies outside of this worker's folder of secrets: its link leads there`,
    );
  }
  // A link that takes the file's place now is not followed, and a pipe does not hold up.
  const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size } = await regular(file, path);
    if (size > longest) throw new UnreadableReferenceError(`the file ${path} is larger than ${longest} bytes`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

async function regular(file: Awaited<ReturnType<typeof open>>, path: string): Promise<{ readonly size: number }> {
  const stat = await file.stat();
  if (!stat.isFile()) throw new UnreadableReferenceError(`${path} is no file`);
  return stat;
}
