import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { test } from 'node:test';
import { blockedKind, checkLiteral, createGuardedLookup, PrivateAddressError } from './guard.ts';

test('addresses that are not on the public internet are told apart', () => {
  const kinds = {
    '127.0.0.1': 'loopback',
    '127.8.9.1': 'loopback',
    '::1': 'loopback',
    '10.1.2.3': 'private',
    '172.31.0.1': 'private',
    '192.168.1.1': 'private',
    '169.254.169.254': 'link-local',
    'fe80::1': 'link-local',
    'fd00:ec2::254': 'unique local',
    '100.64.0.1': 'carrier-grade NAT',
    '224.0.0.1': 'multicast',
    'ff02::1': 'multicast',
    '255.255.255.255': 'broadcast',
    '0.0.0.0': 'unspecified',
    '::': 'unspecified',
    '240.0.0.1': 'reserved',
    '192.0.2.1': 'reserved',
    '198.18.0.1': 'reserved',
    '::ffff:127.0.0.1': 'loopback',
    '::ffff:a00:1': 'private',
    '64:ff9b::7f00:1': 'loopback',
    '2002:7f00:1::': 'reserved',
    '8.8.8.8': undefined,
    '::ffff:8.8.8.8': undefined,
    '64:ff9b::808:808': undefined,
    '2606:4700::1111': undefined,
  };
  for (const [address, kind] of Object.entries(kinds)) assert.equal(blockedKind(address), kind, address);
});

test('a host that is an address is checked, however it is written', () => {
  // The URL parser turns each of these into 127.0.0.1 or [::1].
  for (const url of ['http://127.0.0.1', 'http://2130706433', 'http://0x7f.1', 'http://017700000001', 'http://[::1]']) {
    assert.throws(() => checkLiteral(new URL(url).hostname), PrivateAddressError, url);
  }
  assert.doesNotThrow(() => checkLiteral('8.8.8.8'));
  assert.doesNotThrow(() => checkLiteral('example.com'));
});

function lookupOf(addresses: readonly string[], all = true) {
  const found: LookupAddress[] = addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 }));
  const resolve = ((_host: string, _options: unknown, done: (error: null, found: LookupAddress[]) => void) =>
    done(null, found)) as unknown as Parameters<typeof createGuardedLookup>[0];
  return new Promise<unknown>((fulfil, reject) => {
    createGuardedLookup(resolve)('name.example', { all }, (error, result) => (error ? reject(error) : fulfil(result)));
  });
}

test('every address of a name is checked when the connection is made', async () => {
  assert.equal(await lookupOf(['93.184.216.34'], false), '93.184.216.34');
  assert.deepEqual(await lookupOf(['93.184.216.34']), [{ address: '93.184.216.34', family: 4 }]);
  await assert.rejects(lookupOf(['93.184.216.34', '10.0.0.1']), {
    name: 'PrivateAddressError',
    message:
      '10.0.0.1 (of name.example) is a private address, which this worker does not call; to allow it set ' +
      'worker.allowPrivateAddresses: true or CRONMESH_WORKER_ALLOW_PRIVATE_ADDRESSES=true',
  });
  await assert.rejects(lookupOf([], false), { code: 'ENOTFOUND' });
});
