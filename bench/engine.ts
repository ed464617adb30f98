// The schedule engine against croner, side by side in one run: time for a next tick with a zone, memory for a schedule.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Cron } from 'croner';
import { parseSchedule } from '../src/domain/schedule/index.ts';

/** One line of a benchmark's result: how many times better than what it is compared with, or how near to a goal. */
export interface BenchResult {
  readonly name: string;
  readonly ratio: number;
  readonly unit: string;
  readonly detail: string;
}

const expressions = [
  '* * * * *',
  '*/5 * * * *',
  '30 2 * * *',
  '0 9 * * MON-FRI',
  '15,45 8-18 * * *',
  '0 0 1 * *',
  '0 0 L * *',
  '0 12 * * 5#2',
  '0 0 29 2 *',
  '*/10 * * * * *',
];
const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'America/Sao_Paulo'];
/** Starts spread over three years, so that shifts of zones are among them. */
const starts = Array.from({ length: 1_000 }, (_, i) => Date.UTC(2026, 0, 1) + i * 94_694_400 + i * 977);

/** Microseconds for one call, over every expression, zone and start. */
function microseconds(
  rounds: number,
  prepare: (expression: string, zone: string) => (from: number) => unknown,
): number {
  const calls = expressions.flatMap(expression => zones.map(zone => prepare(expression, zone)));
  const sweep = (count: number): void => {
    for (const call of calls) for (let i = 0; i < count; i++) call(starts[(i * 7) % starts.length] ?? 0);
  };
  sweep(20); // compiles the code and fills the zone tables
  const begin = performance.now();
  sweep(rounds);
  return ((performance.now() - begin) * 1_000) / (rounds * calls.length);
}

/** Bytes of heap for each of a million distinct schedules; needs --expose-gc. */
function bytesPerSchedule(): number {
  const count = 1_000_000;
  const heap = (): number => {
    globalThis.gc?.();
    return process.memoryUsage().heapUsed;
  };
  const schedules = new Array<unknown>(count).fill(0);
  const before = heap();
  for (let i = 0; i < count; i++) {
    const expression = `${i % 60} ${Math.floor(i / 60) % 24} ${1 + (Math.floor(i / 1_440) % 28)} * ${i % 7}`;
    schedules[i] = parseSchedule(expression, { timeZone: zones[i % zones.length] ?? 'UTC' });
  }
  return (heap() - before) / schedules.length;
}

/** Measures speed here and memory in a process of its own, whose garbage collector can be called. */
export async function benchEngine(): Promise<BenchResult[]> {
  const own = microseconds(2_000, (expression, timeZone) => {
    const schedule = parseSchedule(expression, { timeZone });
    return from => schedule.next(from);
  });
  const croner = microseconds(20, (expression, timezone) => {
    const cron = new Cron(expression, { timezone, paused: true });
    return from => cron.nextRun(new Date(from));
  });
  const self = fileURLToPath(import.meta.url);
  const bytes = Number(execFileSync(process.execPath, ['--expose-gc', self, '--memory'], { encoding: 'utf8' }));
  return [
    {
      name: 'engine: next tick with a zone, against croner',
      ratio: croner / own,
      unit: 'times faster',
      detail: `${own.toFixed(2)} µs against ${croner.toFixed(1)} µs (goal: 5 µs)`,
    },
    {
      name: 'engine: memory of 1,000,000 schedules, against the goal',
      ratio: 300 / bytes,
      unit: 'times smaller',
      detail: `${bytes.toFixed(0)} bytes each, expression included (goal: 300)`,
    },
  ];
}

if (import.meta.main) {
  if (process.argv.includes('--memory')) process.stdout.write(String(bytesPerSchedule()));
  else {
    for (const { name, ratio, unit, detail } of await benchEngine()) {
      process.stdout.write(`${name}: ${ratio.toFixed(2)} ${unit}: ${detail}\n`);
    }
  }
}
