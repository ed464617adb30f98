import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Api } from '../../../test/support/api.ts';
import { cronmesh, serveApi } from '../../../test/support/cli.ts';
import { validateCalendar } from '../../domain/calendar/validate.ts';
import type { ManifestInput } from '../../domain/job/spec.ts';
import { validateManifest } from '../../domain/job/validate.ts';
import { convert } from './convert.ts';
import type { Converted } from './converted.ts';

const pathOf = (name: string): string =>
  fileURLToPath(new URL(`../../../test/fixtures/migrating/${name}`, import.meta.url));
const samples = { kubernetes: 'kubernetes.yaml', dkron: 'dkron.json', cronicle: 'cronicle.txt' } as const;

function sample(from: keyof typeof samples): Converted {
  return convert(from, readFileSync(pathOf(samples[from]), 'utf8'), samples[from], { defaultTimeZone: 'Asia/Tokyo' });
}

function jobOf(converted: Converted, name: string): ManifestInput['spec'] {
  const found = converted.manifests.find(one => one.kind === 'CronJob' && one.metadata.name === name);
  assert.ok(found, `no job ${name}`);
  return (found as ManifestInput).spec;
}

const told = ({ notices }: Converted, job: string): string =>
  notices.flatMap(one => (one.job === job ? [one.message] : [])).join('\n');

describe('jobs of other schedulers', () => {
  for (const from of Object.keys(samples) as (keyof typeof samples)[]) {
    it(`${from}: what comes of them is valid`, () => {
      const { manifests } = sample(from);
      for (const one of manifests) {
        if (one.kind === 'Calendar') validateCalendar(one);
        else validateManifest(one);
      }
      assert.equal(new Set(manifests.map(one => `${one.kind} ${one.metadata.name}`)).size, manifests.length);
    });
  }

  it('a CronJob keeps its times, its policy, its limits and its pod', () => {
    const converted = sample('kubernetes');
    const { executor, ...report } = jobOf(converted, 'report');
    assert.deepEqual(report, {
      schedule: '15 6 * * 1-5',
      timeZone: 'Europe/Berlin',
      dstPolicy: 'Literal',
      misfirePolicy: 'RunLatest',
      startingDeadlineSeconds: 600,
      concurrencyPolicy: 'Forbid',
      timeoutSeconds: 1_800,
      history: { runs: 7 },
    });
    assert.equal(executor.kubernetes?.backoffLimit, 2);
    assert.equal(executor.kubernetes?.template.spec.serviceAccountName, 'reporter');
    const [first] = converted.manifests as ManifestInput[];
    assert.deepEqual(first?.metadata, {
      ...{ name: 'report', namespace: 'billing', labels: { app: 'billing' } },
      annotations: { owner: 'billing@example.org' },
    });
    assert.match(told(converted, 'billing/report'), /ttlSecondsAfterFinished 30 becomes 60/);
    assert.equal(jobOf(converted, 'cleanup').suspend, true);
    assert.match(told(converted, 'default/cleanup'), /podFailurePolicy is not carried over/);
    assert.match(told(converted, 'default/cleanup'), /backoffLimit 20 becomes 10/);
    assert.match(told(converted, 'default/fan-out'), /is not converted: completions 4 and parallelism 2/);
    assert.match(told(converted, 'default/settings'), /v1 ConfigMap is no CronJob/);
    assert.deepEqual(
      converted.notices.filter(one => one.dropped).map(one => one.job),
      ['default/fan-out'],
    );
  });

  it('a job of Dkron keeps its schedule, executor, retries, nodes and chain', () => {
    const converted = sample('dkron');
    const fetch = jobOf(converted, 'fetch-rates');
    assert.deepEqual(
      [fetch.schedule, fetch.timeZone, fetch.concurrencyPolicy, fetch.timeoutSeconds, fetch.retry?.limit],
      ['0 */10 8-18 * * 1-5', 'Europe/Berlin', 'Forbid', 20, 2],
    );
    assert.deepEqual(fetch.executor.http, {
      ...{ url: 'https://rates.example.org/fetch', method: 'POST', body: '{"all":true}' },
      headers: { 'Content-Type': 'application/json' },
      ...{ expectedStatus: [200, 202], expectedBody: { matches: 'done|queued' } },
    });
    assert.match(told(converted, 'fetch_rates'), /is called fetch-rates here\nprocessors is not carried over/);
    const publish = jobOf(converted, 'publish-rates');
    assert.deepEqual([publish.schedule, publish.timeZone], ['@manually', 'Asia/Tokyo']);
    assert.deepEqual(publish.after, [{ job: 'fetch-rates', outcome: 'Success' }]);
    assert.deepEqual(publish.placement, { selector: { matchLabels: { role: 'web', zone: 'a' } } });
    assert.deepEqual(publish.executor.shell, {
      command: ['/opt/rates/publish', '--to', 'all of them'],
      env: { LEVEL: '2', MODE: 'a=b' },
      workingDirectory: '/opt/rates',
    });
    assert.equal(publish.timeoutSeconds, 5_400);
    const heartbeat = jobOf(converted, 'heartbeat');
    assert.deepEqual(
      [heartbeat.schedule, heartbeat.suspend, heartbeat.placement],
      ['@every 1m30s', true, { mode: 'All' }],
    );
    assert.match(told(converted, 'heartbeat'), /no tags: it runs on every worker/);
    const spread = jobOf(converted, 'spread');
    assert.deepEqual([spread.schedule, spread.placement?.shards], ['H H/15 * * * *', 3]);
    assert.match(told(converted, 'to-kafka'), /is not converted: there is no executor "kafka"/);
  });

  it('an event of Cronicle keeps its timing, plugin, limits, target and chain', () => {
    const converted = sample('cronicle');
    const report = jobOf(converted, 'nightly-report');
    assert.deepEqual(
      [report.schedule, report.timeZone, report.concurrencyPolicy, report.misfirePolicy, report.retry?.limit],
      ['30 2 * * *', 'America/New_York', 'Forbid', 'RunAll', 2],
    );
    assert.deepEqual(report.executor.shell, {
      script: '#!/bin/bash\nset -e\n/opt/report/run\n',
      interpreter: '/bin/bash',
    });
    assert.match(told(converted, 'Nightly Report'), /notify_fail is not carried over/);
    const send = jobOf(converted, 'send-report');
    assert.deepEqual([send.schedule, send.maxConcurrentRuns], ['@manually', 3]);
    assert.deepEqual(send.after, [{ job: 'nightly-report', outcome: 'Success' }]);
    assert.deepEqual(send.placement, { selector: { matchLabels: { group: 'maingrp' } } });
    const pattern = new RegExp(send.executor.http?.expectedBody?.matches ?? '', 'u');
    const judged = ['is queued', 'nothing', 'refused', 'queued\nand refused', 'a\nqueued'].map(body =>
      pattern.test(body),
    );
    assert.deepEqual(judged, [true, false, false, false, true]);
    const five = jobOf(converted, 'every-five');
    assert.deepEqual(
      [five.schedule, five.timeZone, five.suspend, five.concurrencyPolicy, five.maxQueuedRuns],
      ['*/5 * * * *', 'Asia/Tokyo', true, 'Queue', 5],
    );
    assert.deepEqual(five.placement, { selector: { matchLabels: { host: 'cron-1' } } });
    const payday = jobOf(converted, 'payday');
    assert.deepEqual(payday.calendars, { require: ['weekdays-mon-tue-wed-thu-fri-europe-berlin'] });
    assert.deepEqual(payday.placement, { mode: 'All' });
    assert.equal(jobOf(converted, 'only-in-2027').schedule, '0 0 0 * 3-5 * 2027');
    assert.match(told(converted, 'Own plugin'), /is not converted: there is no plugin "pown"/);
  });

  it('what the API of Cronicle answers is read too', () => {
    const event = { id: 'e', title: 'x', enabled: 1, plugin: 'shellplug', params: { script: 'date' }, timing: {} };
    for (const given of [[event], { code: 0, rows: [event], list: { length: 1 } }]) {
      assert.equal(jobOf(convert('cronicle', JSON.stringify(given), 'x'), 'x').schedule, '* * * * *');
    }
  });

  it('text that is something else is refused in one line', () => {
    assert.throws(() => convert('cronicle', 'hello', 'f'), /f is neither an export of Cronicle nor JSON/);
    assert.throws(() => convert('cronicle', '{}', 'f'), /f holds no events/);
    assert.throws(() => convert('dkron', 'a: [', 'f'), /f is neither JSON nor YAML/);
    const bad = convert(
      'dkron',
      '[{"name":"a","schedule":"61 * * * * *","executor":"shell","executor_config":{}}]',
      'f',
    );
    assert.deepEqual([bad.manifests.length, bad.notices.filter(one => one.dropped).length], [0, 1]);
  });
});

