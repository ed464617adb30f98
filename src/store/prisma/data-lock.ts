import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { CronmeshError, ErrorCode } from '../../domain/errors.ts';
import type { Logger } from '../../observability/logger.ts';

/**
 * The lock beside an embedded data folder, `<folder>.lock`: PGlite itself would let two processes write one folder
 * and ruin it. It names its holder by pid and by when that process began, since pids come again.
 */

/** Processes of this program that live on without /proc (macOS) are known by pid alone. */
interface Holder {
  readonly pid: number;
  /** Boot and start time of the process; absent where the system does not tell. */
  readonly began?: string;
}

/** A takeover is a few file operations; who meets one waits this long, in milliseconds. */
const lookAgainAfter = 5;

/**
 * Takes the lock; the result gives it back. A lock of a process that no longer lives is taken over.
 *
 * @throws CronmeshError Conflict when a living process has it, this one included
 */
export async function lockDirectory(directory: string, logger?: Logger): Promise<() => Promise<void>> {
  const path = `${directory}.lock`;
  const holder = await acquire(path, logger);
  if (holder === undefined) return () => release(path);
  throw new CronmeshError(
    ErrorCode.Conflict,
    `the data folder ${directory} is in use by process ${holder.pid}: stop that process, or choose another folder (lock file: ${path})`,
  );
}

/** Takes a lock file, or tells which living process has it. */
async function acquire(path: string, logger?: Logger): Promise<Holder | undefined> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify(await describe(process.pid)));
  try {
    // Linking gives the lock its content and its name at once: nobody ever reads half a lock.
    while (!(await linked(draft, path))) {
      const found = await contentOf(path);
      if (found === undefined) continue;
      const holder = parse(found);
      if (holder && (await lives(holder))) return holder;
      if (await takeOver(path, found, draft)) {
        logger?.warn(
          { component: 'store', lock: path, pid: holder?.pid },
          'took over the lock of a process that is gone',
        );
        break;
      }
    }
    return undefined;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Puts the draft in place of a dead process's lock. Only who holds the lock's own lock may: the file is there all the
 * time, so that nobody else can link one, and what is replaced is what was looked at. That other lock may be a dead
 * process's too, and is then taken over in the same way.
 */
async function takeOver(path: string, found: string, draft: string): Promise<boolean> {
  const guard = `${path}.takeover`;
  if ((await acquire(guard)) !== undefined) {
    await setTimeout(lookAgainAfter);
    return false;
  }
  try {
    if ((await contentOf(path)) !== found) return false;
    await rename(draft, path);
    return true;
  } finally {
    await release(guard);
  }
}

async function release(path: string): Promise<void> {
  if ((await contentOf(path)) === JSON.stringify(await describe(process.pid))) await rm(path, { force: true });
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parse(content: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(content);
    if (typeof value !== 'object' || value === null || !('pid' in value) || typeof value.pid !== 'number') return;
    const began = 'began' in value && typeof value.began === 'string' ? { began: value.began } : {};
    return { pid: value.pid, ...began };
  } catch {
    return undefined;
  }
}

async function lives(holder: Holder): Promise<boolean> {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: it lives, under another user.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = await describe(holder.pid);
  return holder.began === undefined || now.began === undefined || holder.began === now.began;
}

/** The start time is the 22nd field of /proc/<pid>/stat, counted after the command, which may hold blanks and brackets. */
async function describe(pid: number): Promise<Holder> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    return { pid, began: `${boot}/${ticks}` };
  } catch {
    return { pid };
  }
}
