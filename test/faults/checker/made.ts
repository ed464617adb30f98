import type {
  Edit,
  Fault,
  FinalRun,
  FinalSkip,
  History,
  JobSpecView,
  Probe,
  Request,
  SeenRun,
  Start,
} from '../history/history.ts';

/** Made-up histories for the checker's own tests: a healthy one, with faults, in which each kind of fate comes up. */

/** 10:00:00 UTC; all instants below are seconds after it. */
export const zero = Date.UTC(2026, 0, 1, 10);
export const at = (seconds: number): number => zero + seconds * 1_000;

type Mutable<T> = T extends readonly (infer I)[]
  ? Mutable<I>[]
  : T extends object
    ? { -readonly [K in keyof T]: Mutable<T[K]> }
    : T;
export type Draft = Mutable<History>;

const workers = ['worker-0', 'worker-1', 'worker-2'];
const masters = ['master-0', 'master-1'];
const [from, healedAt, to, readAt] = [0, 130, 300, 420];
/** All workers are away in it, and back at work 5 s later. */
export const outage = { from: 100, to: 130, worksFrom: 135 };
/** worker-1 is killed in it. */
export const killed = { from: 40, to: 50 };

const base: Mutable<JobSpecView> = {
  schedule: '*/5 * * * * *',
  startingDeadlineSeconds: 300,
  concurrencyPolicy: 'Allow',
  misfirePolicy: 'Skip',
  misfireLimit: 10,
  timeoutSeconds: 60,
  executor: { shell: { command: 'true' } },
};

interface Kind {
  readonly name: string;
  readonly spec?: Partial<Mutable<JobSpecView>>;
  /** Of its ticks and its runs, in seconds. */
  readonly period: number;
  readonly takes: number;
  readonly offset?: number;
}

const kinds: readonly Kind[] = [
  { name: 'each', period: 5, takes: 0.2 },
  { name: 'forbid', spec: { concurrencyPolicy: 'Forbid' }, period: 5, takes: 7 },
  { name: 'limited', spec: { maxConcurrentRuns: 1 }, period: 5, takes: 7 },
  { name: 'queue', spec: { concurrencyPolicy: 'Queue', maxQueuedRuns: 1 }, period: 5, takes: 7 },
  { name: 'replace', spec: { concurrencyPolicy: 'Replace' }, period: 5, takes: 7 },
  { name: 'http', spec: { schedule: '*/10 * * * * *' }, period: 10, takes: 0.3 },
  {
    name: 'retry',
    spec: {
      schedule: '*/10 * * * * *',
      retry: { limit: 1, on: { outcomes: ['Failed'] }, backoff: { initialSeconds: 1, factor: 2, maximumSeconds: 10 } },
    },
    period: 10,
    takes: 0.2,
  },
  { name: 'latest', spec: { schedule: '0 * * * * *', misfirePolicy: 'RunLatest' }, period: 60, takes: 0.2 },
  { name: 'all', spec: { misfirePolicy: 'RunAll', misfireLimit: 2 }, period: 5, takes: 0.2 },
  { name: 'every', spec: { schedule: '@every 7s' }, period: 7, takes: 0.2, offset: 0.123 },
];

/** What a tick came to, in the maker's own words. */
type Fate =
  | { readonly kind: 'start'; readonly begins: number; readonly goneAt?: number; readonly trigger?: string }
  | { readonly kind: 'skip'; readonly reason: string }
  | { readonly kind: 'lost' };

const empty = (): Draft => ({
  run: {
    seed: 1,
    nemeses: ['kill-worker'],
    from: at(from),
    healedAt: at(healedAt),
    to: at(to),
    readAt: at(readAt),
    workers,
    masters,
    capacity: 20,
    settings: { drainSeconds: 10 },
  },
  edits: [],
  requests: [],
  starts: [],
  faults: faults(),
  probes: probes(),
  jobSets: [],
  seen: [],
  final: {
    masters: {},
    rows: [],
    staleReports: [{ run: 'u-each-1', sent: 'an older token', changed: false }],
    consul: { locks: [], triggers: [], killers: [] },
  },
});

