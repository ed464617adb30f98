import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { check } from './check.ts';
import {
  addSkip,
  at,
  type Draft,
  dropRun,
  edit,
  healthy,
  killed,
  request,
  setRun,
  skipInstead,
  startOf,
} from './made.ts';

type Case = readonly [what: string, rules: readonly string[], shown: RegExp, spoil: (made: Draft) => void];

const logsOf = (made: Draft) => Object.values(made.final.masters).map(({ logs }) => logs);

/** A tick far from every fault. */
const calm = 205;

const ticks: readonly Case[] = [
  [
    'everything skipped',
    ['missed', 'not recovered'],
    /skipped as Misfire, though Consul and a worker were there/,
    made => {
      const all = made.starts.filter(({ name, tick }) => name === 'each' && tick !== undefined);
      for (const { tick = 0 } of all) skipInstead(made, 'each', (tick - at(0)) / 1_000, 'Misfire');
    },
  ],
  [
    'one tick silently missing',
    ['missed'],
    /^faults\/each at 10:00:20.000: neither a start, a run nor a skip/,
    made => dropRun(made, startOf(made, 'each', 20).run),
  ],
  [
    'ticks of a suspension that ended with another schedule, silently missing',
    ['missed'],
    /^faults\/resting at 10:01:30.000: neither a start, a run nor a skip/,
    made => {
      const resting = { ...plain(made), schedule: '*/30 * * * * *', suspend: true };
      made.edits.push(
        edit('resting', 65, 'create', resting),
        edit('resting', 119, 'replace', { ...resting, schedule: '@yearly' }, 2),
      );
      made.jobSets = [];
    },
  ],
  [
    'a tick that started and was skipped',
    ['accounted twice'],
    /u-each.* and a skip Misfire/,
    made => addSkip(made, 'each', calm, 'Misfire'),
  ],
  [
    'two skips of one tick',
    ['accounted twice'],
    /skips NoEligibleWorker and Misfire/,
    made => addSkip(made, 'each', 110, 'Misfire'),
  ],
  [
    'a start long after its tick',
    ['late'],
    /9.0 s late without a cause/,
    made => {
      const start = startOf(made, 'each', 70);
      Object.assign(start, { at: at(79), end: at(79.2) });
      setRun(made, start.run, { startedAt: at(79), finishedAt: at(79.2) });
    },
  ],
  [
    'a run that failed and never began',
    ['untrue outcome'],
    /is Failed, and its process never began/,
    made => {
      const { run } = startOf(made, 'each', 20);
      made.starts = made.starts.filter(start => start.run !== run);
      setRun(made, run, { state: 'Failed' });
    },
  ],
  [
    'a run that was killed, and nobody asked for it',
    ['untrue outcome'],
    /is Killed, and nobody asked for that/,
    made => {
      const { run } = startOf(made, 'each', 20);
      made.starts = made.starts.filter(start => start.run !== run);
      setRun(made, run, { state: 'Killed' });
    },
  ],
  [
    'a tick excused without a cause: no worker, where there were two',
    ['untrue reason'],
    /at 10:01:10.000: skipped as NoEligibleWorker, but a worker was connected all that time/,
    made => skipInstead(made, 'each', 70, 'NoEligibleWorker'),
  ],
];

/** Each reason, said of a tick at which it was not true. */
const reasons: readonly Case[] = (
  [
    ['StillRunning', 'each', /the job allows runs beside one another/],
    ['StillRunning', 'idle', /no run of it was going/],
    ['ConcurrencyLimit', 'each', /the job has no limit/],
    ['ConcurrencyLimit', 'idle-limited', /0 of 1 runs were going/],
    ['QueueFull', 'each', /the job has no queue/],
    ['QueueFull', 'idle-queue', /0 of 2 runs were waiting/],
    ['Replaced', 'each', /the job replaces nothing/],
    ['Replaced', 'idle-replace', /no later run came/],
    ['NoEligibleWorker', 'each', /a worker was connected/],
    ['ClusterDown', 'each', /a worker was alive/],
    ['CoordinationUnavailable', 'each', /Consul answered, to every master too, and kept its past/],
    ['NoCapacity', 'each', /workers had room/],
    ['Suspended', 'each', /the job was not suspended/],
    ['JobChanged', 'each', /nobody changed the job/],
    ['Superseded', 'each', /its misfirePolicy is not RunLatest/],
    ['MisfireLimit', 'each', /its misfirePolicy is not RunAll/],
    ['DeadlineExceeded', 'each', /its misfirePolicy is Skip/],
    ['Frozen', 'each', /nothing in this run can be the reason/],
  ] as const
).map(
  ([reason, name, shown]): Case => [
    `${reason} of ${name}, which is not true`,
    ['untrue reason'],
    shown,
    made => {
      if (name === 'each') return skipInstead(made, name, 70, reason);
      const spec = {
        idle: { concurrencyPolicy: 'Forbid' as const },
        'idle-limited': { maxConcurrentRuns: 1 },
        'idle-replace': { concurrencyPolicy: 'Replace' as const },
        'idle-queue': { concurrencyPolicy: 'Queue' as const, maxQueuedRuns: 2 },
      }[name];
      made.edits.push(
        edit(name, -60, 'create', { ...plain(made), ...spec, schedule: `@at ${new Date(at(70)).toISOString()}` }),
      );
      made.jobSets = [];
      addSkip(made, name, 70, reason);
    },
  ],
);

