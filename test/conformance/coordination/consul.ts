import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { ConsulCoordinator } from '../../../src/coordination/consul/consul.ts';
import { CoordinationError } from '../../../src/coordination/coordinator.ts';
import { consulSkip, startConsul } from '../../support/consul.ts';
import { isRefused } from './keys.ts';
import { commit, session } from './subject.ts';

const effect = (wanted: CoordinationError['effect']) => (error: unknown) =>
  error instanceof CoordinationError && error.effect === wanted;

/** What only a server can do: stand still, go away, come back, have too many guests. */
export function consulSuite(): void {
  describe('Consul away', { skip: consulSkip() }, () => {
    test('an answer that does not come is unknown, a server that is not there refused; both heal', async t => {
      const server = await startConsul();
      t.after(() => server.stop());
      const coordinator = new ConsulCoordinator({ address: server.address, timeout: 300 });
      t.after(() => coordinator.close());
      const set = (value: string, key = 'a') => coordinator.transact([{ verb: 'set', key, value }]);
      assert.ok((await set('1')).ok);

      process.kill(server.pid, 'SIGSTOP');
      // Of a key of its own: it may yet be carried out, even after later ones.
      await assert.rejects(set('2', 'unknown'), effect('unknown'));
      process.kill(server.pid, 'SIGCONT');
      assert.ok((await set('3')).ok);

      const kept = await session(coordinator);
      await commit(coordinator, { verb: 'lock', key: 'lock', value: '', session: kept });
      const signal = new AbortController().signal;
      // The first one opens the connection, so that the second is sure to have been sent.
      const { index } = await coordinator.block('a', { index: 0, wait: 60_000, signal });
      const blocked = coordinator.block('a', { index, wait: 60_000, signal });
      const cut = assert.rejects(blocked, effect('unknown'));
      await server.kill9();
      await cut;
      await assert.rejects(set('4'), effect('refused'));
      await assert.rejects(coordinator.renewSession(kept), effect('refused'));
      await assert.rejects(
        coordinator.createSession({ name: '', ttl: 20_000, lockDelay: 1, serviceChecks: [] }),
        effect('refused'),
      );

      await server.restart({ empty: false });
      assert.equal((await coordinator.get('a', { consistent: true }))?.value, '3');
      await coordinator.renewSession(kept);
      assert.equal((await coordinator.get('lock', { consistent: true }))?.session, kept);
    });

    test('too many connections of one address are refused, not unknown', async t => {
      const server = await startConsul({ maxConnections: 2 });
      t.after(() => server.stop());
      const { port } = new URL(server.address);
      const coordinator = new ConsulCoordinator({ address: server.address });
      t.after(() => coordinator.close());
      const guests = Array.from({ length: 4 }, () =>
        connect(Number(port), '127.0.0.1')
          .on('error', () => {})
          .resume(),
      );
      t.after(() => {
        for (const guest of guests) guest.destroy();
      });
      await Promise.race(guests.map(guest => once(guest, 'close')));
      await assert.rejects(coordinator.get('a'), isRefused(429));
    });

    test('a closed coordinator refuses, and leaves nothing behind', async t => {
      const server = await startConsul();
      t.after(() => server.stop());
      const coordinator = new ConsulCoordinator({ address: server.address.replace('http://', '') });
      const blocked = coordinator.block('a', { index: 1e9, wait: 60_000, signal: new AbortController().signal });
      const cut = assert.rejects(blocked, CoordinationError);
      await coordinator.get('a');
      await coordinator.close();
      await cut;
      await assert.rejects(coordinator.get('a'), effect('refused'));
    });
  });
}
