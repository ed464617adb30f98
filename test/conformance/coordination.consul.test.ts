import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConsulCoordinator } from '../../src/coordination/consul/consul.ts';
import { consulSkip, startConsul } from '../support/consul.ts';
import { consulSuite } from './coordination/consul.ts';
import { coordinationConformance } from './coordination.ts';

coordinationConformance(
  'Consul',
  async () => {
    const server = await startConsul();
    const folder = await mkdtemp(join(tmpdir(), 'cronmesh-snapshots-'));
    const coordinator = new ConsulCoordinator({ address: server.address });
    let snapshots = 0;
    return {
      coordinator,
      lose: session => coordinator.destroySession(session),
      // The agent looks each second.
      healthGone: async () => {},
      snapshot: async () => {
        const file = join(folder, `${++snapshots}.snap`);
        await server.snapshotSave(file);
        return () => server.snapshotRestore(file);
      },
      wipe: () => server.restart({ empty: true }),
      close: async () => {
        await coordinator.close();
        await server.stop();
        await rm(folder, { recursive: true });
      },
    };
  },
  { skip: consulSkip() },
);

consulSuite();
