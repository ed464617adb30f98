import type { Random } from '../../chaos/random.ts';
import type { PlannedJob, Work } from './plan.ts';

/** What a kind of job is, before the seed decides the rest. */
interface Kind {
  readonly name: string;
  readonly spec: PlannedJob['spec'];
  readonly work?: Partial<Work>;
  readonly edited?: boolean;
}

const misfires = [
  { misfirePolicy: 'Skip' },
  { misfirePolicy: 'RunLatest' },
  { misfirePolicy: 'RunAll', misfireLimit: 3 },
  { misfirePolicy: 'RunAll', misfireLimit: 10 },
] as const;

const quick = { least: 10, most: 200 };
const second = { least: 300, most: 1_500 };
/** Longer than the period of what comes each 2 to 5 s. */
const long = { least: 3_000, most: 9_000 };
const child = { child: true };

const retry = { limit: 2, backoff: { initialSeconds: 1, factor: 2, maximumSeconds: 10, jitter: 0 } };

/** Some 12 starts a second, at most, is what two cores take beside everything that is broken there. */
function kinds(minutely: string): Kind[] {
  return [
    // Each second.
    { name: 'each-second', spec: { schedule: '* * * * * *' }, work: quick },
    { name: 'each-second-http', spec: { schedule: '* * * * * *' }, work: { kind: 'http', ...quick } },
    { name: 'forbid-each-second', spec: { schedule: '* * * * * *', ...forbid }, work: { ...second, slots: 1 } },
    { name: 'queue-each-second', spec: { schedule: '* * * * * *', ...queue(3) }, work: { ...second, slots: 1 } },
    // Each 2 to 3 s.
    { name: 'forbid-2s-child', spec: { schedule: '*/2 * * * * *', ...forbid }, work: { ...long, ...child, slots: 1 } },
    { name: 'replace-2s', spec: { schedule: '*/2 * * * * *', ...replace }, work: { ...second, slots: 1 } },
    {
      name: 'limit-2s',
      spec: { schedule: '*/2 * * * * *', concurrencyPolicy: 'Allow', maxConcurrentRuns: 2 },
      work: { ...long, slots: 2 },
    },
    { name: 'every-3s', spec: { schedule: '@every 3s' }, work: second },
    { name: 'every-3s-http', spec: { schedule: '@every 3s', ...forbid }, work: { kind: 'http', ...long, slots: 1 } },
    {
      name: 'forbid-3s-deaf',
      spec: { schedule: '*/3 * * * * *', ...forbid },
      work: { ...long, slots: 1, linger: 900 },
    },
    // Each 5 s and more.
    { name: 'fails-5s', spec: { schedule: '*/5 * * * * *' }, work: { ...quick, exit: 1 } },
    { name: 'fails-http-10s', spec: { schedule: '*/10 * * * * *' }, work: { kind: 'http', ...quick, exit: 500 } },
    { name: 'retry-5s', spec: { schedule: '*/5 * * * * *', retry }, work: { ...quick, exit: 1 } },
    {
      name: 'retry-forbid-10s',
      spec: { schedule: '*/10 * * * * *', ...forbid, retry: { ...retry, on: { outcomes: ['Lost', 'Failed'] } } },
      work: { ...second, slots: 1, exit: 1 },
    },
    {
      name: 'retry-lost-2s',
      spec: { schedule: '*/2 * * * * *', retry: { ...retry, on: { outcomes: ['Lost'] } } },
      work: long,
    },
    {
      name: 'retry-timeout-10s',
      spec: { schedule: '*/10 * * * * *', timeoutSeconds: 2, retry: { ...retry, on: { outcomes: ['TimedOut'] } } },
      work: { ...long, slots: 0 },
    },
    {
      name: 'timeout-forbid-5s',
      spec: { schedule: '*/5 * * * * *', ...forbid, timeoutSeconds: 2, terminationGraceSeconds: 1 },
      work: { ...long, ...child, slots: 1 },
    },
    {
      name: 'deadline-5s',
      spec: { schedule: '*/5 * * * * *', ...queue(10), startingDeadlineSeconds: 7 },
      work: { ...long, slots: 1 },
    },
    {
      name: 'replace-5s-child',
      spec: { schedule: '*/5 * * * * *', ...replace },
      work: { ...long, ...child, slots: 1 },
    },
    { name: 'queue-5s-child', spec: { schedule: '*/5 * * * * *', ...queue(2) }, work: { ...long, ...child, slots: 1 } },
    // By hand alone.
    { name: 'by-hand', spec: { schedule: '@manually' }, work: second },
    { name: 'by-hand-forbid', spec: { schedule: '@manually', ...forbid }, work: { ...long, ...child, slots: 1 } },
    { name: 'by-hand-queue', spec: { schedule: '@manually', ...queue(5) }, work: { ...second, slots: 1 } },
    // Changed while they go.
    { name: 'edited-1', spec: { schedule: '*/2 * * * * *' }, work: quick, edited: true },
    { name: 'edited-2', spec: { schedule: '*/5 * * * * *', ...forbid }, work: { ...second, slots: 1 }, edited: true },
    { name: 'edited-3', spec: { schedule: '@every 4s' }, work: quick, edited: true },
    { name: 'edited-4', spec: { schedule: '*/3 * * * * *' }, work: { kind: 'http', ...quick }, edited: true },
    { name: 'edited-5', spec: { schedule: '*/10 * * * * *', ...queue(3) }, work: { ...long, slots: 1 }, edited: true },
    { name: 'edited-6', spec: { schedule: '*/4 * * * * *', ...replace }, work: { ...second, slots: 1 }, edited: true },
    // The herd: all in the same second.
    ...Array.from({ length: 24 }, (_, index): Kind => {
      const policy = index % 4 === 1 ? forbid : {};
      return {
        name: `herd-${String(index + 1).padStart(2, '0')}`,
        spec: { schedule: minutely, ...policy, ...(index % 6 === 5 && { startingDeadlineSeconds: 30 }) },
        work: { kind: index % 5 === 4 ? 'http' : 'shell', ...second, slots: index % 4 === 1 ? 1 : 0 },
      };
    }),
  ];
}

const forbid = { concurrencyPolicy: 'Forbid' } as const;
const replace = { concurrencyPolicy: 'Replace' } as const;
/** What still waits when nothing fires any more is skipped at its deadline. */
const queue = (maxQueuedRuns: number) =>
  ({ concurrencyPolicy: 'Queue', maxQueuedRuns, startingDeadlineSeconds: 25 }) as const;

/** The jobs of a run: their kinds are always the same, so that each run has them all; the seed decides the rest. */
export function planJobs(random: Random, herdEvery: number): PlannedJob[] {
  const minutely = herdEvery === 60_000 ? '0 * * * * *' : `*/${herdEvery / 1000} * * * * *`;
  return kinds(minutely).map(({ name, spec, work, edited = false }) => ({
    namespace: 'faults',
    name,
    spec: { ...random.of(misfires), ...spec },
    work: {
      kind: 'shell',
      least: 10,
      most: 200,
      slots: 0,
      child: false,
      linger: 0,
      text: `text-${random.between(100, 999).toFixed(0)}`,
      lines: Math.floor(random.between(1, 5.99)),
      ...work,
      exit: work?.exit ?? (work?.kind === 'http' ? 200 : 0),
    },
    edited,
  }));
}
