import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Api, manifest } from '../../../test/support/api.ts';
import type { JobSource } from '../../domain/job/job.ts';
import { validateManifest } from '../../domain/job/validate.ts';

describe('jobs of resources and others', () => {
  let api: Api;
  before(async () => {
    api = await Api.open();
  });
  after(() => api.close());

  const of = (name: string, schedule = '@daily') => validateManifest(manifest(name, { schedule }));
  const ref = (name: string) => ({ namespace: 'default', name });

  it('are made, changed and deleted by the operator', async () => {
    const made = await api.jobs.apply(of('mine'), { absent: true }, 'kubernetes');
    assert.deepEqual([made.outcome, made.job.source], ['created', 'kubernetes']);
    const { uid } = made.job;
    const changed = await api.jobs.apply(of('mine', '@hourly'), { match: 'any', uid }, 'kubernetes');
    assert.deepEqual([changed.outcome, changed.job.revision, changed.job.source], ['updated', 2, 'kubernetes']);
    await api.jobs.delete(ref('mine'), { uid }, 'kubernetes');
    await assert.rejects(api.jobs.get(ref('mine')), { code: 'NotFound' });
  });

  it('are each left alone by the others', async () => {
    await api.jobs.create(of('resource'), 'kubernetes');
    await api.jobs.create(of('rest'));
    const refused: [name: string, by: JobSource | undefined, because: RegExp][] = [
      ['resource', undefined, /change it there \(kubectl edit mcj -n default resource\)/],
      ['rest', 'kubernetes', /was made by api, not from a CronJob resource/],
    ];
    for (const [name, by, message] of refused) {
      const because = { code: 'Conflict', message };
      await assert.rejects(api.jobs.apply(of(name, '@hourly'), { match: 'any' }, by), because);
      await assert.rejects(api.jobs.delete(ref(name), {}, by), because);
      const job = await api.jobs.get(ref(name));
      assert.deepEqual([job.revision, job.spec.schedule], [1, '@daily']);
    }
  });

  it('may be resumed from a pause of their own, whoever made them, and keep it when the same is applied again', async () => {
    const limited = validateManifest(manifest('paused', { maxRuns: 1 }));
    const { job } = await api.jobs.apply(limited, { absent: true }, 'kubernetes');
    const term = await api.store.nextTerm('scheduler', 'master-1');
    await api.store.pauseAtLimit(term, [{ uid: job.uid, countsFrom: job.countsFrom, detail: 'over' }], api.now);
    const again = await api.jobs.apply(limited, { match: 'any', uid: job.uid }, 'kubernetes');
    assert.deepEqual([again.outcome, again.job.paused?.detail], ['unchanged', 'over']);
    assert.deepEqual(api.jobs.nextTicks(again.job, 1), []);
    await assert.rejects(api.jobs.setSuspended(ref('paused'), true), { code: 'Conflict' });
    const resumed = await api.jobs.setSuspended(ref('paused'), false);
    assert.deepEqual([resumed.outcome, resumed.job.paused, resumed.job.countsFrom], ['updated', undefined, api.now]);
    await assert.rejects(api.jobs.setSuspended(ref('paused'), false), { code: 'Conflict' }, 'there is no pause to end');
  });
});
