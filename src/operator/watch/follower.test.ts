import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLogger } from '../../observability/logger.ts';
import type { WatchEvent } from '../kubernetes/cronjobs.ts';
import { KubernetesError } from '../kubernetes/error.ts';
import type { CronJobResource } from '../resource.ts';
import { ResourceCache } from './cache.ts';
import { ResourceFollower } from './follower.ts';

const of = (name: string, version: number, metadata: Partial<CronJobResource['metadata']> = {}): CronJobResource => ({
  metadata: { namespace: 'ns', name, uid: `uid-${name}`, resourceVersion: String(version), generation: 1, ...metadata },
});

type Script = (onEvent: (event: WatchEvent) => void, signal: AbortSignal) => Promise<void>;

/** A follower of lists and watches that the test writes; the last watch goes on until the end. */
async function follow(lists: readonly (readonly CronJobResource[])[], watches: readonly Script[]) {
  const calls: string[] = [];
  const changes: string[] = [];
  const restarts: string[] = [];
  const stopping = new AbortController();
  const atEnd = Promise.withResolvers<void>();
  const cache = new ResourceCache(key => changes.push(key));
  const [listScript, watchScript] = [[...lists], [...watches]];
  const api = {
    list: async () => {
      const items = listScript.shift() ?? [];
      calls.push('list');
      return { items, resourceVersion: String(100 * calls.filter(one => one === 'list').length) };
    },
    watch: async (_: unknown, version: string, onEvent: (event: WatchEvent) => void, signal: AbortSignal) => {
      calls.push(`watch ${version}`);
      const next = watchScript.shift();
      if (next !== undefined) return await next(onEvent, signal);
      atEnd.resolve();
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    },
  };
  const follower = new ResourceFollower({
    api,
    namespace: undefined,
    cache,
    logger: silentLogger,
    onRestart: why => restarts.push(why),
    backoff: { initial: 1, maximum: 2, factor: 2 },
  });
  const running = follower.run(stopping.signal);
  await atEnd.promise;
  const stop = async () => {
    stopping.abort();
    await running;
  };
  return { follower, cache, calls, changes, restarts, stop };
}

const fail = (error: Error) => async () => {
  throw error;
};

describe('the follower of resources', () => {
  it('goes on from the last version seen when a watch breaks', async () => {
    const { calls, cache, restarts, stop } = await follow(
      [[of('a', 1)]],
      [
        async onEvent => {
          onEvent({ type: 'changed', resource: of('b', 101) });
          onEvent({ type: 'bookmark', resource: of('', 107) });
          throw new KubernetesError('cut');
        },
        fail(new KubernetesError('still cut')),
      ],
    );
    assert.deepEqual(calls, ['list', 'watch 100', 'watch 107', 'watch 107']);
    assert.deepEqual(
      [cache.keys(), restarts],
      [
        ['ns/a', 'ns/b'],
        ['error', 'error'],
      ],
    );
    await stop();
  });

  it('lists anew when its version is gone, and tells what went meanwhile', async () => {
    const { calls, cache, changes, restarts, stop } = await follow(
      [
        [of('a', 1), of('b', 2)],
        [of('b', 2), of('c', 150)],
      ],
      [fail(new KubernetesError('too old', { status: 410 }))],
    );
    assert.deepEqual(calls, ['list', 'watch 100', 'list', 'watch 200']);
    assert.deepEqual(cache.keys(), ['ns/b', 'ns/c']);
    assert.deepEqual(changes, ['ns/a', 'ns/b', 'ns/a', 'ns/c'], 'b did not change');
    assert.deepEqual(restarts, ['gone']);
    await stop();
  });

  it('lists anew after five failures in a row', async () => {
    const { calls, stop } = await follow([[], []], Array<Script>(5).fill(fail(new KubernetesError('bad version'))));
    assert.deepEqual(calls, ['list', ...Array<string>(5).fill('watch 100'), 'list', 'watch 200']);
    await stop();
  });

  it('lists when it is asked to, and tells when it has', async () => {
    const { follower, calls, cache, stop } = await follow([[of('a', 1)], [of('z', 9)]], []);
    await follower.relist();
    assert.deepEqual(cache.keys(), ['ns/z']);
    assert.deepEqual(calls.slice(0, 3), ['list', 'watch 100', 'list']);
    await stop();
    await assert.doesNotReject(stop());
  });
});

describe('the cache of resources', () => {
  it('takes no step back, and calls a change of status alone none', () => {
    const changes: string[] = [];
    const cache = new ResourceCache(key => changes.push(key));
    cache.put(of('a', 5));
    cache.put({ ...of('a', 7), status: { observedGeneration: 1, conditions: [], active: 1 } });
    cache.put(of('a', 6, { generation: 2 }));
    assert.deepEqual([cache.get('ns/a')?.metadata.resourceVersion, changes.length], ['7', 1]);
    cache.put(of('a', 8, { generation: 2 }));
    cache.put(of('a', 9, { generation: 2, labels: { a: 'b' } }));
    cache.put(of('a', 10, { generation: 2, labels: { a: 'b' }, deletionTimestamp: 'now' }));
    assert.equal(changes.length, 4);
    cache.apply({ type: 'deleted', resource: of('a', 11) });
    cache.refresh(of('a', 12));
    assert.deepEqual([cache.keys(), changes.length], [[], 5]);
  });

  it('judges a list of one namespace by that namespace', () => {
    const cache = new ResourceCache(() => {});
    cache.put(of('a', 1));
    cache.put(of('b', 1, { namespace: 'other' }));
    cache.replace('ns', []);
    assert.deepEqual(cache.keys(), ['other/b']);
  });
});
