import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import type { JobKey } from '../domain/job/job.ts';
import { JobMetrics } from './job-metrics.ts';

test('series of single jobs are bounded: those beyond are counted together', async () => {
  const registry = new Registry();
  const metrics = new JobMetrics(registry, 3);
  for (let run = 0; run < 2; run++) {
    for (let i = 0; i < 500; i++) {
      const job = `shop/job-${i}` as JobKey;
      metrics.started(job, 0.1);
      metrics.finished(job, 'Succeeded', 1);
    }
  }
  const text = await registry.metrics();
  const counts = [...text.matchAll(/^cronmesh_job_run_finishes_total\{(.*)\} (\d+)$/gm)].map(
    ([, labels = '', count]) => [/job_name="(.*?)"/.exec(labels)?.[1], Number(count)],
  );
  const own = ['job-0', 'job-1', 'job-2'];
  assert.deepEqual(counts, [...own.map(name => [name, 2]), ['_other', 994]]);
  // A count and a sum of two summaries, a counter and a gauge.
  assert.equal(text.split('\n').filter(line => line.startsWith('cronmesh_')).length, 6 * (own.length + 1));
});
