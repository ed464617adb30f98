import type { ServiceInstance } from './coordinator.ts';

/** How masters stand in the catalog: the service's name, and what its metadata say. */
export const masterService = 'cronmesh-master';

/** The base of a master's addresses: the URL that it says of itself, else that of its HTTP server. */
export function masterUrl({ address, port, meta }: Pick<ServiceInstance, 'address' | 'port' | 'meta'>): string {
  if (meta.url !== undefined && meta.url !== '') return meta.url;
  return `${meta.tls === 'true' ? 'https' : 'http'}://${address.includes(':') ? `[${address}]` : address}:${port}`;
}
