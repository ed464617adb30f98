import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { silentLogger } from '../../observability/logger.ts';
import type { CronJobResource } from '../resource.ts';
import type { KubernetesConnection } from './connection.ts';
import { KubernetesError } from './error.ts';
import { EventRecorder } from './events.ts';

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body: { readonly count: number; readonly message: string; readonly reason?: string; readonly type?: string };
}

const resource = (name: string): CronJobResource => ({
  metadata: { namespace: 'ns', name, uid: `uid-${name}`, resourceVersion: '1', generation: 1 },
});

/** A recorder whose requests are kept, and whose time is the test's. */
async function withRecorder(
  work: (recorder: EventRecorder, sent: Sent[], pass: (ms: number) => Promise<void>) => Promise<void>,
  fail?: () => Error | undefined,
): Promise<void> {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  const sent: Sent[] = [];
  const request = async (method: string, path: string, { body }: { body: Sent['body'] }) => {
    const error = fail?.();
    if (error) throw error;
    sent.push({ method, path, body });
  };
  const connection = { request } as unknown as KubernetesConnection;
  const recorder = new EventRecorder({ connection, logger: silentLogger });
  const stopping = new AbortController();
  const running = recorder.run(stopping.signal);
  const pass = async (ms: number): Promise<void> => {
    for (let gone = 0; gone < ms; gone += 1_000) {
      mock.timers.tick(1_000);
      for (let i = 0; i < 10; i++) await new Promise(setImmediate);
    }
  };
  try {
    await work(recorder, sent, pass);
  } finally {
    stopping.abort();
    await running;
    mock.timers.reset();
  }
}

describe('events', () => {
  it('are one with a count when they repeat, changed at most each 10 s', async () => {
    await withRecorder(async (recorder, sent, pass) => {
      for (let i = 1; i <= 30; i++) {
        recorder.record(resource('a'), 'RunFailed', `failure ${i}`);
        await pass(1_000);
      }
      const [first, ...rest] = sent;
      assert.deepEqual([first?.method, first?.body.count, first?.body.type], ['POST', 1, 'Warning']);
      assert.deepEqual(
        rest.map(one => [one.method, one.body.count, one.body.message]),
        [
          ['PATCH', 11, 'failure 11'],
          ['PATCH', 21, 'failure 21'],
        ],
      );
      assert.ok(rest.every(one => one.path.startsWith('/api/v1/namespaces/ns/events/a.')));
      await pass(600_000);
      recorder.record(resource('a'), 'RunFailed', 'much later');
      await pass(1_000);
      assert.deepEqual([sent.at(-1)?.method, sent.at(-1)?.body.count], ['POST', 1]);
    });
  });

  it('differ by resource and reason', async () => {
    await withRecorder(async (recorder, sent, pass) => {
      recorder.record(resource('a'), 'Created', 'x');
      recorder.record(resource('a'), 'Updated', 'x');
      recorder.record(resource('b'), 'Created', 'x'.repeat(5_000));
      await pass(1_000);
      assert.deepEqual(
        sent.map(one => [one.body.reason, one.body.type, one.body.message.length]),
        [
          ['Created', 'Normal', 1],
          ['Updated', 'Normal', 1],
          ['Created', 'Normal', 1_024],
        ],
      );
    });
  });

  it('are 25 a second at most', async () => {
    await withRecorder(async (recorder, sent, pass) => {
      for (let i = 0; i < 60; i++) recorder.record(resource(`r${i}`), 'Created', 'x');
      const counts: number[] = [];
      for (let i = 0; i < 3; i++) {
        await pass(1_000);
        counts.push(sent.length);
      }
      assert.deepEqual(counts, [25, 50, 60]);
    });
  });

  it('begin anew when Kubernetes has forgotten them, and fail in silence', async () => {
    let error: Error | undefined;
    await withRecorder(
      async (recorder, sent, pass) => {
        recorder.record(resource('a'), 'Conflict', 'x');
        await pass(11_000);
        error = new KubernetesError('gone', { status: 404 });
        recorder.record(resource('a'), 'Conflict', 'x');
        await pass(1_000);
        error = undefined;
        recorder.record(resource('a'), 'Conflict', 'y');
        await pass(1_000);
        assert.deepEqual(
          sent.map(one => [one.method, one.body.count]),
          [
            ['POST', 1],
            ['POST', 1],
          ],
        );
      },
      () => error,
    );
  });
});
