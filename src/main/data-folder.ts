import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { StartError } from './runtime.ts';

/**
 * The folder that `data.directory` names, made where it is missing; as an absolute path.
 *
 * @throws StartError when it cannot be made or written
 */
export function dataFolder(directory: string): string {
  const path = resolve(directory);
  try {
    make(path);
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StartError(`data.directory: ${path} cannot be used: ${reasons[code ?? ''] ?? message}`);
  }
  return path;
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'it is, or lies below, a file',
  EEXIST: 'it is, or lies below, a file',
  ENOENT: 'no folder can be made there',
};

/** Not mkdir's own `recursive`: it never comes back from /proc, where a folder cannot be made though its parent exists. */
function make(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(path).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    make(dirname(path));
    mkdirSync(path);
  }
}
