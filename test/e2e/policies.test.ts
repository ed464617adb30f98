import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Cluster } from '../support/cluster.ts';
import { consulSkip } from '../support/consul.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import type { Rest, RunView } from '../support/rest.ts';

interface PolicyRun extends RunView {
  readonly requestedAt: string;
  readonly message?: string;
}

interface SkipView {
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly reason: string;
  readonly detail: string;
}

/** A line that a job wrote itself. */
interface Line {
  readonly what: 'start' | 'end' | 'overlap';
  readonly run: string;
  readonly job: string;
  readonly worker: string;
}

interface Work {
  /** Seconds that it takes. */
  readonly takes: number;
  /** What it ends with. Default 0. */
  readonly status?: number;
  /** Seconds that it goes on after TERM. Default 0. */
  readonly dies?: number;
  /** Jobs with the same share one proof that nothing overlaps. Default: the job's name. */
  readonly proof?: string;
}

const jobs = '/api/v1/namespaces/default/jobs';
const terminal = ['Succeeded', 'Failed', 'TimedOut', 'Killed', 'Lost', 'Skipped'];

describe('concurrency policies in a cluster of separate processes', { skip: consulSkip() || postgresSkip() }, () => {
  let cluster: Cluster;
  let rest: Rest;

  before(async () => {
    cluster = await Cluster.start({ masters: 1, workers: 3 });
    rest = cluster.rest();
  });
  after(async () => {
    if (process.env.CRONMESH_TEST_KEEP !== '1') await cluster?.stop();
  });

  /** A folder that only one run can make is the proof that it is alone. */
  const make = async (name: string, spec: Record<string, unknown>, work: Work): Promise<void> => {
    const proof = join(cluster.folder, `proof-${work.proof ?? name}`);
    const say = (what: string) => `echo "${what} $CRONMESH_RUN $CRONMESH_JOB $CRONMESH_WORKER" >> ${proof}`;
    const end = `${say('end')}; rmdir ${proof}.going`;
    const command = [
      `mkdir ${proof}.going || ${say('overlap')}`,
      `trap 'sleep ${work.dies ?? 0}; ${end}; exit 1' TERM`,
      say('start'),
      `sleep ${work.takes} & wait $!`,
      `${end}; exit ${work.status ?? 0}`,
    ].join('\n');
    const executor = { shell: { command } };
    const manifest = {
      metadata: { name },
      spec: { schedule: '@manually', terminationGraceSeconds: 20, executor, ...spec },
    };
    await rest.post(jobs, manifest);
  };
  const linesOf = (proof: string): Line[] => {
    const file = join(cluster.folder, `proof-${proof}`);
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map(line => {
        const [what, run = '', job = '', worker = ''] = line.split(' ');
        return { what: what as Line['what'], run, job, worker };
      });
  };
  const startsOf = (proof: string): string[] =>
    linesOf(proof).flatMap(({ what, run }) => (what === 'start' ? [run] : []));
  /** Each start is followed by its end before the next one. */
  const assertAlone = (proof: string): void => {
    const lines = linesOf(proof);
    assert.deepEqual(
      lines.filter(({ what }) => what === 'overlap'),
      [],
    );
    for (const [i, line] of lines.entries()) {
      if (line.what === 'start' && i > 0)
        assert.equal(lines[i - 1]?.what, 'end', `line ${i} of ${JSON.stringify(lines)}`);
    }
  };
  const trigger = (name: string): Promise<PolicyRun> => rest.post<PolicyRun>(`${jobs}/${name}/trigger`);
  const runsOf = (name: string): Promise<PolicyRun[]> => rest.all<PolicyRun>(`${jobs}/${name}/runs`);
  const skipsOf = async (name: string): Promise<readonly SkipView[]> =>
    (await rest.get<{ items: SkipView[] }>(`${jobs}/${name}/skips?limit=500`)).items;
  const reach = (id: string, what: string, is: (run: PolicyRun) => boolean, within = 60_000): Promise<PolicyRun> =>
    eventually(
      what,
      async () => {
        const run = await rest.get<PolicyRun>(`/api/v1/runs/${id}`);
        return is(run) && run;
      },
      within,
      200,
    );
  const ended = (id: string): Promise<PolicyRun> => reach(id, `the end of ${id}`, run => terminal.includes(run.state));
  const place = (run: PolicyRun): number => Date.parse(run.tick ?? run.requestedAt);
  /** Suspends the job, ends what goes, and gives its runs once all of them are over. */
  const finish = async (name: string): Promise<PolicyRun[]> => {
    await rest.post(`${jobs}/${name}/suspend`);
    return await eventually(
      `the last run of ${name}`,
      async () => {
        const runs = await runsOf(name);
        for (const run of runs.filter(({ state }) => state === 'Running')) {
          await rest.request('POST', `/api/v1/runs/${run.id}/kill`);
        }
        return runs.every(({ state }) => terminal.includes(state)) && runs;
      },
      60_000,
      500,
    );
  };

  it('Replace: the new run kills the one before, and starts when that has ended', async () => {
    await make('replace', { concurrencyPolicy: 'Replace', schedule: '*/3 * * * * *' }, { takes: 600, dies: 0.5 });
    await eventually('five starts', () => startsOf('replace').length >= 5, 60_000, 200);
    const runs = await finish('replace');
    assertAlone('replace');
    const inOrder = runs.toReversed().map(({ id }) => id);
    assert.deepEqual(
      startsOf('replace'),
      inOrder.filter(id => startsOf('replace').includes(id)),
      'the older first',
    );
    const first = runs.find(({ id }) => id === startsOf('replace')[0]);
    assert.equal(first?.state, 'Killed');
    assert.match(first?.message ?? '', new RegExp(`Replace: run ${startsOf('replace')[1]}`));
  });

  it('Replace: of many ticks that come while the old run takes its time to end, the newest runs', async () => {
    await make('slow-end', { concurrencyPolicy: 'Replace', schedule: '* * * * * *' }, { takes: 600, dies: 6 });
    await eventually('three starts', () => startsOf('slow-end').length >= 3, 60_000, 200);
    const runs = await finish('slow-end');
    assertAlone('slow-end');
    const ticks = runs.map(run => Date.parse(run.tick ?? '')).sort((a, b) => a - b);
    const [from = 0, to = 0] = [ticks[0], ticks.at(-1)];
    await eventually(
      'every tick between the first and the last run is accounted',
      async () => {
        const skips = (await skipsOf('slow-end')).filter(
          skip => Date.parse(skip.from) >= from && Date.parse(skip.to) <= to,
        );
        const skipped = skips.reduce((sum, { count }) => sum + count, 0);
        if (skipped + ticks.length !== (to - from) / 1_000 + 1) return false;
        assert.deepEqual([...new Set(skips.map(({ reason }) => reason))], ['Replaced']);
        assert.ok(skipped >= 5, `only ${skipped} were replaced`);
        for (const { detail } of skips) assert.match(detail, /^the later run \S+ came before it could start$/);
        return true;
      },
      60_000,
      500,
    );
  });

  it('Replace × Retry: a run that waits for its next attempt gives way to a later one', async () => {
    const retry = { limit: 5, backoff: { initialSeconds: 8, jitter: 0 } };
    await make('replace-retry', { concurrencyPolicy: 'Replace', retry }, { takes: 0.2, status: 75 });
    const older = await trigger('replace-retry');
    await reach(older.id, 'the wait', run => run.state === 'Pending' && run.attempt === 1);
    const newer = await trigger('replace-retry');
    const run = await reach(older.id, 'its end', one => one.state === 'Failed');
    assert.deepEqual([run.attempt, run.reason], [1, 'Replaced']);
    assert.equal(run.message, `attempt 2 was not started: the later run ${newer.id} came before it`);
    await reach(newer.id, 'its second attempt', one => one.attempt === 2);
  });

  it('Queue: one after another in the order in which they were due, manual runs among the ticks', async () => {
    const spec = {
      concurrencyPolicy: 'Queue',
      schedule: '*/2 * * * * *',
      maxQueuedRuns: 50,
      startingDeadlineSeconds: 120,
    };
    await make('queue', spec, { takes: 2.5 });
    await eventually('the first start', () => startsOf('queue').length >= 1, 30_000, 100);
    const asked: PolicyRun[] = [];
    for (let i = 0; i < 3; i++) {
      await delay(1_300);
      asked.push(await trigger('queue'));
    }
    const last = asked.at(-1);
    await eventually(
      'a start after the last one asked for',
      () => startsOf('queue').indexOf(last?.id ?? '') >= 5,
      60_000,
      200,
    );
    await eventually(
      'two more',
      () => startsOf('queue').length > startsOf('queue').indexOf(last?.id ?? '') + 2,
      60_000,
      200,
    );
    const { items: waiting } = await rest.get<{ items: { dueAt: string; by: string }[] }>(`${jobs}/queue/waiting`);
    assert.ok(waiting.length > 0, 'what waits can be seen');
    assert.deepEqual(
      waiting,
      waiting.toSorted((a, b) => Date.parse(a.dueAt) - Date.parse(b.dueAt)),
    );
    const runs = new Map((await finish('queue')).map(run => [run.id, run]));
    assertAlone('queue');
    const places = startsOf('queue').map(id => place(runs.get(id) as PolicyRun));
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    );
  });

  it('Queue: at its bound ticks are skipped as QueueFull, and runs asked for are refused with that code', async () => {
    const spec = { concurrencyPolicy: 'Queue', schedule: '* * * * * *', maxQueuedRuns: 2, startingDeadlineSeconds: 60 };
    await make('bounded', spec, { takes: 4 });
    const skip = await eventually(
      'a skip',
      async () => (await skipsOf('bounded')).find(({ reason }) => reason === 'QueueFull'),
      30_000,
      300,
    );
    assert.match(skip.detail, /^\d+ runs waited, and maxQueuedRuns is 2$/);
    const refusal = await eventually(
      'a refusal',
      async () => {
        const response = await rest.request('POST', `${jobs}/bounded/trigger`);
        return response.status === 409 && ((await response.json()) as { code: string; detail: string });
      },
      30_000,
      200,
    );
    assert.equal(refusal.code, 'QueueFull');
    assert.match(refusal.detail, /2 runs of default\/bounded wait, and maxQueuedRuns is 2/);
    await eventually('four starts', () => startsOf('bounded').length >= 4, 60_000, 200);
    await finish('bounded');
    assertAlone('bounded');
  });

  it('Queue: a run that waits longer than its starting deadline is skipped, and the run before it named', async () => {
    await make('impatient', { concurrencyPolicy: 'Queue', startingDeadlineSeconds: 3 }, { takes: 20 });
    const first = await trigger('impatient');
    await reach(first.id, 'its start', run => run.state === 'Running');
    const second = await ended((await trigger('impatient')).id);
    assert.deepEqual([second.state, second.reason], ['Skipped', 'StillRunning']);
    assert.match(second.message ?? '', new RegExp(`the run ${first.id} is going`));
    await finish('impatient');
  });

  it('Queue: goes on in order on other workers when the worker of its run is killed', async () => {
    await make('survivor', { concurrencyPolicy: 'Queue', startingDeadlineSeconds: 300 }, { takes: 3 });
    const runs: PolicyRun[] = [];
    for (let i = 0; i < 5; i++) runs.push(await trigger('survivor'));
    const ids = runs.map(({ id }) => id);
    const second = await reach(ids[1] ?? '', 'the start of the second', run => run.state === 'Running');
    const index = cluster.workers.findIndex((_, i) => second.worker?.startsWith(`worker-${i}`));
    await cluster.workers[index]?.program.kill();
    const states: string[] = [];
    for (const id of ids) states.push((await ended(id)).state);
    cluster.restart('worker', index);
    assert.deepEqual(states, ['Succeeded', 'Lost', 'Succeeded', 'Succeeded', 'Succeeded']);
    assert.deepEqual(startsOf('survivor'), ids);
    assertAlone('survivor');
  });

  it('concurrencyGroup: of three jobs with different policies never two run at once, and Forbid says which one went', async () => {
    const group = { concurrencyGroup: 'database' };
    const proof = 'database';
    await make(
      'group-forbid',
      { ...group, concurrencyPolicy: 'Forbid', schedule: '* * * * * *' },
      { takes: 0.7, proof },
    );
    await make(
      'group-queue',
      { ...group, concurrencyPolicy: 'Queue', schedule: '*/3 * * * * *' },
      { takes: 1.5, proof },
    );
    await make('group-replace', { ...group, concurrencyPolicy: 'Replace' }, { takes: 4, dies: 1, proof });
    for (let i = 0; i < 5; i++) {
      await delay(2_000);
      await trigger('group-replace');
      await trigger('group-forbid');
    }
    const went = (job: string): boolean => linesOf(proof).some(line => line.job === job && line.what === 'end');
    await eventually(
      'runs of each',
      () => ['forbid', 'queue', 'replace'].every(kind => went(`group-${kind}`)),
      60_000,
      300,
    );
    const skip = await eventually(
      'a skip that names the other job',
      async () => (await skipsOf('group-forbid')).find(({ detail }) => detail.includes('concurrencyGroup')),
      30_000,
      300,
    );
    assert.equal(skip.reason, 'StillRunning');
    assert.match(
      skip.detail,
      /^the run \S+ of default\/group-(queue|replace) was going \(concurrencyGroup database\)$/,
    );
    for (const name of ['group-forbid', 'group-queue', 'group-replace']) await finish(name);
    assertAlone(proof);
  });
});
