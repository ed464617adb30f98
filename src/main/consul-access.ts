import type { Config } from '../config/schema.ts';

/** Where Consul is, and with what token it is asked. */
export function consulOf(config: Pick<Config, 'consul'>): { address: string; token?: string } {
  const { address, token } = config.consul;
  return { address, ...(token !== undefined && { token }) };
}
