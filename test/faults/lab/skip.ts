import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { consulBinary } from '../../support/consul.ts';
import { postgresFolder } from '../../support/postgres-install.ts';
import { toolPath } from '../../support/tools.ts';
import { faketimeLibrary } from './clock.ts';

const programs = { ip: 'iproute2', nft: 'nftables', python3: 'python3', unshare: 'util-linux', setpriv: 'util-linux' };

/** For node:test's `skip`: false where a lab can be made, else everything that is missing for it. */
export function labSkip(): string | false {
  const missing: string[] = [];
  if (process.platform !== 'linux') missing.push('Linux');
  if (process.getuid?.() !== 0) missing.push('root');
  for (const [program, made] of Object.entries(programs)) {
    if (toolPath(program) === undefined) missing.push(`${program} (package ${made})`);
  }
  if (consulBinary() === undefined) missing.push('consul (on PATH, or CONSUL_BIN)');
  if (postgresFolder() === undefined) missing.push('PostgreSQL (initdb and postgres on PATH, or POSTGRES_BIN)');
  if (faketimeLibrary() === undefined) missing.push('libfaketime (package libfaketime)');
  if (missing.length === 0 && !makesNamespaces()) missing.push('the right to make network namespaces and mounts');
  if (missing.length === 0 && !hasTun()) missing.push('/dev/net/tun');
  return missing.length === 0 ? false : `the lab of the fault tests needs ${missing.join(', ')}`;
}

const makesNamespaces = (): boolean =>
  spawnSync('unshare', ['--net', '--mount', 'mount', '-t', 'tmpfs', 'none', '/tmp']).status === 0;

function hasTun(): boolean {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