/** A history in which every promise was kept. */
export function healthy(): Draft {
  const made = empty();
  const [runs, skips]: [Mutable<FinalRun>[], Mutable<FinalSkip>[]] = [[], []];
  for (const [index, kind] of kinds.entries()) {
    made.edits.push(edit(kind.name, -60, 'create', { ...base, ...kind.spec }));
    for (const [tick, fate] of fatesOf(kind)) add(made, runs, skips, kind, index, tick, fate);
  }
  byHand(made, runs);
  edited(made, runs, skips);
  const logs = Object.fromEntries(made.starts.map(start => [start.run, [...start.printed]]));
  for (const master of masters) made.final.masters[master] = structuredClone({ runs, skips, logs });
  made.final.rows = runs.map(({ id, state, attempt }) => ({ id, state, attempt }));
  made.seen = runs.flatMap(({ id, state, attempt, tick }, i): SeenRun[] => {
    const seenAt = tick ?? at(20);
    const master = masters[i % 2] ?? '';
    return [
      { at: seenAt + 1_000, master, id, attempt: 1, state: 'Running' },
      { at: seenAt + 90_000, master, id, attempt, state },
    ];
  });
  jobSets(made);
  return made;
}

function fatesOf(kind: Kind): [number, Fate][] {
  const fates: [number, Fate][] = [];
  const { offset = 0, period } = kind;
  let [busyUntil, waiting] = [Number.NEGATIVE_INFINITY, 0];
  for (let tick = Math.ceil((from + 0.001 - offset) / period) * period + offset; tick <= to; tick += period) {
    const away = tick >= outage.from && tick < outage.worksFrom;
    const fate = away ? awayFate(kind, tick) : liveFate();
    fates.push([tick, fate]);

    function liveFate(): Fate {
      if (kind.name === 'each' && tick === killed.from) return { kind: 'lost' };
      const begins = tick + 0.05;
      if (kind.name === 'replace') {
        const next = tick + period;
        const ends = next > to || (next >= outage.from && next < outage.worksFrom) ? {} : { goneAt: next + 0.02 };
        return { kind: 'start', begins, ...ends };
      }
      if (kind.takes < kind.period) return { kind: 'start', begins };
      if (busyUntil <= tick) {
        busyUntil = begins + kind.takes + 0.1;
        waiting = 0;
        return { kind: 'start', begins };
      }
      if (kind.name === 'forbid') return { kind: 'skip', reason: 'StillRunning' };
      if (kind.name === 'limited') return { kind: 'skip', reason: 'ConcurrencyLimit' };
      if (waiting > tick) return { kind: 'skip', reason: 'QueueFull' };
      waiting = busyUntil;
      busyUntil += kind.takes + 0.1;
      return { kind: 'start', begins: waiting };
    }
  }
  return fates;
}

function awayFate({ name }: Kind, tick: number): Fate {
  if (name === 'latest') return { kind: 'start', begins: 140, trigger: 'catchup' };
  if (name === 'all' && tick >= 125) return { kind: 'start', begins: 140 + (tick - 125) / 5, trigger: 'catchup' };
  return { kind: 'skip', reason: name === 'all' ? 'MisfireLimit' : 'NoEligibleWorker' };
}

