// One worker of the claims bench, as a process of its own: a real worker on a real Consul whose runs take 5 ms and do
// nothing. On request the same process is the bare client instead: it commits transactions of the same shape.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConsulCoordinator } from '../src/coordination/consul/consul.ts';
import type { Operation } from '../src/coordination/coordinator.ts';
import { epochKey } from '../src/coordination/keys.ts';
import { claimsPerTransaction } from '../src/domain/policy/timing.ts';
import { Ledger, makeWorker } from '../test/support/workers.ts';

export type ToBenchWorker =
  | { readonly type: 'bare'; readonly claims: number; readonly round: number }
  | { readonly type: 'starts'; readonly tick: number }
  | { readonly type: 'stop' };

export type FromBenchWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'bare'; readonly milliseconds: number }
  /** Of each start for the tick: how late it was handed to the supervisor, in milliseconds. */
  | { readonly type: 'starts'; readonly lateness: readonly number[]; readonly twice: number }
  | { readonly type: 'stopped' };

const [address = '', name = ''] = process.argv.slice(2);
const coordinator = new ConsulCoordinator({ address });
const health = createServer((_, response) => response.end('ok'));
await new Promise<void>(resolve => health.listen(0, '127.0.0.1', resolve));
const ledger = new Ledger();
const { worker } = makeWorker(coordinator, ledger, {
  name,
  healthAddress: { host: '127.0.0.1', port: (health.address() as AddressInfo).port },
});
const say = (message: FromBenchWorker) => process.send?.(message);

/** As many in flight as a worker has lanes. */
async function bare(claims: number, round: number): Promise<number> {
  const session = await coordinator.createSession({ name: 'bare', ttl: 20_000, lockDelay: 0, serviceChecks: [] });
  const jobs = Array.from({ length: claims }, (_, i) => `bench/${name}/${round}/${i}`);
  const indexes = new Map<string, number>();
  const value = 'x'.repeat(260);
  for (let i = 0; i < jobs.length; i += 128) {
    const some = jobs.slice(i, i + 128);
    const answer = await coordinator.transact(some.map(key => ({ verb: 'set', key: `${key}/job`, value })));
    if (!answer.ok) throw new Error(answer.failures[0]?.message);
    for (const [k, key] of some.entries()) indexes.set(key, answer.entries[k]?.index ?? 0);
  }
  const batches = Array.from({ length: Math.ceil(claims / claimsPerTransaction) }, (_, i) =>
    jobs.slice(i * claimsPerTransaction, (i + 1) * claimsPerTransaction),
  );
  const begin = performance.now();
  const lane = async (number: number) => {
    const key = `bench/${name}/${round}/lane/${number}`;
    let index = 0;
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      const operations: Operation[] = [
        { verb: 'get', key: epochKey },
        { verb: 'cas', key, value: `{"v":1,"count":${index}}`, index },
        ...batch.flatMap((job): Operation[] => [
          { verb: 'check-index', key: `${job}/job`, index: indexes.get(job) ?? 0 },
          { verb: 'cas', key: `${job}/cursor`, value, index: 0 },
          { verb: 'lock', key: `${job}/lock`, value, session },
        ]),
      ];
      const answer = await coordinator.transact(operations);
      if (!answer.ok) throw new Error(answer.failures[0]?.message);
      index = answer.entries[1]?.index ?? 0;
    }
  };
  await Promise.all([lane(0), lane(1)]);
  const milliseconds = performance.now() - begin;
  await coordinator.destroySession(session);
  return milliseconds;
}

process.on('message', async (message: ToBenchWorker) => {
  if (message.type === 'bare') say({ type: 'bare', milliseconds: await bare(message.claims, message.round) });
  else if (message.type === 'starts') {
    const tick = new Date(message.tick).toISOString().replace('.000Z', 'Z');
    const starts = ledger.starts.filter(({ request }) => request.env.CRONMESH_TICK === tick);
    say({ type: 'starts', lateness: starts.map(({ at }) => at - message.tick), twice: ledger.startedTwice().length });
  } else {
    await worker.stop();
    await coordinator.close();
    health.closeAllConnections();
    health.close();
    say({ type: 'stopped' });
    process.disconnect();
  }
});

await worker.start();
const ready = setInterval(() => {
  if (!worker.status().ready) return;
  clearInterval(ready);
  say({ type: 'ready' });
}, 20);
