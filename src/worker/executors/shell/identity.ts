import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import type { ProcessUser } from '../../../domain/job/shell-process.ts';

const run = promisify(execFile);

/** A user of this machine, from its user database (files, LDAP: whatever the system asks). */
export interface Identity {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** A run may not, or can't, be another user's. The message says what to do. */
export class IdentityError extends Error {
  override readonly name = 'IdentityError';
}

/**
 * The user that a job asks for.
 *
 * @param allowed names and uids of `worker.shell.users`
 * @throws IdentityError when the worker is not root, the user is unknown here, or is not allowed
 */
export async function identityOf(user: ProcessUser, allowed: readonly ProcessUser[]): Promise<Identity> {
  if (process.getuid?.() !== 0) {
    throw new IdentityError(`user ${user}: this worker is not root, and can run as no other user`);
  }
  const wanted = await lookUp(user);
  if (wanted === undefined) throw new IdentityError(`user ${user}: there is no such user on this worker`);
  for (const one of allowed) if ((await lookUp(one))?.uid === wanted.uid) return wanted;
  throw new IdentityError(
    `user ${user}: this worker does not run as it; to allow it, name it in worker.shell.users (CRONMESH_WORKER_SHELL_USERS)`,
  );
}

async function lookUp(user: ProcessUser): Promise<Identity | undefined> {
  let line: string;
  try {
    line = (await run('getent', ['passwd', String(user)])).stdout;
  } catch (error) {
    // Its status for a key that is not there.
    if ((error as { code?: unknown }).code === 2) return undefined;
    throw new IdentityError(`user ${user}: the system's users could not be read by getent`);
  }
  const [name = '', , uid, gid, , home = ''] = (line.split('\n')[0] ?? '').split(':');
  return { name, uid: Number(uid), gid: Number(gid), home };
}

/** What of the environment is the user's. */
export function identityEnvironment({ name, home }: Identity): Record<string, string> {
  return { HOME: home, USER: name, LOGNAME: name };
}

/** Where a process of it starts when the job does not say: as cron does, at home. */
export function homeOf({ home }: Identity): string {
  return existsSync(home) ? home : '/';
}
