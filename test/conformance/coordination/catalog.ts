import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import type { ServiceCheck, ServiceInstance, ServiceRegistration } from '../../../src/coordination/coordinator.ts';
import { SessionKeeper, type SessionLease } from '../../../src/coordination/session.ts';
import { watchService } from '../../../src/coordination/watch.ts';
import { silentLogger } from '../../../src/observability/logger.ts';
import { isRefused } from './keys.ts';
import { type Context, commit, fresh, Heard } from './subject.ts';

/** A service of its own for each test, with a `ready` check that never runs out. */
function registration(checks: readonly ServiceCheck[] = []): ServiceRegistration {
  const service = fresh().replaceAll('/', '-');
  const ready = { kind: 'ttl', id: `${service}ready`, name: 'ready', ttl: 600_000 } as const;
  const meta = { labels: 'zone=a', capacity: '4' };
  return { service, id: `${service}1`, address: '10.1.2.3', port: 8081, meta, checks: [ready, ...checks] };
}

export function catalogSuite(context: Context): void {
  /** What a watch of the service hears; ends with `end`. */
  function listen(service: string) {
    const ending = new AbortController();
    const heard = new Heard<readonly ServiceInstance[]>();
    const onChange = heard.add;
    const ended = watchService(context().coordinator, service, { signal: ending.signal, spacing: 10, onChange });
    const end = async () => {
      ending.abort();
      await ended;
    };
    return { heard, end };
  }

  describe('catalog', () => {
    test('shows an instance with its checks, from registration to deregistration', async () => {
      const { coordinator } = context();
      const wanted = registration();
      const ready = `${wanted.service}ready`;
      const { heard, end } = listen(wanted.service);
      await heard.first('nobody', instances => instances.length === 0);
      await coordinator.register(wanted);
      const [instance] = await heard.first('registered', instances => instances.length === 1);
      const { service, id, address, port, meta } = wanted;
      assert.ok(instance);
      assert.deepEqual(
        { ...instance, node: '', checks: {} },
        { service, id, address, port, meta, node: '', checks: {}, passing: true },
      );
      assert.deepEqual(instance.checks, { serfHealth: 'passing', [ready]: 'passing' });
      await coordinator.setCheck(ready, 'critical', 'draining');
      await heard.first('critical', ([one]) => one?.passing === false && one.checks[ready] === 'critical');
      await coordinator.setCheck(ready, 'passing', 'back');
      const from = heard.all.length;
      await coordinator.register({ ...wanted, meta: { ...meta, capacity: '8' } });
      await heard.first('registered again', ([one]) => one?.meta.capacity === '8' && one.passing, from - 1);
      await coordinator.deregister(id);
      await heard.first('gone', instances => instances.length === 0, from);
      await coordinator.deregister(id);
      await end();
    });

    test('a ttl check that is not set in time is critical', async () => {
      const { coordinator } = context();
      const wanted = registration();
      const id = `${wanted.service}short`;
      // Long enough to be seen passing by a busy machine, too: a blocking query tells of the last state only.
      await coordinator.register({ ...wanted, checks: [{ kind: 'ttl', id, name: 'short', ttl: 2_000 }] });
      const { heard, end } = listen(wanted.service);
      try {
        await heard.first('critical', ([one]) => one?.checks[id] === 'critical');
        const before = heard.all.length;
        await coordinator.setCheck(id, 'passing', '');
        await heard.first('passing', ([one]) => one?.checks[id] === 'passing', before);
      } finally {
        await end();
      }
      await coordinator.deregister(wanted.id);
    });

    test('a check that is not registered can not be set', async () => {
      await assert.rejects(context().coordinator.setCheck(`${fresh()}none`, 'passing', ''), isRefused(404));
    });

    test('a session lives by its checks: none is made while one is critical, and it ends with one', async () => {
      const { coordinator } = context();
      const at = fresh();
      const wanted = registration();
      const ready = `${wanted.service}ready`;
      const options = { name: 'bound', ttl: 20_000, lockDelay: 1, serviceChecks: [ready] };
      await assert.rejects(coordinator.createSession(options), isRefused(500));
      await coordinator.register(wanted);
      const bound = await coordinator.createSession(options);
      const [lock] = await commit(coordinator, { verb: 'lock', key: `${at}lock`, value: '', session: bound });
      const freed = coordinator.block(`${at}lock`, {
        index: lock?.index ?? 0,
        wait: 10_000,
        signal: new AbortController().signal,
      });
      await coordinator.setCheck(ready, 'critical', 'gone');
      const { value } = await freed;
      assert.ok(value && value.session === undefined, 'the lock lost its holder');
      assert.equal(await coordinator.sessionExists(bound), false);
      await assert.rejects(coordinator.createSession(options), isRefused(500));
      await coordinator.deregister(wanted.id);
    });

    test('a process whose health port is closed loses its session', async () => {
      const { coordinator, healthGone } = context();
      const health = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1');
      await once(health, 'listening');
      const { port } = health.address() as { readonly port: number };
      const id = `${fresh()}alive`.replaceAll('/', '-');
      const url = `http://127.0.0.1:${port}/healthz`;
      const alive: ServiceCheck = { kind: 'http', id, name: 'alive', url, interval: 1_000, timeout: 10_000 };
      const wanted = registration([{ ...alive, deregisterAfter: 60_000 }]);
      await coordinator.register(wanted);
      const key = `${fresh()}lock`;
      const bound = await coordinator.createSession({ name: 'bound', ttl: 20_000, lockDelay: 1, serviceChecks: [id] });
      const [lock] = await commit(coordinator, { verb: 'lock', key, value: '', session: bound });
      const signal = new AbortController().signal;
      const freed = coordinator.block(key, { index: lock?.index ?? 0, wait: 10_000, signal });
      health.closeAllConnections();
      await new Promise(resolve => health.close(resolve));
      await healthGone(id);
      const { value } = await freed;
      assert.ok(value && value.session === undefined);
      assert.equal(await coordinator.sessionExists(bound), false);
      await coordinator.deregister(wanted.id);
    });
  });

  describe('session keeper', () => {
    test('renews, says when each renewal was sent, and makes a new session when its own is gone', async () => {
      const { coordinator, lose } = context();
      const leases = new Heard<SessionLease>();
      const lost = new Heard<string>();
      const keeper = new SessionKeeper({
        coordinator,
        logger: silentLogger,
        session: { name: 'kept', ttl: 20_000, lockDelay: 1, serviceChecks: [] },
        renewEvery: 30,
        onLease: lease => {
          leases.add(lease);
          throw new Error('a listener that fails holds up nothing');
        },
        onLost: (_, session) => lost.add(session),
        destroyOnStop: true,
      });
      await keeper.start();
      const first = keeper.session;
      assert.ok(first);
      await leases.first('a renewal', ({ session }) => session === first, 1);
      await lose(first);
      assert.equal(await lost.first('lost', () => true), first);
      const second = await leases.first('another session', ({ session }) => session !== first);
      const sent = leases.all.map(({ sentMonotonic }) => sentMonotonic);
      assert.deepEqual(
        sent,
        sent.toSorted((a, b) => a - b),
      );
      await keeper.stop();
      assert.equal(keeper.session, undefined);
      assert.equal(await coordinator.sessionExists(second.session), false);
      await keeper.stop();
    });

    test('waits for its checks, and leaves the session to its owner at the end', async () => {
      const { coordinator } = context();
      const wanted = registration();
      const ready = `${wanted.service}ready`;
      await coordinator.register(wanted);
      await coordinator.setCheck(ready, 'critical', 'starting');
      const keeper = new SessionKeeper({
        coordinator,
        logger: silentLogger,
        session: { name: 'kept', ttl: 20_000, lockDelay: 1, serviceChecks: [ready] },
      });
      let started = false;
      const start = keeper.start().then(() => {
        started = true;
      });
      await assert.rejects(
        coordinator.createSession({ name: 'other', ttl: 20_000, lockDelay: 1, serviceChecks: [ready] }),
        isRefused(500),
      );
      assert.equal(started, false);
      await coordinator.setCheck(ready, 'passing', 'there');
      await start;
      const { session } = keeper;
      assert.ok(session);
      await keeper.stop();
      assert.equal(await coordinator.sessionExists(session), true);
      await coordinator.destroySession(session);
      await coordinator.deregister(wanted.id);
    });
  });
}
