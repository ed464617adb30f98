import type { experimental } from '@grpc/grpc-js';
import type { ServiceInstance } from '../coordination/coordinator.ts';

type Endpoint = experimental.Endpoint;

/**
 * Where the gRPC port of each passing instance is, sorted: from `meta.grpc`, which is a port at the instance's address
 * or `host:port`, else the instance's own port.
 */
export function endpointsOf(instances: readonly ServiceInstance[]): Endpoint[] {
  return instances
    .filter(instance => instance.passing)
    .map(({ address, port, meta }) => hostAndPort(meta.grpc, address, port))
    .filter(({ host, port }) => host !== '' && port > 0)
    .sort((a, b) => (a.host === b.host ? a.port - b.port : a.host < b.host ? -1 : 1))
    .map(address => ({ addresses: [address] }));
}

function hostAndPort(grpc: string | undefined, host: string, port: number): { host: string; port: number } {
  const match = /^(?:(.+):)?(\d{1,5})$/.exec(grpc ?? '');
  if (!match) return { host, port };
  return { host: match[1]?.replace(/^\[(.*)\]$/, '$1') ?? host, port: Number(match[2]) };
}
