import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Cluster } from '../support/cluster.ts';
import { consulSkip } from '../support/consul.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import { judge, readStarts, type Schedule, type Verdict } from './verdict.ts';

const example = fileURLToPath(new URL('../../deploy/examples/real-life.crontab', import.meta.url));
const program = fileURLToPath(new URL('../../bin/cronmesh', import.meta.url));
/** Minutes of firing for each part: the five with CRONMESH_TEST_LONG=1. */
const minutes = process.env.CRONMESH_TEST_LONG === '1' ? 5 : 1;
const skip = consulSkip() || postgresSkip();

describe('a real-life crontab on 2 masters and 3 workers', { skip }, () => {
  let cluster: Cluster;
  let schedules: Schedule[];
  let proof: string;

  before(async () => {
    cluster = await Cluster.start({ masters: 2, workers: 3 });
    proof = join(cluster.folder, 'proof');
    const crontab = join(cluster.folder, 'crontab');
    writeFileSync(crontab, `CRONMESH_PROOF=${proof}\n${readFileSync(example, 'utf8')}`);
    writeFileSync(proof, '');
    const { stderr } = await promisify(execFile)(program, ['import', crontab, '--server', cluster.rest().base], {
      env: { PATH: process.env.PATH ?? '', TZ: 'UTC' },
    });
    assert.match(stderr, /@reboot/);
    assert.match(stderr, /MAILTO/);
    const jobs = await cluster
      .rest()
      .all<{ metadata: { name: string; namespace: string }; spec: { schedule: string; timeZone?: string } }>(
        '/api/v1/jobs',
      );
    schedules = jobs.map(({ metadata, spec }) => ({
      job: metadata.name,
      namespace: metadata.namespace,
      pattern: spec.schedule,
      timeZone: spec.timeZone ?? 'UTC',
    }));
    assert.ok(schedules.length >= 30, `only ${schedules.length} jobs`);
  });
  after(async () => {
    await cluster?.stop();
  });

  /** Lets time pass until `minutes` whole minutes were due, with `faults` in the middle, then judges them. */
  async function fire(faults: () => Promise<void>): Promise<Verdict> {
    const from = Date.now();
    const firstMinute = Math.ceil(from / 60_000) * 60_000;
    await until(firstMinute - 2_000);
    await faults();
    const to = firstMinute + (minutes - 1) * 60_000 + 5_000;
    await until(to);
    return await eventually(
      'every tick accounted for',
      async () => {
        const verdict = await judge(cluster.rest(), schedules, readStarts(proof), from, to);
        return verdict.missed.length === 0 ? verdict : undefined;
      },
      120_000,
    );
  }

  it('starts every tick once', async t => {
    const verdict = await fire(async () => {});
    t.diagnostic(JSON.stringify(verdict));
    assert.deepEqual([verdict.twice, verdict.missed, verdict.excused, verdict.stray], [[], [], [], []]);
    assert.ok(verdict.expected >= 5 * minutes, `only ${verdict.expected} ticks were due`);
    assert.equal(verdict.started, verdict.expected);
  });

  it('starts none twice and misses none while a worker is killed and a master restarts', async t => {
    const verdict = await fire(async () => {
      await cluster.workers[1]?.program.kill();
      await cluster.masters[0]?.program.stop();
      setTimeout(() => cluster.restart('master', 0), 4_000);
      setTimeout(() => cluster.restart('worker', 1), 8_000);
      await eventually(
        'the first master answers',
        async () => (await cluster.rest().request('GET', '/readyz')).ok,
        60_000,
      );
    });
    t.diagnostic(JSON.stringify(verdict));
    assert.deepEqual([verdict.twice, verdict.missed, verdict.stray], [[], [], []]);
    await cluster.ready(3);
  });
});

async function until(instant: number): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, instant - Date.now()));
}
