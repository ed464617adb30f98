import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { CliError } from '../errors.ts';

/**
 * The files that a path names: itself, or in a folder those that end in .yaml, .yml or .json, sorted by name, with
 * those of its folders when `recursive`. What is hidden (`.git`, the `..data` of a mounted ConfigMap) is left out.
 *
 * @throws CliError with status 2
 */
export async function filesOf(path: string, recursive: boolean): Promise<string[]> {
  if (path === '-') return [path];
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) {
    const how = `read it first, for example: curl -fsS ${path} | cronmesh apply -f -`;
    throw new CliError(`${path} is a URL, and only files are read: ${how}`, { status: 2 });
  }
  try {
    return (await stat(path)).isDirectory() ? await within(path, recursive) : [path];
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function within(folder: string, recursive: boolean): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const files: string[] = [];
  for (const entry of entries.filter(({ name }) => !name.startsWith('.'))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (recursive) files.push(...(await within(path, recursive)));
    } else if (/\.(ya?ml|json)$/.test(entry.name)) {
      // A link to a folder is not followed: it could lead in a circle.
      const isFolder = entry.isSymbolicLink() && (await stat(path)).isDirectory();
      if (!isFolder) files.push(path);
    }
  }
  return files;
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
  const { code, message, path: place = path } = error as NodeJS.ErrnoException;
  const why = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'permission denied' : message;
  return new CliError(`cannot read ${place}: ${why}`, { status: 2, cause: error });
}
