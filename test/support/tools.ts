import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** For node:test's `skip`: false where the program is on PATH. */
export function toolSkip(program: string): string | false {
  const found = (process.env.PATH ?? '').split(delimiter).some(folder => isExecutable(join(folder, program)));
  return found ? false : `${program} is not installed: put it on PATH`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
