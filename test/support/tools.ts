import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where the system's programs are: npm puts those of packages first on PATH, one of which is another `nft`. */
export const systemFolders: readonly string[] = (process.env.PATH ?? '')
  .split(delimiter)
  .filter(folder => !folder.includes('node_modules'));

/** Where on PATH a program is; undefined where it is not. */
export function toolPath(program: string): string | undefined {
  return systemFolders.map(folder => join(folder, program)).find(isExecutable);
}

/** For node:test's `skip`: false where the program is on PATH. */
export function toolSkip(program: string): string | false {
  return toolPath(program) === undefined ? `${program} is not installed: put it on PATH` : false;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
