import { createLogger } from '../../../observability/logger.ts';
import { SupervisorClient } from '../client.ts';
import { systemClocks } from '../clocks.ts';
import type { StartRequest } from '../protocol.ts';

/**
 * A stand-in for a worker, as a process that tests can kill and stop: forks a supervisor, renews a lease of the given
 * length, launches what it is given, and prints each message as a line of JSON.
 *
 * Usage: worker.ts '{"directory": "…", "lease": 4000, "requests": […]}'
 */
interface Orders {
  readonly directory: string;
  readonly lease: number;
  readonly requests: readonly StartRequest[];
}

const { directory, lease, requests } = JSON.parse(process.argv[2] ?? '') as Orders;
const print = (line: object): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};
const client = new SupervisorClient({
  worker: 'stand-in',
  directory,
  allowPrivateAddresses: true,
  logger: createLogger({ level: 'warn', role: 'test' }),
  onMessage: print,
  stderr: 'ignore',
});
const renew = (): void =>
  client.lease({ monotonic: systemClocks.monotonic() + lease, wall: systemClocks.wall() + lease });

await client.start();
renew();
setInterval(renew, 100);
print({ type: 'supervisor', pid: client.pid });
for (const request of requests) client.launch(request);