function add(
  made: Draft,
  runs: Mutable<FinalRun>[],
  skips: Mutable<FinalSkip>[],
  { name, takes }: Pick<Kind, 'name' | 'takes'>,
  index: number,
  tick: number,
  fate: Fate,
): void {
  const job = { namespace: 'faults', name };
  const uid = `u-${name}`;
  const instant = Math.round(at(tick));
  const id = `${uid}-${instant.toString(36)}`;
  if (fate.kind === 'skip') {
    skips.push({ ...job, uid, from: instant, to: instant, count: 1, reason: fate.reason, detail: 'as it was' });
    return;
  }
  if (fate.kind === 'lost') {
    runs.push({ ...job, uid, id, trigger: 'tick', tick: instant, attempt: 1, state: 'Lost', message: 'no report' });
    return;
  }
  const worker =
    workers[(tick + index) % 3 === 1 && tick >= killed.from - 5 && tick < 60 ? 0 : (tick + index) % 3] ?? 'worker-0';
  const attempts = name === 'retry' ? 2 : 1;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const begun = at(fate.begins + (attempt - 1) * 3);
    const over = fate.goneAt === undefined ? { end: begun + takes * 1_000 } : { gone: at(fate.goneAt) };
    made.starts.push({
      ...{ ...job, kind: name === 'http' ? 'http' : 'shell', run: id, attempt, tick: instant, worker },
      ...{ token: String(1_000_000 + Math.round(begun - zero)), at: begun, ...over },
      ...{ printed: [`line 1 of ${id}`, `line 2 of ${id}`], exit: exitOf(name) },
    });
    if (attempt < attempts) continue;
    const state = fate.goneAt !== undefined ? 'Killed' : name === 'retry' ? 'Failed' : 'Succeeded';
    runs.push({
      ...{ ...job, uid, id, trigger: fate.trigger ?? 'tick', tick: instant, attempt, state, worker: `${worker}-x1` },
      ...{ startedAt: begun - 20, finishedAt: (over.end ?? over.gone ?? begun) + 20 },
    });
  }
}

const exitOf = (name: string): number => ({ http: 200, retry: 1 })[name] ?? 0;

function byHand(made: Draft, runs: Mutable<FinalRun>[]): void {
  made.edits.push(edit('by-hand', -60, 'create', { ...base, schedule: '@manually' }));
  const job = { namespace: 'faults', name: 'by-hand' };
  const [id, worker] = ['u-by-hand-m-1', 'worker-2'];
  made.requests.push(
    { ...request('trigger', 20), run: id },
    { ...request('trigger', 30), result: 'refused', status: 409 },
  );
  made.starts.push({
    ...{ ...job, kind: 'shell', run: id, attempt: 1, worker, token: '7', at: at(20.1), end: at(21) },
    ...{ printed: ['by hand'], exit: 0 },
  });
  runs.push({
    ...{ ...job, uid: 'u-by-hand', id, trigger: 'manual', attempt: 1, state: 'Succeeded', worker: `${worker}-x1` },
    ...{ startedAt: at(20.1), finishedAt: at(21) },
  });
}

/** A job with another schedule from 60 s on, suspended from 75 s to 90 s. */
function edited(made: Draft, runs: Mutable<FinalRun>[], skips: Mutable<FinalSkip>[]): void {
  const anew: Mutable<JobSpecView> = { ...base, schedule: '*/10 * * * * *' };
  made.edits.push(
    edit('edited', -60, 'create', base),
    edit('edited', 60.5, 'replace', anew, 2),
    edit('edited', 74.5, 'suspend', { ...anew, suspend: true }, 3),
    edit('edited', 90.5, 'resume', anew, 4),
  );
  const kind = { name: 'edited', takes: 0.2 };
  for (let tick = 5; tick <= to; tick += tick < 60 ? 5 : 10) {
    if (tick === 80) add(made, runs, skips, kind, 0, tick, { kind: 'skip', reason: 'Suspended' });
    else if (tick === 90) skips.push({ ...(skips.at(-1) as FinalSkip), from: at(90), to: at(90) });
    else if (tick >= outage.from && tick < outage.worksFrom)
      add(made, runs, skips, kind, 0, tick, { kind: 'skip', reason: 'NoEligibleWorker' });
    else add(made, runs, skips, kind, 0, tick, { kind: 'start', begins: tick + 0.05 });
  }
}

/** An edit that was acknowledged within 50 ms. */
export function edit(
  name: string,
  sent: number,
  action: Edit['action'],
  spec: Mutable<JobSpecView>,
  revision = 1,
): Mutable<Edit> {
  const job = { namespace: 'faults', name, uid: `u-${name}`, revision, anchor: at(-7 * 9) + 123 };
  return { ...job, sent: at(sent), answered: at(sent) + 50, result: 'done', status: 200, action, spec };
}

