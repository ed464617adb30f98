// `node test/faults/costs.ts [ROUNDS]`: what the death of a worker costs the ticks that it had not claimed, and how long
// before another worker starts an exclusive run the children of one without Consul, or stopped, have ended. In a lab of
// its own; docs/reliability.md has what it printed. Exits with 1 when a bound is broken.
import { appendFileSync, existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentiles } from './checker/check.ts';
import { ask } from './driver/rest.ts';
import type { Lab, WorkerNode } from './lab/lab.ts';
import { openLab } from './lab/open.ts';

const rounds = Number(process.argv[2] ?? 5);
/** docs/reliability.md: a dead owner's ticks, and the protocol's looks of ranks 1 and 2. */
const mostLate = 1_500;
const beats = 30;
const holders = 6;

interface Line {
  readonly what: 'beat' | 'hold';
  readonly job: string;
  readonly tick: number;
  readonly worker: string;
  readonly pid: number;
  readonly at: number;
}

const folder = mkdtempSync(join(tmpdir(), 'cronmesh-costs-'));
const proof = join(folder, 'proof');
appendFileSync(proof, '');
const lab = await openLab({ folder });
const results: { readonly what: string; readonly values: readonly number[]; readonly broken: boolean }[] = [];
try {
  await lab.well(60_000);
  await makeJobs(lab);
  await sleep(10_000);
  await ownersKilled();
  await withoutWorker('cut from Consul', async worker => {
    const others = [...lab.servers, ...lab.workers.filter(one => one !== worker), ...lab.masters];
    return await lab.network.cut([worker], others);
  });
  await withoutWorker('stopped (SIGSTOP)', async worker => {
    worker.program.pause();
    return async () => worker.program.resume();
  });
} finally {
  await lab.close();
}
for (const { what, values, broken } of results) {
  const { count, p50, p99, max } = percentiles(values.map(Math.round));
  const text = `least ${Math.min(...values.map(Math.round))}, p50 ${p50}, p99 ${p99}, most ${max}`;
  process.stdout.write(`${broken ? 'BROKEN ' : ''}${what}: ${count} measured; ${text} ms\n`);
}
process.exit(results.some(({ broken, values }) => broken || values.length === 0) ? 1 : 0);

async function makeJobs({ masters: [master] }: Lab): Promise<void> {
  if (master === undefined) throw new Error('a lab without masters');
  const line = (what: string): string =>
    `echo "${what} $CRONMESH_JOB $CRONMESH_TICK $CRONMESH_WORKER $$ $(date +%s%N)" >> ${proof}`;
  const make = async (name: string, spec: Record<string, unknown>): Promise<void> => {
    const { status } = await ask(master.http, 'POST', '/api/v1/namespaces/default/jobs', { metadata: { name }, spec });
    if (status !== 201) throw new Error(`${name} was not made: status ${status}`);
  };
  for (let i = 0; i < beats; i++) {
    await make(`beat-${i}`, { schedule: '* * * * * *', executor: { shell: { command: line('beat') } } });
  }
  for (let i = 0; i < holders; i++) {
    const executor = { shell: { command: `${line('hold')}; exec sleep 300` } };
    await make(`hold-${i}`, { schedule: '*/2 * * * * *', concurrencyPolicy: 'Forbid', executor });
  }
}

function linesOf(what: Line['what']): Line[] {
  return readFileSync(proof, 'utf8')
    .split('\n')
    .flatMap(text => {
      const [kind, job = '', tick = '', worker = '', pid = '', at = ''] = text.split(' ');
      if (kind !== what || at === '') return [];
      return [{ what, job, tick: Date.parse(tick), worker, pid: Number(pid), at: Number(at) / 1e6 }];
    });
}

function isOf(worker: WorkerNode, line: Line): boolean {
  return line.worker.startsWith(`${worker.name}-`);
}

async function ownersKilled(): Promise<void> {
  const values: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const worker = lab.workers[round % lab.workers.length];
    if (worker === undefined) throw new Error('a lab without workers');
    // Anywhere in a second.
    await sleep(Math.random() * 1_000);
    const at = Date.now();
    await worker.program.kill();
    await sleep(6_000);
    values.push(
      ...linesOf('beat')
        .filter(line => line.tick > at && line.tick <= at + 3_000 && !isOf(worker, line))
        .map(line => line.at - line.tick),
    );
    await worker.program.start();
    await lab.well(60_000);
    await sleep(8_000);
  }
  results.push({
    what: `a worker killed, ticks of the 3 s after: started late by`,
    values,
    broken: values.some(value => value > mostLate),
  });
}

/** Breaks a worker that holds exclusive runs, until each has ended there and begun elsewhere. */
async function withoutWorker(how: string, begin: (worker: WorkerNode) => Promise<() => Promise<void>>): Promise<void> {
  const ended: number[] = [];
  const margins: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { worker, held } = holding();
    const at = Date.now();
    const heal = await begin(worker);
    const gone = new Map<string, number>();
    for (let end = at + 60_000; gone.size < held.length && Date.now() < end; ) {
      for (const { job, pid } of held) if (!gone.has(job) && !isAlive(pid)) gone.set(job, Date.now());
      await sleep(20);
    }
    const next = new Map<string, number>();
    for (let end = at + 90_000; next.size < held.length && Date.now() < end; ) {
      for (const line of linesOf('hold')) {
        if (line.at > at && !next.has(line.job) && held.some(one => one.job === line.job)) next.set(line.job, line.at);
      }
      await sleep(200);
    }
    for (const { job } of held) {
      const [left, begun] = [gone.get(job), next.get(job)];
      if (left !== undefined) ended.push(left - at);
      if (left !== undefined && begun !== undefined) margins.push(begun - left);
    }
    await heal();
    await lab.well(90_000);
    await sleep(5_000);
  }
  results.push({ what: `a worker ${how}: its exclusive runs had ended after`, values: ended, broken: false });
  results.push({
    what: `a worker ${how}: … and the next of the job began later by`,
    values: margins,
    broken: margins.some(margin => margin <= 0),
  });
}

/** A worker and the exclusive runs that it holds: the one with the most. */
function holding(): { worker: WorkerNode; held: Line[] } {
  const alive = linesOf('hold').filter(line => isAlive(line.pid));
  const [most] = lab.workers
    .map(worker => ({ worker, held: alive.filter(line => isOf(worker, line)) }))
    .sort((a, b) => b.held.length - a.held.length);
  if (most === undefined || most.held.length === 0) throw new Error('no worker holds an exclusive run');
  return most;
}

function isAlive(pid: number): boolean {
  try {
    return existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z');
  } catch {
    return false;
  }
}
