import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { experimental, Metadata, status } from '@grpc/grpc-js';
import { MemoryCoordinator } from '../coordination/memory/memory.ts';
import { registerConsulResolver } from './consul-resolver.ts';
import { endpointsOf } from './endpoints.ts';

/** What the resolver uses of grpc-js' experimental interface; when an upgrade changes it, this says what. */
describe('the resolver interface of grpc-js', () => {
  it('calls the listener with endpoints, attributes, service config and note', async () => {
    const coordinator = new MemoryCoordinator();
    registerConsulResolver(coordinator);
    await coordinator.register({
      service: 'cronmesh-master',
      id: 'm1',
      address: '127.0.0.1',
      port: 8080,
      meta: { grpc: '9090' },
      checks: [],
    });
    const target = { scheme: 'consul', authority: '', path: 'cronmesh-master' };
    const told = Promise.withResolvers<unknown[]>();
    const listener: experimental.ResolverListener = (...given) => {
      told.resolve(given);
      return true;
    };
    const resolver = experimental.createResolver(target, listener, {});
    resolver.updateResolution();
    const [endpoints, attributes, config, note] = await told.promise;
    resolver.destroy();
    await coordinator.close();
    assert.deepEqual(endpoints, { ok: true, value: [{ addresses: [{ host: '127.0.0.1', port: 9090 }] }] });
    assert.deepEqual(attributes, {});
    assert.deepEqual(config, { ok: true, value: { loadBalancingConfig: [{ round_robin: {} }], methodConfig: [] } });
    assert.equal(note, '');
  });

  it('never calls the listener inside updateResolution, nor after destroy', async () => {
    const coordinator = new MemoryCoordinator();
    registerConsulResolver(coordinator);
    let calls = 0;
    const resolver = experimental.createResolver({ scheme: 'consul', authority: '', path: 'x' }, () => ++calls > 0, {});
    resolver.updateResolution();
    assert.equal(calls, 0);
    resolver.destroy();
    await coordinator.close();
    await new Promise(resolve => setImmediate(resolve));
    assert.equal(calls, 0);
  });

  it('has the helpers that the resolver calls, in the form that it expects', () => {
    assert.deepEqual(experimental.statusOrFromValue(1), { ok: true, value: 1 });
    const error = { code: status.UNAVAILABLE, details: 'why', metadata: new Metadata() };
    assert.deepEqual(experimental.statusOrFromError(error), { ok: false, error });
    assert.equal(experimental.endpointToString({ addresses: [{ host: 'h', port: 1 }] }), '[h:1]');
    assert.ok(experimental.isLoadBalancerNameRegistered('round_robin'));
  });
});

describe('endpointsOf', () => {
  const instance = (meta: Record<string, string>, passing = true) => ({
    service: 's',
    id: 'i',
    node: 'n',
    address: '10.0.0.1',
    port: 8080,
    meta,
    checks: {},
    passing,
  });
  const cases: [meta: Record<string, string>, host: string, port: number][] = [
    [{}, '10.0.0.1', 8080],
    [{ grpc: '9090' }, '10.0.0.1', 9090],
    [{ grpc: '10.0.0.9:9091' }, '10.0.0.9', 9091],
    [{ grpc: '[fd00::1]:9091' }, 'fd00::1', 9091],
    [{ grpc: 'nonsense' }, '10.0.0.1', 8080],
  ];
  for (const [meta, host, port] of cases) {
    it(`finds ${host}:${port} from meta ${JSON.stringify(meta)}`, () => {
      assert.deepEqual(endpointsOf([instance(meta)]), [{ addresses: [{ host, port }] }]);
    });
  }

  it('leaves out what is not passing, and sorts', () => {
    const found = endpointsOf([instance({ grpc: '3' }), instance({ grpc: '2' }, false), instance({ grpc: '1' })]);
    assert.deepEqual(found.map(experimental.endpointToString), ['[10.0.0.1:1]', '[10.0.0.1:3]']);
  });
});
