import type { TestContext } from 'node:test';
import { MemoryCoordinator } from '../../src/coordination/memory/memory.ts';
import { EpochStandIn, Ledger, makeWorker, type TestWorker } from './workers.ts';

/** One worker that is not started yet, and an epoch for it, in memory; all of it ends with the test. */
export async function loneWorker(
  t: TestContext,
): Promise<{ coordinator: MemoryCoordinator; ledger: Ledger; worker: TestWorker['worker'] }> {
  const coordinator = new MemoryCoordinator();
  const epoch = new EpochStandIn(coordinator);
  await epoch.start();
  const ledger = new Ledger();
  const { worker } = makeWorker(coordinator, ledger, { name: 'worker' });
  t.after(async () => {
    await worker.stop();
    await epoch.stop();
    await coordinator.close();
  });
  return { coordinator, ledger, worker };
}
