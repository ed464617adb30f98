import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where PostgreSQL's programs are, and as whom they may run. */

/** The folder of `initdb` and `postgres`: `POSTGRES_BIN`, PATH, or Debian's place, the newest version first. */
export function postgresFolder(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const candidates = process.env.POSTGRES_BIN
    ? [process.env.POSTGRES_BIN]
    : [
        ...(process.env.PATH ?? '').split(delimiter),
        ...versions(debian).map(version => join(debian, String(version), 'bin')),
      ];
  return candidates.find(folder => ['initdb', 'postgres'].every(name => isExecutable(join(folder, name))));
}

/** The user to run as: PostgreSQL refuses root. Undefined when this process is not root. */
export function unprivilegedUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = new Map(
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map(line => line.split(':'))
      .map(([name, , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }] as const),
  );
  const user = users.get('postgres') ?? users.get('nobody');
  if (user === undefined) throw new Error('this process is root, and there is no user postgres or nobody to run as');
  return user;
}

function versions(folder: string): readonly number[] {
  try {
    return readdirSync(folder)
      .map(Number)
      .filter(Number.isFinite)
      .sort((a, b) => b - a);
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
