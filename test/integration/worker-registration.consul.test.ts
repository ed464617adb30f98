import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { ConsulCoordinator } from '../../src/coordination/consul/consul.ts';
import { workerService } from '../../src/coordination/worker-service.ts';
import type { WorkerId } from '../../src/domain/run/run.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { WorkerRegistration } from '../../src/worker/registration.ts';
import { type ConsulServer, consulSkip, startConsul } from '../support/consul.ts';
import { eventually } from '../support/process.ts';

describe('where a worker stands in the catalog', { skip: consulSkip() }, () => {
  const health = createServer((_, response) => response.end('ok'));
  let server: ConsulServer;
  let coordinator: ConsulCoordinator;

  before(async () => {
    health.listen(0, '127.0.0.1');
    await once(health, 'listening');
    server = await startConsul();
    coordinator = new ConsulCoordinator({ address: server.address });
  });
  after(async () => {
    await coordinator?.close();
    await server?.stop();
    health.close();
  });

  // The node's address is 127.0.0.1; the agent looks at another name for this machine.
  for (const [address, shown] of [
    ['', '127.0.0.1'],
    ['10.9.8.7', '10.9.8.7'],
  ] as const) {
    it(`at ${shown}, and passing, with ${address === '' ? 'no address' : 'an address'} of its own`, async () => {
      const id = `one-${shown}` as WorkerId;
      const { port } = health.address() as AddressInfo;
      const registration = new WorkerRegistration({
        coordinator,
        id,
        meta: () => ({ name: 'one', labels: {}, executors: ['shell'], kubernetes: false, capacity: 1, version: '1' }),
        address,
        healthAddress: { host: 'localhost', port },
        reasons: () => [],
        logger: createLogger({ level: 'silent', role: 'test' }),
      });
      await registration.start();
      try {
        const instance = await eventually('it passes', async () => {
          const options = { index: 0, wait: 0, signal: AbortSignal.timeout(5_000) };
          const { value } = await coordinator.blockService(workerService, options);
          return value.find(one => one.id === id && one.passing);
        });
        assert.deepEqual([instance.address, instance.port], [shown, port]);
        // Checks begin passing: what the agent itself says of this port is in its output.
        await eventually('the agent saw the port answer', async () => {
          const answer = await fetch(`${server.address}/v1/agent/checks`);
          const checks = (await answer.json()) as Readonly<Record<string, { readonly Output: string }>>;
          return checks[`${id}:alive`]?.Output.includes('200 OK');
        });
      } finally {
        await registration.stop();
      }
    });
  }
});