/** A tick of which Consul has a trigger, and nobody else knows; and one behind it of which REST tells. */
function waitsInConsul(made: Draft): void {
  const [{ run }, behind] = [startOf(made, 'each', 20), startOf(made, 'each', 25)];
  dropRun(made, run);
  made.starts = made.starts.filter(start => start !== behind);
  setRun(made, behind.run, { state: 'Pending' });
  made.final.consul.triggers.push(`cron/trigger/faults/each/${run}`);
}

/** A start by a schedule that was edited away long before. */
function editedAway(made: Draft): void {
  const start = {
    ...startOf(made, 'edited', 200),
    tick: at(205),
    at: at(205.05),
    end: at(205.2),
    run: 'u-edited-x',
  };
  made.starts.push({ ...start, token: '9000000' });
  const run = Object.values(made.final.masters)[0]?.runs.find(({ name }) => name === 'edited');
  for (const view of Object.values(made.final.masters)) {
    view.runs.push({
      ...(run as NonNullable<typeof run>),
      ...{ id: start.run, tick: at(205), worker: start.worker, startedAt: at(205.05), finishedAt: at(205.2) },
    });
    view.logs[start.run] = [...start.printed];
  }
  made.final.rows.push({ id: start.run, state: 'Succeeded', attempt: 1 });
}

const starts: readonly Case[] = [
  [
    'two starts of one attempt',
    ['double start'],
    /^2 times: u-each/,
    made => made.starts.push({ ...startOf(made, 'each', 20), at: at(20.1), end: at(20.3) }),
  ],
  [
    'two runs of one tick',
    ['double start', 'result'],
    /has 2 runs/,
    made => made.starts.push({ ...startOf(made, 'each', 20), run: 'u-other-1', at: at(22), end: at(22.2) }),
  ],
  [
    'a start that no schedule asks for',
    ['unasked start', 'REST', 'untrue outcome'],
    /is no tick of any definition that was in force/,
    made => {
      startOf(made, 'each', 20).tick = at(18);
    },
  ],
  [
    'a start by a schedule that was edited away',
    ['unasked start'],
    /^faults\/edited at 10:03:25.000: .* is no tick of any definition/,
    editedAway,
  ],
  [
    'a run by hand that nobody asked for',
    ['unasked start'],
    /was asked for by nobody/,
    made => {
      made.requests = made.requests.filter(({ result }) => result === 'refused');
    },
  ],
  [
    'an attempt beyond the limit',
    ['unasked start'],
    /attempt beyond the limit of 2/,
    made => {
      const start = made.starts.findLast(({ name, attempt }) => name === 'retry' && attempt === 2);
      if (start === undefined) throw new Error('no start');
      made.starts.push({ ...start, attempt: 3, at: start.at + 2_000, end: start.at + 2_200 });
      setRun(made, start.run, { attempt: 3, startedAt: start.at + 2_000, finishedAt: start.at + 2_200 });
    },
  ],
  [
    'attempts of one run beside one another',
    ['overlap'],
    /^attempts of one run/,
    made => {
      startOf(made, 'retry', 20).end = at(24);
    },
  ],
  [
    'a start before its tick',
    ['early'],
    /950 ms before its tick/,
    made => {
      const start = startOf(made, 'each', 20);
      Object.assign(start, { at: at(19.05), end: at(19.2) });
      setRun(made, start.run, { startedAt: at(19.05), finishedAt: at(19.2) });
    },
  ],
];

