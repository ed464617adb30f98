import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Counter, Histogram, Registry } from 'prom-client';
import { metricsPage } from './metrics-page.ts';
import { createRegistry } from './registry.ts';

const openMetrics = 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1';

function filled(): Registry {
  const registry = createRegistry('master', '1.2.3');
  const registers = [registry];
  new Counter({ name: 'things_total', help: 'Things, # {a} and all', labelNames: ['kind'], registers }).inc({
    kind: 'a # {b="c"} 1 2',
  });
  new Histogram({ name: 'waits_seconds', help: 'Waits', buckets: [1], registers, enableExemplars: true }).observe({
    labels: {},
    value: 0.5,
    exemplarLabels: { trace_id: 'abc' },
  });
  return registry;
}

describe('the page of metrics', () => {
  it('is OpenMetrics, with exemplars, for who asks for it', async () => {
    const { text, contentType } = await metricsPage(filled(), openMetrics);
    assert.match(contentType, /^application\/openmetrics-text; version=1\.0\.0/);
    assert.match(text, /^# TYPE things counter$/m);
    assert.match(text, /^waits_seconds_bucket\{le="1"\} 1 # \{trace_id="abc"\} 0\.5 \d+\.\d+$/m);
    assert.match(text, /# EOF\n$/);
  });

  it('is the text format for everybody else, however often and in whatever order both were asked for', async () => {
    const registry = filled();
    await metricsPage(registry, openMetrics);
    for (const accept of [undefined, null, '*/*', 'text/plain']) {
      const { text, contentType } = await metricsPage(registry, accept);
      assert.match(contentType, /^text\/plain; version=0\.0\.4/);
      assert.match(text, /^# HELP things_total Things, # \{a\} and all$/m);
      assert.match(text, /^# TYPE things_total counter$/m);
      assert.match(text, /^things_total\{kind="a # \{b=\\"c\\"\} 1 2"\} 1$/m);
      assert.match(text, /^waits_seconds_bucket\{le="1"\} 1$/m);
      assert.match(text, /^process_cpu_seconds_total \d/m);
      assert.match(text, /^cronmesh_build_info\{program="master",version="1\.2\.3"\} 1$/m);
      assert.doesNotMatch(text, /EOF|trace_id/);
    }
  });

  it('is as it always was of a registry without exemplars', async () => {
    const registry = new Registry();
    new Counter({ name: 'things_total', help: 'Things', registers: [registry] }).inc();
    const { text, contentType } = await metricsPage(registry, openMetrics);
    assert.equal(contentType, Registry.PROMETHEUS_CONTENT_TYPE);
    assert.match(text, /^things_total 1$/m);
  });
});
