import { createLogger } from '../../../observability/logger.ts';
import { SupervisorClient, type SupervisorClientOptions } from '../client.ts';
import { systemClocks } from '../clocks.ts';
import type { StartRequest } from '../protocol.ts';

/** What a stand-in is told, as JSON in its first argument. */
export interface Orders extends Pick<SupervisorClientOptions, 'directory' | 'consul' | 'serviceId'> {
  readonly worker?: string;
  readonly session?: string;
  /** Default false. */
  readonly kubernetes?: boolean;
  /** Milliseconds; renewed each 100. */
  readonly lease: number;
  readonly requests: readonly StartRequest[];
}

/**
 * A stand-in for a worker, as a process that tests can kill and stop: forks a supervisor, renews a lease of the given
 * length, launches what it is given, and prints each message as a line of JSON.
 */
async function run(orders: Orders): Promise<void> {
  const { session, lease, requests, worker = 'stand-in', kubernetes = false, ...rest } = orders;
  const print = (line: object): void => {
    process.stdout.write(`${JSON.stringify(line)}\n`);
  };
  const client = new SupervisorClient({
    ...rest,
    worker,
    allowPrivateAddresses: true,
    kubernetes,
    logger: createLogger({ level: 'warn', role: 'test' }),
    onMessage: print,
    stderr: 'ignore',
  });
  const renew = (): void =>
    client.lease({ monotonic: systemClocks.monotonic() + lease, wall: systemClocks.wall() + lease });
  await client.start();
  client.session(session, 1);
  renew();
  setInterval(renew, 100);
  print({ type: 'supervisor', pid: client.pid });
  for (const request of requests) client.launch(request);
}

if (import.meta.main) await run(JSON.parse(process.argv[2] ?? '') as Orders);