const overlaps: readonly Case[] = [
  [
    'an overlap by intervals',
    ['overlap'],
    /^faults\/forbid allows 1: .* beside/,
    made => {
      const start = startOf(made, 'forbid', 215);
      Object.assign(start, { end: at(226) });
      setRun(made, start.run, { finishedAt: at(226) });
    },
  ],
  [
    'an overlap by a child of a run that was ended',
    ['overlap', 'result'],
    /ended from outside/,
    made => {
      const start = startOf(made, 'forbid', 215);
      delete start.end;
      start.gone = at(228);
    },
  ],
  [
    'an overlap that the kernel proves',
    ['overlap'],
    /found its locks held by processes of other runs/,
    made => {
      startOf(made, 'forbid', 215).overlapped = true;
    },
  ],
  [
    'one too many of a limited job',
    ['overlap'],
    /^faults\/limited allows 1/,
    made => {
      const start = startOf(made, 'limited', 215);
      Object.assign(start, { end: at(226) });
      setRun(made, start.run, { finishedAt: at(226) });
    },
  ],
  [
    'a token that went back',
    ['token', 'fence'],
    /has 5 after/,
    made => {
      startOf(made, 'forbid', 290).token = '5';
    },
  ],
];

const orders: readonly Case[] = [
  [
    'a start far beyond its claim',
    ['fence'],
    /began 4\d\.\d s or more after its claim/,
    made => {
      startOf(made, 'each', 70).token = '1022000';
    },
  ],
  [
    'a job that was published and then its past',
    ['publication'],
    /went back from revision 2 to 1/,
    made => {
      for (const set of made.jobSets) {
        if (set.consul !== undefined && set.at > at(65) && set.at < at(67)) set.consul['faults/edited'] = 1;
      }
    },
  ],
];

