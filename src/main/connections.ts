import { ConfigError } from '../config/load.ts';
import type { Config } from '../config/schema.ts';

/** @throws ConfigError */
export function databaseUrl(config: Config): string {
  if (config.database.url !== undefined) return config.database.url;
  throw new ConfigError('configuration: database.url is missing: set DATABASE_URL to postgresql://user@host/database');
}

export function consulOf(config: Config): { address: string; token?: string } {
  const { address, token } = config.consul;
  return { address, ...(token !== undefined && { token }) };
}
