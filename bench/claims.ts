import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ConsulCoordinator } from '../src/coordination/consul/consul.ts';
import { consulSkip, startConsul } from '../test/support/consul.ts';
import { EpochStandIn, makeJob, publishJobs } from '../test/support/workers.ts';
import type { FromBenchWorker, ToBenchWorker } from './claims-worker.ts';
import type { Figure } from './figure.ts';

/**
 * Claims: a herd of jobs due in one second over three workers, each a process of its own, on one real Consul. In the
 * pauses between two ticks the same three processes commit transactions of the same shape and number as a bare client,
 * as many in flight.
 */

const workers = 3;
const rounds = 3;
/** Between two herds: time to release all locks, and for the bare client. */
const period = 15_000;
const program = fileURLToPath(new URL('./claims-worker.ts', import.meta.url));

export async function benchClaims(): Promise<Figure[]> {
  const skip = consulSkip();
  if (skip) {
    process.stderr.write(`  not measured: ${skip}\n`);
    return [];
  }
  const herd = await measure(10_000, true);
  const thousand = await measure(1_000, false);
  const goal = 2_500;
  return [
    {
      name: '10,000 jobs due in one second, 3 workers',
      ratio: herd.ratio,
      unit: '× a bare client’s claims',
      detail: `${Math.round(herd.rate)} claims/s against ${Math.round(herd.bareRate)}; all started after ${herd.lateness.at(-1)} ms, ${herd.doubt}`,
    },
    {
      name: 'lateness of 1,000 starts due in one second, 3 workers',
      ratio: goal / (percentile(thousand.lateness, 0.99) || 1),
      unit: `× faster than ${goal} ms (p99)`,
      detail: `p50 ${percentile(thousand.lateness, 0.5)} ms, p99 ${percentile(thousand.lateness, 0.99)} ms, last ${thousand.lateness.at(-1)} ms, ${thousand.doubt}`,
    },
  ];
}

interface Measured {
  /** Claims a second, from the tick to the last start; the median of the rounds. */
  readonly rate: number;
  readonly bareRate: number;
  /** Of the two in one round, which the machine's other load hits alike; the median of the rounds. */
  readonly ratio: number;
  /** Milliseconds, of all rounds, in order. */
  readonly lateness: readonly number[];
  /** Starts that there should not be, or should have been. */
  readonly doubt: string;
}

async function measure(jobs: number, withBare: boolean): Promise<Measured> {
  const server = await startConsul();
  const coordinator = new ConsulCoordinator({ address: server.address });
  const epoch = new EpochStandIn(coordinator);
  const children: ChildProcess[] = [];
  try {
    await epoch.start(1_000);
    const due = `*/${period / 1_000} * * * * *`;
    const all = Array.from({ length: jobs }, (_, i) => makeJob(`herd-${i}`, { schedule: due }));
    await publishJobs(coordinator, all);
    for (let i = 0; i < workers; i++) children.push(fork(program, [server.address, `bench-${i}`]));
    await Promise.all(children.map(child => told(child, 'ready')));
    const rates: number[] = [];
    const bareRates: number[] = [];
    const lateness: number[] = [];
    let twice = 0;
    let missed = 0;
    for (let round = -1; round < rounds; round++) {
      const tick = Math.ceil((Date.now() + 2_000) / period) * period;
      await delay(tick + 6_000 - Date.now());
      const answers = await Promise.all(children.map(child => ask(child, { type: 'starts', tick })));
      const late = answers.flatMap(answer => (answer.type === 'starts' ? answer.lateness : []));
      missed += jobs - late.length;
      twice = Math.max(...answers.map(answer => (answer.type === 'starts' ? answer.twice : 0)));
      const bare = withBare ? await bareRate(children, jobs, round) : 0;
      // The first round warms everything up.
      if (round < 0) continue;
      rates.push((late.length * 1_000) / Math.max(...late));
      bareRates.push(bare);
      lateness.push(...late);
    }
    lateness.sort((a, b) => a - b);
    const ratio = median(rates.map((rate, i) => rate / (bareRates[i] || 1)));
    return {
      rate: median(rates),
      bareRate: median(bareRates),
      ratio,
      lateness,
      doubt: `${missed} not, ${twice} twice`,
    };
  } finally {
    await Promise.all(children.filter(({ connected }) => connected).map(child => ask(child, { type: 'stop' })));
    await epoch.stop();
    await coordinator.close();
    await server.stop();
  }
}

async function bareRate(children: readonly ChildProcess[], jobs: number, round: number): Promise<number> {
  const claims = Math.ceil(jobs / children.length);
  const answers = await Promise.all(children.map(child => ask(child, { type: 'bare', claims, round })));
  const slowest = Math.max(...answers.map(answer => (answer.type === 'bare' ? answer.milliseconds : 0)));
  return (claims * children.length * 1_000) / slowest;
}

async function told(child: ChildProcess, type: FromBenchWorker['type']): Promise<FromBenchWorker> {
  for (;;) {
    const [message] = (await once(child, 'message')) as [FromBenchWorker];
    if (message.type === type) return message;
  }
}

async function ask(child: ChildProcess, message: ToBenchWorker): Promise<FromBenchWorker> {
  const answer = told(child, message.type === 'stop' ? 'stopped' : message.type);
  child.send(message);
  return await answer;
}

function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function median(values: readonly number[]): number {
  return percentile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}
