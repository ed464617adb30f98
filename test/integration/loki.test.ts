import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MemoryCoordinator } from '../../src/coordination/memory/memory.ts';
import type { Job } from '../../src/domain/job/job.ts';
import type { OutputReport } from '../../src/domain/run/report.ts';
import { manualRunId, type RunId } from '../../src/domain/run/run.ts';
import { OutputArchive } from '../../src/master/archive/output-archive.ts';
import { LokiClient } from '../../src/observability/loki/client.ts';
import { traceIdOf } from '../../src/observability/trace-context.ts';
import { Api } from '../support/api.ts';
import { makeJob, quick, TestMaster } from '../support/leader.ts';
import { Loki, lokiSkip } from '../support/loki.ts';
import { eventually } from '../support/process.ts';

const count = 5_000;
const timing = { ...quick, archiveEvery: 100 };
const hour = 3_600_000;

describe('the output of runs in Loki', { skip: lokiSkip() }, () => {
  let loki: Loki;
  let client: LokiClient;
  let api: Api;
  let coordinator: MemoryCoordinator;
  let job: Job;
  /** What the leader sends goes through it. */
  let beforePush: () => Promise<void> = async () => {};
  let pushes = 0;

  before(async () => {
    loki = await Loki.start();
    client = new LokiClient({ url: loki.url });
    const archive = new OutputArchive(client);
    api = await Api.open({ archive });
    api.now = Date.now();
    coordinator = new MemoryCoordinator();
    const anHourAgo = new Date(Date.now() - 10 * 24 * hour).toISOString();
    job = await makeJob(api.store, 'talks', anHourAgo, { schedule: '@manually' });
  });
  after(async () => {
    await client?.close();
    await api?.close();
    await coordinator?.close();
    await loki?.stop();
  });

  const withLeader = async (work: (master: TestMaster) => Promise<unknown>): Promise<void> => {
    const archive = new OutputArchive({
      push: async (entries, signal) => {
        await beforePush();
        pushes++;
        await client.push(entries, signal);
      },
      query: (...asked) => client.query(...asked),
    });
    const master = await new TestMaster(
      { coordinator, store: api.store, clock: Date.now },
      { timing, archive },
    ).start();
    try {
      await work(master);
    } finally {
      await master.stop();
    }
  };

  const archived = () =>
    eventually('nothing waits', async () => (await api.store.awaitingArchive(1)).length === 0, 30_000, 100);

  /** Reports a run that ended, with pieces of output, `apart` ms between them. */
  async function ran(
    random: string,
    pieces: readonly string[],
    options: { at?: number; apart?: number } = {},
  ): Promise<RunId> {
    const { at = Date.now() - 20_000, apart = 1 } = options;
    const run = manualRunId(job.uid, random);
    const { uid: jobUid, namespace, name } = job;
    const about = { run, attempt: 1, jobUid, namespace, name, trigger: 'manual' } as const;
    await api.report('worker-1', { ...about, type: 'claimed', at, fencingToken: '1', revision: 1 });
    const lines = pieces.map(
      (text, sequence): OutputReport => ({
        ...about,
        type: 'output',
        sequence,
        stream: sequence % 2 === 0 ? 'stdout' : 'stderr',
        at: Math.floor(at + sequence * apart),
        text,
      }),
    );
    for (let i = 0; i < lines.length; i += 500) await api.report('worker-1', ...lines.slice(i, i + 500));
    const end = at + pieces.length * apart;
    await api.report('worker-1', { ...about, type: 'finished', at: end, outcome: 'Succeeded', exitCode: 0 });
    return run;
  }

  async function refusedBy(master: TestMaster): Promise<number> {
    const text = await master.registry.metrics();
    return Number(/cronmesh_output_archive_pushes_total\{result="refused"\} (\d+)/.exec(text)?.[1]);
  }

  /** As retention does, for all runs of the job but the newest. */
  async function trimmed(): Promise<void> {
    const term = await api.store.nextTerm('trimmer', 'test');
    const now = Date.now();
    await api.store.trim(
      term,
      { jobUid: job.uid, namespace: 'default', name: 'talks' },
      { outputBytes: 0 },
      { now, before: now },
      100,
    );
  }

  const logs = (run: RunId, query = '') => api.send('GET', `/api/v1/runs/${run}/logs${query}`);

  it('is found by LogQL, in order and once each, over a kill and a restart of Loki in the middle', async () => {
    const printed = Array.from({ length: count }, (_, i) => `line ${i} of ${count}: ${'x'.repeat(i % 50)}\n`);
    const run = await ran('fivethousa', printed, { apart: 0.5 });
    const began = pushes;
    // After the first request Loki has a part of it; it dies, and what it had not flushed is in its log alone.
    beforePush = async () => {
      if (pushes - began === 1) await loki.kill();
    };
    await withLeader(async () => {
      await eventually('Loki was killed in the middle', () => pushes - began >= 2, 20_000, 20);
      beforePush = async () => {};
      assert.equal((await api.store.awaitingArchive(1)).length, 1);
      await loki.start();
      await archived();
    });
    assert.ok(pushes - began >= 4, 'it was sent again from its first line');
    const found = await loki.lines(`{app="cronmesh", kind="output"} | run="${run}"`);
    assert.deepEqual(
      found.map(entry => `${entry.line}\n`),
      printed,
    );
    const [first] = found;
    assert.equal(first?.labels.job, 'default/talks');
    assert.equal(first.labels.traceId, traceIdOf(run));
    assert.equal(found[1]?.labels.stream, 'stderr');
    assert.deepEqual(
      found.map(entry => entry.labels.sequence),
      printed.map((_, i) => String(i)),
    );
    // Few streams: no label has a run or a job.
    const labels = new Set((await loki.streams('{app="cronmesh"}')).flatMap(stream => Object.keys(stream)));
    assert.deepEqual([...labels].sort(), ['app', 'kind', 'namespace', 'service_name', 'slot']);
    assert.equal((await logs(run)).headers.get('cronmesh-source'), null, 'the database has it still');
  });

  it('is read back by REST as it was, once the database has it no more', async () => {
    const pieces = [
      'no end',
      ' and here\n\n',
      'é\u{1f600}\r\n\ttab ',
      `${'\u{1f600}'.repeat(40_000)}`,
      '\n',
      'the last, without an end',
    ];
    const run = await ran('oddpieces0', pieces, { apart: 0 });
    await withLeader(archived);
    const before = await logs(run);
    assert.equal(before.text, pieces.join(''));
    await ran('thenewest0', ['of another run\n']);
    await withLeader(archived);
    await trimmed();
    const answer = await logs(run);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('cronmesh-source'), 'loki');
    assert.equal(answer.text, before.text);
    const fivethousand = await logs(manualRunId(job.uid, 'fivethousa'));
    assert.equal(fivethousand.text.split('\n').length, count + 1);
    const events = await logs(run, '?follow=true');
    assert.equal(events.headers.get('cronmesh-source'), 'loki');
    const ids = [...events.text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
    assert.deepEqual(
      ids,
      pieces.map((_, i) => 2 ** 32 + i),
    );
    assert.match(events.text, /event: end/);
    const rest = await logs(run, `?after=${ids[3]}`);
    assert.equal(rest.text, pieces.slice(4).join(''));
  });

  it('is taken whole from runs that took hours, and from those of yesterday, in whatever order', async () => {
    const long = await ran('tookhours0', ['begins\n', 'goes on\n', 'ends\n'], {
      at: Date.now() - 5 * hour,
      apart: 2.4 * hour,
    });
    const yesterday = await ran('yesterday0', ['was late\n'], { at: Date.now() - 22 * hour });
    await withLeader(async master => {
      await archived();
      assert.equal(await refusedBy(master), 0);
    });
    // What is older than 3 h is looked for on disk alone, where it comes once a stream was idle for half an hour.
    await loki.flush();
    for (const [run, expected] of [
      [long, 3],
      [yesterday, 1],
    ] as const) {
      const query = `{app="cronmesh", kind="output"} | run="${run}"`;
      await eventually(`${expected} lines`, async () => (await loki.lines(query)).length === expected, 15_000, 500);
    }
  });

  it('that Loki never takes, being too old, is counted, and holds nothing up', async () => {
    await ran('lastweek00', ['from another time\n'], { at: Date.now() - 8 * 24 * hour });
    const run = await ran('afterthat0', ['from now\n']);
    await withLeader(async master => {
      await archived();
      assert.equal(await refusedBy(master), 1);
    });
    assert.equal((await loki.lines(`{app="cronmesh", kind="output"} | run="${run}"`)).length, 1);
  });

  it('is Unavailable while Loki is away, and a run that printed nothing is not', async () => {
    const silent = await ran('saysnothin', []);
    await loki.kill();
    const began = performance.now();
    const answer = await logs(manualRunId(job.uid, 'oddpieces0'));
    assert.ok(performance.now() - began < 6_000);
    assert.deepEqual([answer.status, answer.json.code], [503, 'Unavailable']);
    assert.match(answer.json.detail, /is in Loki alone/);
    assert.deepEqual([(await logs(silent)).status, (await logs(silent)).text], [200, '']);
    assert.equal((await logs(manualRunId(job.uid, 'nosuchrun0'))).status, 404);
  });
});