const records: readonly Case[] = [
  [
    'a terminal state that changed',
    ['state'],
    /was Succeeded of attempt 1 .* then Failed of 1/,
    made => {
      const { run } = startOf(made, 'each', 20);
      made.seen.push({ at: at(60), master: 'master-1', id: run, attempt: 1, state: 'Succeeded' });
      made.seen.push({ at: at(61), master: 'master-0', id: run, attempt: 1, state: 'Failed' });
      made.seen = made.seen.filter(({ id, at: when }) => id !== run || when < at(62));
      setRunOnly(made, run);
    },
  ],
  [
    'an attempt that went back',
    ['state'],
    /then Running of 1/,
    made => {
      const { run } = startOf(made, 'retry', 20);
      made.seen = made.seen.filter(({ id }) => id !== run);
      made.seen.push({ at: at(25), master: 'master-1', id: run, attempt: 2, state: 'Running' });
      made.seen.push({ at: at(26), master: 'master-1', id: run, attempt: 1, state: 'Running' });
    },
  ],
  [
    'a stale report that changed a run',
    ['stale report'],
    /changed by an older token/,
    made => {
      for (const report of made.final.staleReports) report.changed = true;
    },
  ],
  [
    'a result that is not there',
    ['result'],
    /is not recorded/,
    made => {
      const start = startOf(made, 'each', 20);
      dropRun(made, start.run);
      made.starts.push(start);
    },
  ],
  [
    'another result than the process had',
    ['result'],
    /is recorded as Failed of attempt 1, but it came to its end with status 0/,
    made => setRun(made, startOf(made, 'each', 20).run, { state: 'Failed' }),
  ],
  [
    'a run that came to its end, Killed long before Consul lost its past',
    ['result'],
    /is recorded as Killed of attempt 1, but it came to its end with status 0/,
    made => {
      setRun(made, startOf(made, 'each', 60).run, { state: 'Killed' });
      wiped(made, 70);
    },
  ],
  [
    'an end that nobody recorded: Lost, and its worker well',
    ['result'],
    /is recorded as Lost/,
    made => setRun(made, startOf(made, 'each', 205).run, { state: 'Lost' }),
  ],
  [
    'a success that never came to its end',
    ['result'],
    /but it never came to its end/,
    made => {
      const start = startOf(made, 'each', 20);
      delete start.end;
      start.gone = at(20.2);
    },
  ],
  [
    'a log line that is missing',
    ['log'],
    /shows not: line 2/,
    made => {
      for (const logs of logsOf(made)) logs[startOf(made, 'each', 20).run]?.pop();
    },
  ],
  [
    'a log line that is there twice',
    ['log'],
    /shows some twice/,
    made => {
      for (const logs of logsOf(made))
        logs[startOf(made, 'each', 20).run]?.push(startOf(made, 'each', 20).printed[0] ?? '');
    },
  ],
  [
    'log lines in another order',
    ['log'],
    /shows another order/,
    made => {
      for (const logs of logsOf(made)) logs[startOf(made, 'each', 20).run]?.reverse();
    },
  ],
  [
    'a run left Running',
    ['left open', 'result'],
    /is Running of attempt 1 .* past its timeout and grace/,
    made => setRun(made, startOf(made, 'each', 20).run, { state: 'Running' }),
  ],
  [
    'a run left Pending past its deadline',
    ['left open'],
    /is Pending .* past its deadline/,
    made => {
      const { run } = startOf(made, 'each', 20);
      made.starts = made.starts.filter(start => start.run !== run);
      setRun(made, run, { state: 'Pending' });
      made.run.readAt = at(500);
    },
  ],
  [
    'a tick that waits in Consul long after its deadline',
    ['left open'],
    /^faults\/each at 10:00:20.000: waits in Consul, past its deadline/,
    made => {
      waitsInConsul(made);
      made.run.readAt = at(430);
    },
  ],
  [
    'a lock left in Consul',
    ['left in Consul'],
    /locks with every run ended: cron\/lock\/faults\/forbid\/0/,
    made => {
      made.final.consul.locks.push('cron/lock/faults/forbid/0');
    },
  ],
  [
    'REST unequal between masters',
    ['REST'],
    /master-0 shows .* master-1/,
    made => {
      const run = made.final.masters['master-1']?.runs[3];
      if (run !== undefined) run.finishedAt = 0;
    },
  ],
  [
    'a row that REST shows otherwise',
    ['REST'],
    /REST shows Succeeded of attempt 1, the database has Failed of attempt 1/,
    made => {
      const row = made.final.rows.find(({ id }) => id === startOf(made, 'each', 20).run);
      if (row !== undefined) row.state = 'Failed';
      made.seen = [];
    },
  ],
  [
    'another worker than it was',
    ['REST'],
    /is shown with worker worker-9-x1/,
    made => setRun(made, startOf(made, 'each', 20).run, { worker: 'worker-9-x1' }),
  ],
  [
    'another time than it was',
    ['REST'],
    /is shown with startedAt/,
    made => setRun(made, startOf(made, 'each', 20).run, { startedAt: at(24) }),
  ],
  [
    'another trigger than it was',
    ['REST'],
    /is shown with trigger manual/,
    made => setRun(made, startOf(made, 'each', 20).run, { trigger: 'manual' }),
  ],
];

