import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CronmeshError, ErrorCode } from '../../domain/errors.ts';

const sqliteBusy = 5;

/** Another process uses the folder. */
export class DirectoryInUseError extends CronmeshError {
  override readonly name = 'DirectoryInUseError';
  constructor(directory: string, cause: unknown) {
    super(
      ErrorCode.Conflict,
      `${directory} is used by another process: stop it, or give this one a folder of its own (data.directory)`,
      { cause },
    );
  }
}

/**
 * Takes a folder for this process alone, until the disposer is called or the process ends in whatever way. Node has no
 * file locks of its own, but its SQLite does: an exclusive transaction on an empty file is a lock of the kernel, which
 * no crash can leave behind, unlike a file that holds a process id.
 *
 * @throws DirectoryInUseError
 */
export function lockDirectory(directory: string): Disposable {
  const database = new DatabaseSync(join(directory, 'lock'));
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    throw (error as { errcode?: number }).errcode === sqliteBusy ? new DirectoryInUseError(directory, error) : error;
  }
  return { [Symbol.dispose]: () => database.close() };
}