export function request(action: Request['action'], sent: number): Mutable<Request> {
  const job = { namespace: 'faults', name: 'by-hand' };
  return { ...job, action, sent: at(sent), answered: at(sent) + 40, result: 'done', status: 202 };
}

function faults(): Mutable<Fault>[] {
  const fault = (target: string, { from, to }: { from: number; to: number }): Mutable<Fault> => {
    return { nemesis: 'kill-worker', targets: [target], from: at(from), to: at(to), effect: 'killed', detail: {} };
  };
  return [fault('worker-1', killed), ...workers.map(worker => fault(worker, outage))];
}

function probes(): Mutable<Probe>[] {
  const made: Mutable<Probe>[] = [];
  const node = (alive: boolean) => ({ alive, consul: alive, clockOffset: 0 });
  for (let seconds = -10; seconds <= readAt; seconds += 0.5) {
    const within = ({ from, to }: { from: number; to: number }): boolean => seconds >= from && seconds < to;
    const alive = (worker: string): boolean => !within(outage) && !(worker === 'worker-1' && within(killed));
    made.push({
      at: at(seconds),
      quorum: true,
      database: true,
      workers: Object.fromEntries(workers.map(name => [name, { ...node(alive(name)), spool: true }])),
      masters: Object.fromEntries(masters.map(name => [name, node(true)])),
    });
  }
  return made;
}

function jobSets(made: Draft): void {
  const ofJobs = (now: number): Record<string, number> =>
    Object.fromEntries(
      made.edits
        .filter(({ answered }) => answered <= now)
        .map(({ namespace, name, revision = 1 }) => [`${namespace}/${name}`, revision]),
    );
  made.jobSets = made.probes
    .filter(({ at }) => at % 1_000 === 0)
    .map(({ at: now, workers: seen }) => {
      const set = ofJobs(now);
      const own = Object.fromEntries(
        Object.entries(seen).map(([name, { alive }]) => [name, alive ? { ...set } : undefined]),
      );
      return { at: now, consul: set, workers: own };
    });
}

/** The first start of a job at or after an instant, in seconds. */
export function startOf(made: Draft, name: string, seconds: number): Mutable<Start> {
  const found = made.starts.find(start => start.name === name && (start.tick ?? start.at) >= at(seconds));
  if (found === undefined) throw new Error(`${name} has no start from ${seconds} s on`);
  return found;
}

/** Changes a run wherever it is shown, rows included. */
export function setRun(made: Draft, id: string, change: Partial<FinalRun>): void {
  for (const { runs } of Object.values(made.final.masters)) {
    for (const run of runs) if (run.id === id) Object.assign(run, change);
  }
  for (const row of made.final.rows) {
    if (row.id === id) Object.assign(row, { state: change.state ?? row.state, attempt: change.attempt ?? row.attempt });
  }
  // What clients saw of it before has nothing to do with what is made here.
  made.seen = made.seen.filter(seen => seen.id !== id);
}

/** Takes a run out, with its starts, wherever it is. */
export function dropRun(made: Draft, id: string): void {
  for (const view of Object.values(made.final.masters)) view.runs = view.runs.filter(run => run.id !== id);
  made.final.rows = made.final.rows.filter(row => row.id !== id);
  made.starts = made.starts.filter(start => start.run !== id);
  made.seen = made.seen.filter(seen => seen.id !== id);
}

/** Records a skip at every master. */
export function addSkip(made: Draft, name: string, seconds: number, reason: string): void {
  const job = { namespace: 'faults', name, uid: `u-${name}` };
  for (const view of Object.values(made.final.masters)) {
    view.skips.push({ ...job, from: at(seconds), to: at(seconds), count: 1, reason, detail: 'as it was said' });
  }
}

/** Makes the start of a tick a skip. */
export function skipInstead(made: Draft, name: string, seconds: number, reason: string): void {
  dropRun(made, startOf(made, name, seconds).run);
  addSkip(made, name, seconds, reason);
}