const rest: readonly Case[] = [
  [
    'an empty queue that was full, long after Consul lost its past',
    ['untrue reason'],
    /0 of 2 runs were waiting/,
    made => {
      fullQueue(made);
      wiped(made, 50);
    },
  ],
  [
    'a stale job set',
    ['job set'],
    /^worker-2 at .*: faults\/edited is 1, in Consul 2/,
    made => {
      for (const { at: when, workers } of made.jobSets) {
        const own = workers['worker-2'];
        if (own !== undefined && when > at(61) && when < at(70)) own['faults/edited'] = 1;
      }
    },
  ],
  [
    'a catch-up too many',
    ['catch-up'],
    /misfirePolicy RunAll: 3 ran after all, 2 may/,
    made => {
      const start = startOf(made, 'all', 125);
      const id = `u-all-${at(120).toString(36)}`;
      made.starts.push({ ...start, run: id, tick: at(120), at: at(139), end: at(139.2), token: '1139000' });
      for (const view of Object.values(made.final.masters)) {
        const run = view.runs.find(one => one.id === start.run);
        if (run !== undefined) view.runs.push({ ...run, id, tick: at(120), startedAt: at(139), finishedAt: at(139.2) });
        view.skips = view.skips.filter(skip => skip.name !== 'all' || skip.from !== at(120));
        view.logs[id] = [...start.printed];
      }
      made.final.rows.push({ id, state: 'Succeeded', attempt: 1 });
    },
  ],
  [
    'a catch-up of a job that asks for none',
    ['catch-up'],
    /misfirePolicy Skip: 1 ran after all, 0 may/,
    made => {
      const id = `u-each-${at(110).toString(36)}`;
      const start = startOf(made, 'each', 140);
      made.starts.push({ ...start, run: id, tick: at(110), at: at(141), end: at(141.2) });
      for (const view of Object.values(made.final.masters)) {
        const run = view.runs.find(one => one.id === start.run);
        const times = { startedAt: at(141), finishedAt: at(141.2) };
        if (run !== undefined) view.runs.push({ ...run, id, tick: at(110), trigger: 'catchup', ...times });
        view.skips = view.skips.filter(skip => skip.name !== 'each' || skip.from !== at(110));
        view.logs[id] = [...start.printed];
      }
      made.final.rows.push({ id, state: 'Succeeded', attempt: 1 });
    },
  ],
  [
    'a catch-up too few',
    ['catch-up'],
    /misfirePolicy RunAll: 1 ran after all, 2 must/,
    made => skipInstead(made, 'all', 125, 'MisfireLimit'),
  ],
  [
    'the latest left out, and no later one ran',
    ['catch-up', 'untrue reason'],
    /misfirePolicy RunLatest: 0 ran after all, 1 must|no later tick ran/,
    made => {
      made.run.to = at(170);
      skipInstead(made, 'latest', 120, 'Superseded');
      for (const { run, tick = 0 } of made.starts.filter(({ name }) => name === 'latest')) {
        if (tick > at(120)) dropRun(made, run);
      }
      made.jobSets = [];
    },
  ],
  [
    'a cluster that does not come back after the heal',
    ['missed', 'not recovered'],
    /after all was healed/,
    made => skipInstead(made, 'each', calm, 'Misfire'),
  ],
  [
    'a tick lost after the heal',
    ['lost', 'not recovered'],
    /Lost, 70 s after all was healed|no fault of a worker/,
    made => {
      const { run } = startOf(made, 'each', 200);
      made.starts = made.starts.filter(start => start.run !== run);
      setRun(made, run, { state: 'Lost', message: 'no report' });
    },
  ],
  [
    '`Lost` without a cause',
    ['lost'],
    /and no fault of a worker, nor of Consul's past, is near/,
    made => {
      const { run } = startOf(made, 'each', 15);
      made.starts = made.starts.filter(start => start.run !== run);
      setRun(made, run, { state: 'Lost', message: 'no report' });
    },
  ],
  [
    'more lost than were being claimed',
    ['lost'],
    /86 runs that never began for one fault/,
    made => {
      for (const view of Object.values(made.final.masters)) {
        for (let i = 0; i < 85; i++) {
          const job = { namespace: 'faults', name: 'each', uid: 'u-each', trigger: 'tick', attempt: 1, state: 'Lost' };
          view.runs.push({ ...job, id: `u-each-more-${i}`, tick: at(killed.from), message: 'no report' });
        }
      }
      for (let i = 0; i < 85; i++) made.final.rows.push({ id: `u-each-more-${i}`, state: 'Lost', attempt: 1 });
    },
  ],
  [
    'a request that was forgotten',
    ['request'],
    /is forgotten/,
    made => made.requests.push({ ...request('trigger', 25), run: 'u-by-hand-m-2' }),
  ],
  [
    'an acknowledged edit that is not there in the end',
    ['request', 'job set', 'publication'],
    /resume of .* was acknowledged as 4, Consul has revision 3/,
    made => {
      for (const set of made.jobSets) if (set.consul !== undefined && set.at > at(95)) set.consul['faults/edited'] = 3;
    },
  ],
];

/** Of a run that a test makes seen by itself: its row says the same. */
function setRunOnly(made: Draft, id: string): void {
  for (const { runs } of Object.values(made.final.masters))
    for (const run of runs) if (run.id === id) run.state = 'Failed';
  for (const row of made.final.rows) if (row.id === id) row.state = 'Failed';
  const start = made.starts.find(({ run }) => run === id);
  if (start !== undefined) start.exit = 1;
}

/** Consul was made to lose its past in the second after that one. */
function wiped(made: Draft, seconds: number): void {
  const targets = ['server-0', 'server-1', 'server-2'];
  const span = { from: at(seconds), to: at(seconds + 1) };
  made.faults.push({ nemesis: 'wipe-consul', targets, ...span, effect: 'wiped', detail: {} });
}

/** What the first job is. */
function plain(made: Draft) {
  const spec = made.edits[0]?.spec;
  if (spec === undefined) throw new Error('the history has no job');
  return spec;
}

