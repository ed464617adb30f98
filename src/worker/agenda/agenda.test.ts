import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import type { JobRecord } from '../../coordination/records.ts';
import type { JobUid } from '../../domain/job/job.ts';
import { jobSpec } from '../../domain/job/spec.ts';
import { Alarm } from '../alarm.ts';
import { Agenda } from './agenda.ts';
import type { Due } from './due.ts';
import { type JobEntry, toEntry } from './entry.ts';

const start = Date.UTC(2026, 0, 1, 12);

function entry(name: string, schedule: string, rest: Partial<JobRecord> = {}, index = 1): JobEntry {
  const spec = jobSpec.parse({ schedule, executor: { shell: { command: 'true' } } });
  const record: JobRecord = {
    v: 1,
    uid: name as JobUid,
    namespace: 'default',
    name,
    labels: {},
    annotations: {},
    spec,
    revision: index,
    floor: start,
    anchor: start,
    source: 'api',
    createdAt: start,
    updatedAt: start,
    ...rest,
  };
  return toEntry(record, index, { name: 'any', sample: spec });
}

describe('agenda', () => {
  let agenda: Agenda;
  let alarm: Alarm;
  let log: string[];
  const seconds = (dues: readonly Due[]) =>
    dues.map(({ entry: { key }, tick }) => `${key.slice(8)}@${(tick - start) / 1_000}`).join();

  /** Millisecond by millisecond: the mock shows the end of a step to everything in it. */
  const pass = (time: number) => {
    for (let i = 0; i < time; i++) mock.timers.tick(1);
  };

  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: start + 200 });
    log = [];
    alarm = new Alarm(Date.now, error => assert.fail(String(error)));
    agenda = new Agenda({
      clock: Date.now,
      alarm,
      onAhead: dues => log.push(`${(Date.now() - start) / 1_000} ahead ${seconds(dues)}`),
      onDue: dues => log.push(`${(Date.now() - start) / 1_000} due ${seconds(dues)}`),
    });
    agenda.start();
  });

  afterEach(() => {
    alarm.clear();
    mock.timers.reset();
  });

  it('announces a tick a second ahead, and gives those of one instant together', () => {
    agenda.set(entry('a', '*/5 * * * * *'));
    agenda.set(entry('b', '*/5 * * * * *'));
    pass(10_000);
    assert.deepEqual(log, ['4 ahead a@5,b@5', '5 due a@5,b@5', '9 ahead a@10,b@10', '10 due a@10,b@10']);
  });

  it('announces a job of every second half a second ahead: its cursor has moved by then', () => {
    agenda.set(entry('a', '* * * * * *'));
    pass(2_000);
    assert.deepEqual(log, ['0.5 ahead a@1', '1 due a@1', '1.5 ahead a@2', '2 due a@2']);
  });

  it('gives the ticks of the live window to a job that comes late, and none at or below its floor', () => {
    pass(20_000);
    agenda.set(entry('a', '*/2 * * * * *', { floor: start }));
    agenda.set(entry('b', '*/2 * * * * *', { floor: start + 18_000 }));
    pass(1);
    assert.deepEqual(
      log,
      ['20.201 due a@16,a@18,b@20,a@20'].map(line => log.find(found => sameSet(found, line)) ?? line),
    );
  });

  it('forgets a job that is gone, and takes an edited one in its new form only', () => {
    agenda.set(entry('a', '*/2 * * * * *'));
    agenda.set(entry('b', '*/2 * * * * *'));
    pass(1_500);
    agenda.remove('default/a');
    agenda.set(entry('b', '*/3 * * * * *', { floor: start + 1_700 }, 2));
    log.length = 0;
    pass(2_500);
    assert.deepEqual(log, ['2.35 ahead b@3', '3 due b@3']);
  });

  it('leaves out what a sleep of the machine has made too old, and all of a suspended job', () => {
    agenda.set(entry('a', '* * * * * *'));
    const suspended = entry('s', '* * * * * *');
    agenda.set({ ...suspended, suspended: true });
    mock.timers.setTime(start + 3_600_000);
    agenda.replan();
    pass(1);
    const due = log.filter(line => line.includes('due')).join();
    assert.equal(due.match(/a@/g)?.length, 5);
    assert.ok(due.includes('a@3596') && due.includes('a@3600') && !due.includes('s@'), due);
  });
});

/** The same parts, in any order. */
function sameSet(a: string, b: string): boolean {
  const parts = (line: string) => line.split(/[ ,]/).sort().join();
  return parts(a) === parts(b);
}
