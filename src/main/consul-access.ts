import { readFileSync } from 'node:fs';
import type { Config } from '../config/schema.ts';
import type { ConsulAccess } from '../worker/supervisor/protocol.ts';
import { StartError } from './runtime.ts';

/** Where Consul is, with the token read. @throws StartError that names the setting */
export function consulOf(config: Pick<Config, 'consul'>): ConsulAccess {
  const { address, tokenFile, tls } = config.consul;
  const token = config.consul.token ?? (tokenFile === undefined ? undefined : readToken(tokenFile));
  const files = Object.entries(tls).filter(([, file]) => file !== undefined);
  return {
    address,
    ...(token !== undefined && { token }),
    ...(files.length > 0 && { tls: Object.fromEntries(files) }),
  };
}

function readToken(file: string): string {
  let token: string;
  try {
    token = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new StartError(`consul.tokenFile: cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`);
  }
  if (token === '') throw new StartError(`consul.tokenFile: ${file} is empty`);
  return token;
}