describe('cronmesh import --from', () => {
  let api: Api;
  let server: string;
  let stop: () => Promise<void>;
  before(async () => {
    ({ api, url: server, stop } = await serveApi());
  });
  after(() => stop());

  it('makes the jobs and their calendars, names what is left out, and ends with 1 for it', async () => {
    const path = pathOf(samples.cronicle);
    const { status, stdout, stderr } = await cronmesh(['import', path, '--from', 'cronicle', '-n', 'old'], { server });
    assert.equal(status, 1, stderr);
    assert.match(stdout, /^calendar old\/weekdays-mon-tue-wed-thu-fri-europe-berlin created\n/);
    assert.match(stderr, /cronicle\.txt: Own plugin: is not converted/);
    assert.match(stderr, /cronicle\.txt: 5 jobs, 1 job not imported\n$/);
    assert.equal((await api.store.listJobs({ namespace: 'old', limit: 10 })).items.length, 5);
  });

  it('ends with 0 where each gave a job', async () => {
    const stdin = JSON.stringify([
      { name: 'a', schedule: '@daily', executor: 'shell', executor_config: { command: 'a' } },
    ]);
    const { status, stdout } = await cronmesh(['import', '-', '--from', 'dkron', '--dry-run'], { stdin });
    assert.equal(status, 0);
    const applied = await cronmesh(['apply', '-f', '-', '-n', 'dry'], { server, stdin: stdout });
    assert.equal(applied.stdout, 'job dry/a created\n');
  });

  it('takes namespaces as they are in Kubernetes, unless told otherwise', async () => {
    const path = pathOf(samples.kubernetes);
    const { stdout } = await cronmesh(['import', path, '--from', 'kubernetes'], { server });
    assert.match(stdout, /job billing\/report created\njob default\/cleanup created/);
    const wrong = await cronmesh(['import', path, '--from', 'nomad'], { server });
    assert.deepEqual([wrong.status, /crontab, kubernetes, dkron, cronicle/.test(wrong.stderr)], [2, true]);
  });
});
