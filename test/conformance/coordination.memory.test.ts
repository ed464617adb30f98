import { MemoryCoordinator } from '../../src/coordination/memory/memory.ts';
import { coordinationConformance } from './coordination.ts';

coordinationConformance('memory', async () => {
  const coordinator = new MemoryCoordinator();
  await coordinator.open();
  return {
    coordinator,
    lose: async session => coordinator.expireSession(session),
    healthGone: async check => coordinator.overrideCheck(check, 'critical'),
    snapshot: async () => {
      const snapshot = coordinator.snapshot();
      return async () => coordinator.restore(snapshot);
    },
    wipe: async () => coordinator.wipe(),
    close: () => coordinator.close(),
  };
});
