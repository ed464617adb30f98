import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KubernetesError } from '../kubernetes/error.ts';
import type { CronJobResource } from '../resource.ts';
import type { CronJobStatus } from './types.ts';
import { StatusWriter } from './writer.ts';

describe('the writer of status', () => {
  const resource = (name: string, status?: CronJobStatus): CronJobResource => ({
    metadata: { namespace: 'ns', name, uid: `uid-${name}`, resourceVersion: '1', generation: 1 },
    ...(status !== undefined && { status }),
  });
  const wanted = (active: number): CronJobStatus => ({ observedGeneration: 1, conditions: [], active });

  function setUp(fail?: Error) {
    const patches: string[] = [];
    const time = { now: 1_000_000 };
    const api = {
      patchStatus: async (one: CronJobResource, patch: object) => {
        if (fail) throw fail;
        patches.push(`${one.metadata.name} ${JSON.stringify(patch)}`);
        return one;
      },
    };
    return { patches, time, writer: new StatusWriter({ api, onWritten: () => {}, clock: () => time.now }) };
  }

  it('writes what differs, and nothing where nothing does', async () => {
    const { patches, writer } = setUp();
    assert.equal(await writer.write(resource('a', wanted(0)), wanted(0)), undefined);
    assert.equal(await writer.write(resource('a', wanted(0)), wanted(1)), undefined);
    assert.deepEqual(patches, ['a {"active":1}']);
    assert.equal(await writer.write(resource('a', wanted(0)), wanted(1)), undefined, 'the watch is behind');
    assert.equal(patches.length, 1);
  });

  it('writes each at most every 5 s', async () => {
    const { patches, time, writer } = setUp();
    await writer.write(resource('a'), wanted(0));
    time.now += 2_000;
    assert.equal(await writer.write(resource('a', wanted(0)), wanted(1)), 3_000);
    await writer.write(resource('b'), wanted(0));
    time.now += 3_000;
    assert.equal(await writer.write(resource('a', wanted(0)), wanted(2)), undefined);
    assert.deepEqual(
      patches.map(one => one.slice(0, 1)),
      ['a', 'b', 'a'],
    );
  });

  it('writes 100 at once, then 100 a second, each at its turn', async () => {
    const { patches, time, writer } = setUp();
    const waits = new Map<string, number>();
    for (let i = 0; i < 150; i++) {
      const wait = await writer.write(resource(`r${i}`), wanted(0));
      if (wait !== undefined) waits.set(`r${i}`, wait);
    }
    assert.equal(patches.length, 100);
    assert.deepEqual([waits.size, Math.max(...waits.values())], [50, 500]);
    time.now += 200;
    for (const name of waits.keys()) await writer.write(resource(name), wanted(0));
    assert.equal(patches.length, 120);
    time.now += 300;
    for (const name of waits.keys()) await writer.write(resource(name, wanted(0)), wanted(1));
    assert.ok(patches.length >= 150, `${patches.length}`);
  });

  it('compares with the resource again once it is told to distrust', async () => {
    const { patches, time, writer } = setUp();
    await writer.write(resource('a'), wanted(0));
    time.now += 10_000;
    await writer.write(resource('a', wanted(7)), wanted(0));
    assert.equal(patches.length, 1);
    writer.distrust();
    await writer.write(resource('a', wanted(7)), wanted(0));
    assert.equal(patches.length, 2);
  });

  it('lets a resource go that is gone, and throws what else fails', async () => {
    for (const status of [404, 409]) {
      const { writer } = setUp(new KubernetesError('no', { status }));
      assert.equal(await writer.write(resource('a'), wanted(0)), undefined);
    }
    const { writer } = setUp(new KubernetesError('no', { status: 422 }));
    await assert.rejects(writer.write(resource('a'), wanted(0)), KubernetesError);
  });
});