/** A tick at 70 s that is said to have found its queue full, where nothing waited. */
function fullQueue(made: Draft): void {
  const base = plain(made);
  const queue = { concurrencyPolicy: 'Queue' as const, maxQueuedRuns: 2, startingDeadlineSeconds: 10 };
  const schedule = `@at ${new Date(at(70)).toISOString()}`;
  made.edits.push(edit('queued', -60, 'create', { ...base, ...queue, schedule }));
  made.jobSets = [];
  addSkip(made, 'queued', 70, 'QueueFull');
}

const allowed: readonly [what: string, change: (made: Draft) => void][] = [
  [
    'a start by a schedule that was edited away, while the database kept the change from being published',
    made => {
      editedAway(made);
      for (const probe of made.probes) if (probe.at > at(60) && probe.at < at(204)) probe.database = false;
    },
  ],
  [
    'no start of a job that was deleted, whatever was asked of it without an answer',
    made => {
      const spec = plain(made);
      made.edits.push(
        edit('brief', -60, 'create', spec),
        edit('brief', -50, 'delete', spec),
        { ...edit('brief', 10, 'replace', spec), result: 'unknown', status: 0 },
        edit('brief', 150, 'create', { ...spec, schedule: `@at ${new Date(at(9_000)).toISOString()}` }),
      );
      made.jobSets = [];
    },
  ],
  [
    'no record yet of ticks of a suspension that an edit left as it was',
    made => {
      const spec = plain(made);
      const resting = { ...spec, suspend: true };
      made.edits.push(
        edit('resting', -60, 'create', resting),
        { ...edit('resting', 80, 'resume', spec), result: 'unknown', status: 503 },
        edit('resting', 120, 'replace', { ...resting, misfirePolicy: 'Skip' }, 2),
      );
      made.jobSets = [];
    },
  ],
  [
    'ticks replaced by one that waited itself, until the job was deleted',
    made => {
      const schedule = `@at ${new Date(at(70)).toISOString()}`;
      const job: Parameters<typeof edit>[3] = { ...plain(made), concurrencyPolicy: 'Replace', schedule };
      made.edits.push(edit('replaces', -60, 'create', job), edit('replaces', 76, 'delete', job));
      made.jobSets = [];
      addSkip(made, 'replaces', 70, 'Replaced');
      addSkip(made, 'replaces', 75, 'JobChanged');
    },
  ],
  ['a tick that waits in Consul for its turn, and of which nobody has told yet', waitsInConsul],
  [
    'a queue that was full of what Consul forgot',
    made => {
      fullQueue(made);
      wiped(made, 72);
    },
  ],
  [
    'the end of a run whose lock went with Consul’s past as it ended',
    made => {
      const { run } = startOf(made, 'each', 70);
      setRun(made, run, { state: 'Killed' });
      wiped(made, 70.1);
    },
  ],
];

describe('the checker', () => {
  it('finds nothing where every promise was kept, and counts what was', () => {
    const { violations, counts, lateness } = check(healthy());
    assert.deepEqual(violations, []);
    assert.equal(counts.lost, 1);
    assert.equal(counts.catchups, 3);
    assert.equal(counts.manual, 1);
    assert.ok(counts.excused > 20 && counts.ticks > 400, JSON.stringify(counts));
    assert.equal(counts.skips.Suspended, 1);
    assert.ok(lateness.calm.count > 100 && lateness.calm.count < lateness.all.count);
    assert.ok(Math.abs(lateness.all.p50 - 50) < 1, JSON.stringify(lateness));
  });

  for (const [what, change] of allowed) {
    it(`allows ${what}`, () => {
      const made = healthy();
      change(made);
      assert.deepEqual(check(made).violations, []);
    });
  }

  for (const [what, rules, shown, spoil] of [
    ...ticks,
    ...reasons,
    ...starts,
    ...overlaps,
    ...orders,
    ...records,
    ...rest,
  ]) {
    it(`refuses ${what}`, () => {
      const made = healthy();
      spoil(made);
      const { violations } = check(made);
      const all = violations.map(one => `${one.rule}: ${one.what}`).join('\n');
      assert.deepEqual([...new Set(violations.map(({ rule }) => rule))].sort(), [...rules].sort(), all);
      assert.ok(
        violations.some(one => shown.test(one.what)),
        all,
      );
    });
  }
});
