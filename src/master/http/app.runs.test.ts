import assert from 'node:assert/strict';
import type { AddressInfo, Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { serve } from '@hono/node-server';
import { Api, manifest } from '../../../test/support/api.ts';
import type { JobUid } from '../../domain/job/job.ts';
import type { RunReference } from '../../domain/run/report.ts';
import { type RunId, tickRunId } from '../../domain/run/run.ts';

const jobs = '/api/v1/namespaces/default/jobs';

describe('runs over REST', () => {
  let api: Api;
  let uid: JobUid;
  before(async () => {
    api = await Api.open();
    uid = (await api.send('POST', jobs, manifest('worked'))).json.metadata.uid;
  });
  after(() => api.close());

  const reference = (tick: number, attempt = 1): RunReference => ({
    run: tickRunId(uid, tick),
    attempt,
    jobUid: uid,
    namespace: 'default',
    name: 'worked',
    tick,
    trigger: 'tick',
  });
  const claim = async (tick: number) => {
    const run = reference(tick);
    await api.report('w-1', { ...run, type: 'claimed', at: tick + 3, fencingToken: '17', revision: 1 });
    await api.report('w-1', { ...run, type: 'started', at: tick + 5, pid: 7 });
    return run;
  };
  const output = (run: RunReference, sequence: number, text: string) =>
    api.report('w-1', { ...run, type: 'output', sequence, stream: 'stdout', at: api.now, text });
  const finish = (run: RunReference) =>
    api.report('w-1', { ...run, type: 'finished', at: api.now, outcome: 'Succeeded', exitCode: 0 });

  it('are asked for: 202, Pending, published with their deadline', async () => {
    const { status, json, headers } = await api.send('POST', `${jobs}/worked/trigger`);
    assert.equal(status, 202);
    assert.match(json.id, new RegExp(`^${uid}-m-[a-z0-9]{10}$`));
    assert.deepEqual([json.state, json.trigger, json.attempt], ['Pending', 'manual', 0]);
    assert.equal(headers.get('location'), `/api/v1/runs/${json.id}`);
    const trigger = api.publishing.triggers.find(one => one.id === json.id);
    assert.equal(trigger?.deadline, api.now + 300_000);
    assert.equal(trigger?.by, 'user via REST');
    assert.equal((await api.send('POST', `${jobs}/nobody/trigger`)).status, 404);
  });

  it('stay asked for though Consul is away', async () => {
    api.publishing.fail = new Error('no quorum');
    const { status, json } = await api.send('POST', `${jobs}/worked/trigger`);
    api.publishing.fail = undefined;
    assert.equal(status, 202);
    assert.ok((await api.store.pendingRuns(100)).some(run => run.id === json.id && !run.published));
  });

  it('wait in a queue up to its bound; then they are refused with a code of its own', async () => {
    const spec = { schedule: '@manually', concurrencyPolicy: 'Queue', maxQueuedRuns: 3, startingDeadlineSeconds: 60 };
    const made = await api.send('POST', jobs, manifest('queued', spec));
    const common = {
      v: 1,
      attempt: 1,
      jobUid: made.json.metadata.uid,
      kind: 'manual',
      epoch: 1,
      by: 'a test',
    } as const;
    const times = { dueAt: api.now - 9_000, requestedAt: api.now - 9_000, deadline: api.now + 51_000 };
    api.publishing.waitingTriggers = [{ ...common, run: `${common.jobUid}-m-published1` as RunId, ...times }];
    const ids: string[] = [];
    for (let i = 0; i < 2; i++) {
      const { status, json } = await api.send('POST', `${jobs}/queued/trigger`);
      assert.equal(status, 202);
      ids.push(json.id);
    }
    const full = await api.send('POST', `${jobs}/queued/trigger`);
    assert.deepEqual([full.status, full.json.code], [409, 'QueueFull']);
    assert.match(
      full.json.detail,
      /^3 runs of default\/queued wait, and maxQueuedRuns is 3: try again once one has started$/,
    );
    const { json } = await api.send('GET', `${jobs}/queued/waiting`);
    assert.deepEqual(json.items[0], {
      run: `${common.jobUid}-m-published1`,
      attempt: 1,
      trigger: 'manual',
      dueAt: '2026-03-01T11:59:51Z',
      deadline: '2026-03-01T12:00:51Z',
      by: 'a test',
    });
    const rest = json.items.slice(1).map((item: { run: string }) => item.run);
    assert.deepEqual(rest, ids.toSorted());
    api.publishing.waitingTriggers = [];
    api.publishing.fail = new Error('Consul is away');
    for (const [method, path] of [
      ['POST', `${jobs}/queued/trigger`],
      ['GET', `${jobs}/queued/waiting`],
    ] as const) {
      const away = await api.send(method, path);
      assert.deepEqual([away.status, away.json.code], [503, 'Unavailable']);
    }
    api.publishing.fail = undefined;
  });

  it('show what became of them', async () => {
    const tick = api.now - 60_000;
    const run = await claim(tick);
    await api.report('w-1', {
      ...run,
      type: 'finished',
      at: tick + 900,
      outcome: 'Failed',
      exitCode: 3,
      message: 'exit status 3',
    });
    const { json } = await api.send('GET', `/api/v1/runs/${run.run}`);
    assert.deepEqual(json, {
      id: run.run,
      jobUid: uid,
      namespace: 'default',
      name: 'worked',
      trigger: 'tick',
      tick: '2026-03-01T11:59:00Z',
      state: 'Failed',
      attempt: 1,
      revision: 1,
      worker: 'w-1',
      fencingToken: '17',
      requestedAt: json.requestedAt,
      claimedAt: '2026-03-01T11:59:00.003Z',
      startedAt: '2026-03-01T11:59:00.005Z',
      finishedAt: '2026-03-01T11:59:00.900Z',
      exitCode: 3,
      message: 'exit status 3',
    });
  });

  it('are listed newest first, filtered and paged', async () => {
    for (let i = 1; i <= 5; i++) await finish(await claim(api.now - 3_600_000 - i * 1_000));
    const listed = async (query: string) => (await api.send('GET', query)).json;
    const until = '2026-03-01T11:30:00Z';
    const first = await listed(`/api/v1/runs?state=Succeeded&until=${until}&limit=3`);
    const second = await listed(
      `/api/v1/runs?state=Succeeded&until=${until}&limit=3&cursor=${encodeURIComponent(first.next)}`,
    );
    const ticks = [...first.items, ...second.items].map((run: { tick: string }) => run.tick);
    assert.deepEqual(
      ticks,
      ['10:59:59', '10:59:58', '10:59:57', '10:59:56', '10:59:55'].map(at => `2026-03-01T${at}Z`),
    );
    assert.equal(second.next, undefined);
    assert.equal((await listed('/api/v1/runs?state=Failed&state=Succeeded&limit=500')).items.length, 6);
    assert.equal((await listed('/api/v1/runs?worker=w-1&job=worked&namespace=default&limit=500')).items.length, 6);
    assert.equal((await listed('/api/v1/runs?worker=nobody')).items.length, 0);
    assert.equal((await listed(`${jobs}/worked/runs?state=Failed`)).items.length, 1);
    assert.equal((await api.send('GET', `${jobs}/nobody/runs`)).status, 404);
  });

  it('outlive their job', async () => {
    const created = await api.send('POST', jobs, manifest('short-lived'));
    const tick = api.now - 1_000;
    const run = { ...reference(tick), jobUid: created.json.metadata.uid, name: 'short-lived' };
    run.run = tickRunId(run.jobUid, tick);
    await api.report('w-1', { ...run, type: 'claimed', at: tick, fencingToken: '1', revision: 1 });
    await api.send('DELETE', `${jobs}/short-lived`);
    assert.equal((await api.send('GET', `${jobs}/short-lived/runs`)).json.items.length, 1);
  });

  it('say why they were not: skips', async () => {
    const at = Date.parse('2026-02-28T03:00:00Z');
    const skip = {
      jobUid: uid,
      namespace: 'default',
      name: 'worked',
      from: at,
      to: at + 86_400_000,
      count: 2,
      at: api.now,
    };
    await api.report('w-1', {
      ...skip,
      type: 'skipped',
      reason: 'StillRunning',
      detail: 'the run before was still going',
    });
    const { json } = await api.send('GET', `${jobs}/worked/skips`);
    assert.equal(json.items.length, 1);
    const { recordedAt, ...rest } = json.items[0];
    assert.deepEqual(rest, {
      namespace: 'default',
      name: 'worked',
      from: '2026-02-28T03:00:00Z',
      to: '2026-03-01T03:00:00Z',
      count: 2,
      reason: 'StillRunning',
      detail: 'the run before was still going',
    });
    assert.equal((await api.send('GET', `${jobs}/worked/skips?since=2026-03-01T12:00:00Z`)).json.items.length, 0);
    assert.equal((await api.send('GET', `${jobs}/nobody/skips`)).status, 404);
  });

  describe('killing', () => {
    it('asks the workers', async () => {
      const run = await claim(api.now - 500);
      assert.equal((await api.send('POST', `/api/v1/runs/${run.run}/kill`)).status, 202);
      assert.deepEqual(api.publishing.kills.at(-1), { run: run.run, by: 'user via REST' });
    });

    it('is refused when it has ended, is unknown, or cannot be handed on', async () => {
      const run = await claim(api.now - 400);
      api.publishing.fail = new Error('connect ECONNREFUSED 10.1.2.3:8500');
      const away = await api.send('POST', `/api/v1/runs/${run.run}/kill`);
      api.publishing.fail = undefined;
      assert.deepEqual([away.status, away.json.code], [503, 'Unavailable']);
      assert.ok(!away.text.includes('10.1.2.3'));
      await finish(run);
      const ended = await api.send('POST', `/api/v1/runs/${run.run}/kill`);
      assert.deepEqual([ended.status, ended.json.code], [409, 'Conflict']);
      assert.match(ended.json.detail, /has ended already: Succeeded/);
      assert.equal((await api.send('POST', `/api/v1/runs/${uid}-nothing/kill`)).status, 404);
    });
  });

  describe('logs', () => {
    it('are text, in order, also beyond a page', async () => {
      const run = await claim(api.now - 300);
      const wanted = Array.from({ length: 1_200 }, (_, i) => `line ${i}\n`);
      await api.report(
        'w-1',
        ...wanted.map((text, sequence) => ({
          ...run,
          type: 'output' as const,
          sequence,
          stream: 'stdout' as const,
          at: api.now,
          text,
        })),
      );
      const { status, headers, text } = await api.send('GET', `/api/v1/runs/${run.run}/logs`);
      assert.deepEqual([status, headers.get('content-type')], [200, 'text/plain; charset=utf-8']);
      assert.equal(text, wanted.join(''));
      assert.equal((await api.send('GET', `/api/v1/runs/${run.run}/logs?attempt=2`)).text, '');
    });

    it('of an unknown run are 404', async () => {
      assert.equal((await api.send('GET', '/api/v1/runs/nobody/logs')).json.code, 'NotFound');
      assert.equal((await api.send('GET', '/api/v1/runs/nobody/logs?follow=true')).json.code, 'NotFound');
      assert.equal((await api.send('GET', '/api/v1/runs/%00%20/logs')).status, 404);
    });
  });

  describe('followed logs', () => {
    let server: Server;
    let base: string;
    before(async () => {
      server = await new Promise<Server>(resolve => {
        const made = serve({ fetch: api.app.fetch, hostname: '127.0.0.1', port: 0, overrideGlobalObjects: false }, () =>
          resolve(made as Server),
        );
      });
      base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    after(() => new Promise(resolve => server.close(resolve)));

    const open = (id: RunId, headers: Record<string, string> = {}, signal?: AbortSignal) =>
      fetch(`${base}/api/v1/runs/${id}/logs?follow=true`, { headers, ...(signal && { signal }) });

    it('give each line as it comes, and end with the run', async () => {
      const run = await claim(api.now - 200);
      await output(run, 0, 'one\n');
      const response = await open(run.run);
      assert.equal(response.headers.get('content-type'), 'text/event-stream');
      const events = eventsOf(response);
      assert.equal((await next(events)).data.text, 'one\n');
      await output(run, 1, 'two\n');
      assert.equal((await next(events)).data.text, 'two\n');
      await output(run, 2, 'three\n');
      await finish(run);
      assert.equal((await next(events)).data.text, 'three\n');
      const end = await next(events);
      assert.deepEqual([end.event, end.data.state], ['end', 'Succeeded']);
      assert.ok((await events.next()).done);
    });

    it('see what another master took, without being told', async () => {
      const run = await claim(api.now - 190);
      const events = eventsOf(await open(run.run));
      await api.store.applyReports(
        'w-1' as never,
        [{ ...run, type: 'output', sequence: 0, stream: 'stderr', at: 1, text: 'x' }],
        1,
      );
      const { data } = await next(events);
      assert.deepEqual([data.text, data.stream], ['x', 'stderr']);
      await api.store.applyReports('w-1' as never, [{ ...run, type: 'finished', at: 2, outcome: 'Succeeded' }], 2);
      assert.equal((await next(events)).event, 'end');
    });

    it('go on behind Last-Event-ID', async () => {
      const run = await claim(api.now - 180);
      for (const i of [0, 1, 2]) await output(run, i, `${i}`);
      await finish(run);
      const all = eventsOf(await open(run.run));
      await next(all);
      const { id } = await next(all);
      await all.return(undefined);
      const rest = eventsOf(await open(run.run, { 'last-event-id': id }));
      assert.equal((await next(rest)).data.text, '2');
      assert.equal((await next(rest)).event, 'end');
      const wrong = await open(run.run, { 'last-event-id': 'x' });
      assert.equal(wrong.status, 400);
      assert.match(await wrong.text(), /"field":"Last-Event-ID"/);
    });

    it('let go when the client does', async () => {
      const run = await claim(api.now - 170);
      let listeners = 0;
      const { promise: released, resolve: release } = Promise.withResolvers<void>();
      const { subscribe } = api.changes;
      api.changes.subscribe = listener => {
        listeners++;
        const unsubscribe = subscribe.call(api.changes, listener);
        return () => {
          unsubscribe();
          if (--listeners === 0) release();
        };
      };
      const client = new AbortController();
      await open(run.run, {}, client.signal);
      assert.equal(listeners, 1);
      client.abort();
      await released;
      api.changes.subscribe = subscribe;
    });
  });

  it('leave nothing behind where only the headers are asked for', async () => {
    const { subscribe } = api.changes;
    let subscribed = 0;
    api.changes.subscribe = listener => {
      subscribed++;
      return subscribe.call(api.changes, listener);
    };
    const { status, headers } = await api.send('HEAD', '/api/v1/events');
    api.changes.subscribe = subscribe;
    assert.deepEqual([status, headers.get('content-type'), subscribed], [200, 'text/event-stream', 0]);
  });

  it('tell the page that something changed', async () => {
    const response = await api.app.request('/api/v1/events');
    const events = eventsOf(response);
    assert.equal((await next(events)).event, 'hello');
    await api.send('POST', `${jobs}/worked/trigger`);
    const change = await next(events);
    assert.deepEqual([change.event, change.data.kinds], ['change', ['runs']]);
    await api.send('POST', `${jobs}/worked/suspend`);
    assert.deepEqual((await next(events)).data.kinds, ['job']);
    await events.return(undefined);
  });

  it('end their streams when the server stops, without pretending that the run has', async () => {
    const run = await claim(api.now - 160);
    const events = eventsOf(await api.app.request(`/api/v1/runs/${run.run}/logs?follow=true`));
    const pending = events.next();
    api.stopping.abort();
    assert.ok((await pending).done);
  });
});

interface SentEvent {
  readonly event: string;
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: events of every shape
  readonly data: any;
}

async function* eventsOf(response: Response): AsyncGenerator<SentEvent> {
  let text = '';
  for await (const chunk of (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = new Map(
        text
          .slice(0, end)
          .split('\n')
          .map(line => line.split(/: (.*)/s, 2) as [string, string]),
      );
      text = text.slice(end + 2);
      if (fields.has('event')) {
        yield {
          event: fields.get('event') ?? '',
          id: fields.get('id') ?? '',
          data: JSON.parse(fields.get('data') ?? 'null'),
        };
      }
    }
  }
}

async function next(events: AsyncGenerator<SentEvent>): Promise<SentEvent> {
  const { value, done } = await events.next();
  assert.ok(!done, 'the stream ended early');
  return value;
}
