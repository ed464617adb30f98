import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Cluster } from '../support/cluster.ts';
import { consulSkip } from '../support/consul.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import type { Rest, RunView } from '../support/rest.ts';

interface MemberView extends RunView {
  readonly attempt: number;
  readonly worker?: string;
  readonly member?: { readonly index: number; readonly count: number; readonly worker?: string };
}
type Asked = MemberView & { readonly runs: readonly MemberView[] };

const jobs = '/api/v1/namespaces/default/jobs';

describe('All and Shards in a cluster of separate processes', { skip: consulSkip() || postgresSkip() }, () => {
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
  /** One line a start: shard, of how many, attempt, worker, run. */
  const startsOf = (name: string): string[][] =>
    existsSync(proofOf(name))
      ? readFileSync(proofOf(name), 'utf8')
          .split('\n')
          .filter(line => line !== '')
          .map(line => line.split(' '))
      : [];
  async function make(name: string, more: Record<string, unknown>, then: string): Promise<void> {
    const told = '$CRONMESH_SHARD $CRONMESH_SHARDS $CRONMESH_ATTEMPT $CRONMESH_WORKER $CRONMESH_RUN';
    const command = `echo "${told}" >> ${proofOf(name)}; ${then}`;
    await rest.post(jobs, {
      metadata: { name },
      spec: { schedule: '@manually', executor: { shell: { command } }, ...more },
    });
  }
  const runsOf = async (whole: string): Promise<readonly MemberView[]> =>
    (await rest.get<{ items: MemberView[] }>(`/api/v1/runs?whole=${whole}`)).items;

  it('kill -9 of a worker: its shards run again elsewhere, the others go on', async () => {
    await make(
      'parts',
      { placement: { mode: 'Shards', shards: 6 } },
      'if [ "$CRONMESH_ATTEMPT" = 1 ]; then sleep 60; fi',
    );
    const { runs } = await rest.post<Asked>(`${jobs}/parts/trigger`);
    assert.deepEqual(
      runs.map(({ member }) => member),
      [0, 1, 2, 3, 4, 5].map(index => ({ index, count: 6 })),
    );
    await eventually('six starts', () => startsOf('parts').length === 6, 60_000, 200);
    assert.deepEqual(
      startsOf('parts')
        .map(([shard, of]) => `${shard}/${of}`)
        .sort(),
      ['0/6', '1/6', '2/6', '3/6', '4/6', '5/6'],
    );
    const whole = runs[0]?.id.slice(0, -2) ?? '';
    await eventually(
      'their reports',
      async () => (await runsOf(whole)).every(({ state }) => state === 'Running'),
      60_000,
      500,
    );
    const victim = cluster.workers.findIndex((_, i) =>
      startsOf('parts').some(([, , , worker]) => worker?.startsWith(`worker-${i}-`)),
    );
    const lost = startsOf('parts').filter(([, , , worker]) => worker?.startsWith(`worker-${victim}-`));
    await cluster.workers[victim]?.program.kill();
    const again = await eventually(
      'its shards again',
      () => {
        const second = startsOf('parts').filter(([, , attempt]) => attempt === '2');
        return second.length >= lost.length && second;
      },
      120_000,
      500,
    );
    assert.deepEqual(again.map(([shard]) => shard).sort(), lost.map(([shard]) => shard).sort());
    assert.ok(again.every(([, , , worker]) => !worker?.startsWith(`worker-${victim}-`)));
    for (const [, , , , run] of lost) {
      await eventually(
        'its success',
        async () => {
          const { state, attempt } = await rest.get<MemberView>(`/api/v1/runs/${run}`);
          return state === 'Succeeded' && attempt === 2;
        },
        30_000,
        500,
      );
    }
    const others = (await runsOf(whole)).filter(({ id }) => !lost.some(([, , , , run]) => run === id));
    assert.equal(others.length, 6 - lost.length);
    assert.ok(
      others.every(({ state, attempt }) => state === 'Running' && attempt === 1),
      JSON.stringify(others),
    );
    cluster.restart('worker', victim);
    for (const { id } of others) await rest.post(`/api/v1/runs/${id}/kill`);
  });

  it('All: a run that waits for a worker which restarts is run by it', async () => {
    await make('everywhere', { startingDeadlineSeconds: 120, placement: { mode: 'All' } }, 'true');
    await eventually(
      'three workers',
      async () => {
        const { items } = await rest.get<{ items: { ready: boolean }[] }>('/api/v1/workers');
        return items.filter(({ ready }) => ready).length === 3;
      },
      60_000,
      500,
    );
    // Stopped, it is still in the catalog for some seconds, and can take nothing.
    const program = cluster.workers[1]?.program;
    assert.ok(program);
    program.signal('SIGSTOP');
    const { runs } = await rest.post<Asked>(`${jobs}/everywhere/trigger`);
    assert.deepEqual(
      runs.map(({ member }) => member?.worker),
      ['worker-0', 'worker-1', 'worker-2'],
    );
    await program.kill();
    cluster.restart('worker', 1);
    await eventually(
      'all of them',
      async () => (await runsOf(runs[0]?.id.slice(0, -2) ?? '')).every(({ state }) => state === 'Succeeded'),
      90_000,
      500,
    );
    const starts = startsOf('everywhere').map(([shard, of, attempt, worker]) => [
      shard,
      of,
      attempt,
      worker?.replace(/-[^-]+$/, ''),
    ]);
    const first = (name: string) => ['', '', '1', name];
    assert.deepEqual(starts.sort(), ['worker-0', 'worker-1', 'worker-2'].map(first));
  });
});
