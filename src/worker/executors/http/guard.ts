import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** A request to an address that is not on the public internet, while the worker allows none. */
export class PrivateAddressError extends Error {
  override readonly name = 'PrivateAddressError';
  readonly address: string;
  constructor(host: string, address: string, kind: string) {
    const what = host === address ? address : `${address} (of ${host})`;
    super(
      `${what} is a ${kind} address, which this worker does not call; to allow it set worker.allowPrivateAddresses: true ` +
        'or CRONMESH_WORKER_ALLOW_PRIVATE_ADDRESSES=true',
    );
    this.address = address;
  }
}

const kinds: Readonly<Record<string, string>> = {
  private: 'private',
  loopback: 'loopback',
  linkLocal: 'link-local',
  uniqueLocal: 'unique local',
  carrierGradeNat: 'carrier-grade NAT',
  multicast: 'multicast',
  broadcast: 'broadcast',
  unspecified: 'unspecified',
};

/**
 * What keeps an address from being called; undefined for one on the public internet. IPv4 inside IPv6 (mapped, NAT64)
 * is judged as IPv4.
 *
 * @example blockedKind('::ffff:127.0.0.1') // 'loopback'
 */
export function blockedKind(address: string): string | undefined {
  if (!ipaddr.isValid(address)) return 'malformed';
  const parsed = ipaddr.process(address);
  const range = parsed.range();
  if (range === 'unicast') return undefined;
  // 64:ff9b::/96, how networks without IPv4 reach it: the last four bytes are the address.
  if (range === 'rfc6052') return blockedKind(parsed.toByteArray().slice(12).join('.'));
  return kinds[range] ?? 'reserved';
}

/** @throws PrivateAddressError when `host` is itself an address (with or without brackets) that is not public */
export function checkLiteral(host: string): void {
  const address = host.replace(/^\[|\]$/g, '');
  if (isIP(address) === 0) return;
  const kind = blockedKind(address);
  if (kind !== undefined) throw new PrivateAddressError(address, address, kind);
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/**
 * `dns.lookup` for a socket: the very addresses that it connects to have been checked, so a name that changes its
 * answer between check and connection (DNS rebinding) gains nothing. One address that is not public refuses the name.
 */
export function createGuardedLookup(resolve: typeof systemLookup = systemLookup) {
  return (host: string, options: LookupOptions, done: LookupCallback): void => {
    resolve(host, { ...options, all: true }, (error, found) => {
      if (error) return done(error, []);
      for (const { address } of found) {
        const kind = blockedKind(address);
        if (kind !== undefined) return done(new PrivateAddressError(host, address, kind), []);
      }
      const [first] = found;
      if (options.all) done(null, found);
      else if (first) done(null, first.address, first.family);
      else done(Object.assign(new Error(`${host} has no address`), { code: 'ENOTFOUND' }), []);
    });
  };
}
