import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Cluster } from '../support/cluster.ts';
import { consulSkip } from '../support/consul.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import type { Rest, RunView } from '../support/rest.ts';

interface RetriedRun extends RunView {
  lastOutcome?: string;
  nextAttemptAt?: string;
}

const jobs = '/api/v1/namespaces/default/jobs';

describe('retries in a cluster of separate processes', { skip: consulSkip() || postgresSkip() }, () => {
  let cluster: Cluster;
  let rest: Rest;

  before(async () => {
    cluster = await Cluster.start({ masters: 2, workers: 3, workerEnv: { CRONMESH_WORKER_DRAIN_SECONDS: '5' } });
    rest = cluster.rest();
  });
  after(async () => {
    if (process.env.CRONMESH_TEST_KEEP !== '1') await cluster?.stop();
  });

  const proofOf = (name: string): string => join(cluster.folder, `proof-${name}`);
  /** One line a start: run, attempt, worker. */
  const startsOf = (name: string): string[][] =>
    existsSync(proofOf(name))
      ? readFileSync(proofOf(name), 'utf8')
          .trim()
          .split('\n')
          .map(line => line.split(' '))
      : [];
  const make = async (name: string, rest_: Record<string, unknown>, then: string): Promise<void> => {
    const command = `echo "$CRONMESH_RUN $CRONMESH_ATTEMPT $CRONMESH_WORKER" >> ${proofOf(name)}; echo "this is $CRONMESH_ATTEMPT"; ${then}`;
    const spec = { schedule: '@manually', executor: { shell: { command } }, ...rest_ };
    await rest.post(jobs, { metadata: { name }, spec });
  };
  const trigger = async (name: string): Promise<string> => (await rest.post<RunView>(`${jobs}/${name}/trigger`)).id;
  const reach = (id: string, what: string, is: (run: RetriedRun) => boolean): Promise<RetriedRun> =>
    eventually(
      what,
      async () => {
        const run = await rest.get<RetriedRun>(`/api/v1/runs/${id}`);
        return is(run) && run;
      },
      90_000,
      200,
    );
  const log = async (id: string, attempt: number): Promise<string> =>
    await (await rest.request('GET', `/api/v1/runs/${id}/logs?attempt=${attempt}`)).text();

  it('tries five runs three times each, when they fail twice and then succeed', async () => {
    const retry = { limit: 5, backoff: { initialSeconds: 1, factor: 1 }, on: { exitCodes: [75] } };
    await make('flaky', { retry }, '[ "$CRONMESH_ATTEMPT" = 3 ] || exit 75');
    const ids = await Promise.all([1, 2, 3, 4, 5].map(() => trigger('flaky')));
    for (const id of ids) {
      const run = await reach(id, 'its success', one => one.state === 'Succeeded');
      assert.deepEqual([run.attempt, run.trigger, run.nextAttemptAt], [3, 'manual', undefined]);
      for (const attempt of [1, 2, 3]) assert.equal(await log(id, attempt), `this is ${attempt}\n`);
      const attempts = startsOf('flaky').flatMap(([run_, attempt]) => (run_ === id ? [attempt] : []));
      assert.deepEqual(attempts, ['1', '2', '3']);
    }
  });

  it('does not try again what the policy leaves out', async () => {
    await make('narrow', { retry: { limit: 5, backoff: { initialSeconds: 0 }, on: { exitCodes: [75] } } }, 'exit 3');
    const id = await trigger('narrow');
    await reach(id, 'its end', run => run.state === 'Failed');
    await new Promise(resolve => setTimeout(resolve, 3_000));
    const run = await rest.get<RetriedRun>(`/api/v1/runs/${id}`);
    assert.deepEqual([run.state, run.attempt, startsOf('narrow').length], ['Failed', 1, 1]);
  });

  it('tries a run again elsewhere when its worker is killed, and goes on when the leader is', async () => {
    await make('orphaned', { retry: { limit: 1 } }, '[ "$CRONMESH_ATTEMPT" = 2 ] || sleep 600');
    const id = await trigger('orphaned');
    const started = await reach(id, 'its start', run => run.state === 'Running');
    const index = cluster.workers.findIndex((_, i) => started.worker?.startsWith(`worker-${i}`));
    await cluster.workers[index]?.program.kill();
    const waiting = await reach(id, 'the wait', run => run.nextAttemptAt !== undefined);
    assert.deepEqual([waiting.state, waiting.attempt, waiting.lastOutcome], ['Pending', 1, 'Lost']);
    // Whoever decided it, the other one goes on.
    await cluster.masters[1]?.program.kill();
    const ended = await reach(id, 'its success', run => run.state === 'Succeeded');
    assert.equal(ended.attempt, 2);
    assert.notEqual(ended.worker, started.worker);
    assert.equal(await log(id, 2), 'this is 2\n');
    assert.deepEqual(
      startsOf('orphaned').map(([run, attempt]) => [run, attempt]),
      [
        [id, '1'],
        [id, '2'],
      ],
    );
    cluster.restart('worker', index);
    cluster.restart('master', 1);
  });
});
