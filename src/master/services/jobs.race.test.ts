import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Api, manifest } from '../../../test/support/api.ts';
import { validateManifest } from '../../domain/job/validate.ts';
import type { Store } from '../../store/store.ts';

const valid = (name: string, spec: Record<string, unknown> = {}) => validateManifest(manifest(name, spec));
const ref = (name: string) => ({ namespace: 'default', name });

describe('two changes of one job at once', () => {
  let api: Api;
  let real: Store;
  /** Runs once, between a read and its write. */
  let between: (() => Promise<unknown>) | undefined;
  let reads = 0;
  before(async () => {
    api = await Api.open({
      wrap: store => {
        real = store;
        return {
          ...store,
          getJob: async (namespace, name) => {
            const job = await store.getJob(namespace, name);
            reads++;
            const act = between;
            between = undefined;
            await act?.();
            return job;
          },
        };
      },
    });
  });
  after(() => api.close());

  it('are both made when neither names a revision', async () => {
    await api.jobs.create(valid('both'));
    between = () => api.jobs.patch(ref('both'), { metadata: { labels: { a: '1' } } });
    const { job } = await api.jobs.setSuspended(ref('both'), true);
    assert.deepEqual([job.revision, job.labels, job.spec.suspend], [3, { a: '1' }, true]);
  });

  it('fail for the one that named a revision, without another try', async () => {
    const { revision } = await api.jobs.create(valid('named'));
    between = () => api.jobs.patch(ref('named'), { metadata: { labels: { a: '1' } } });
    await assert.rejects(api.jobs.patch(ref('named'), { spec: { suspend: true } }, { match: [revision] }), {
      code: 'StaleRevision',
    });
    assert.equal((await api.jobs.get(ref('named'))).spec.suspend, false);
  });

  it('end as one creation and one refusal to overwrite', async () => {
    between = () => api.jobs.create(valid('made'));
    await assert.rejects(api.jobs.apply(valid('made', { schedule: '@daily' }), {}), { code: 'PreconditionRequired' });
    between = () => api.jobs.create(valid('only'));
    await assert.rejects(api.jobs.apply(valid('only'), { absent: true }), { code: 'StaleRevision' });
  });

  it('a delete in between is found', async () => {
    await api.jobs.create(valid('going'));
    between = () => api.jobs.delete(ref('going'));
    await assert.rejects(api.jobs.patch(ref('going'), { spec: { suspend: true } }), { code: 'NotFound' });
  });

  it('end after some tries, not never', async () => {
    await api.jobs.create(valid('busy'));
    const { getJob, updateJob } = real;
    const disturb = async (): Promise<void> => {
      const job = await getJob('default', 'busy');
      assert.ok(job);
      await updateJob({ ...job, labels: { n: String(job.revision) }, now: api.now });
      between = disturb;
    };
    between = disturb;
    reads = 0;
    await assert.rejects(api.jobs.setSuspended(ref('busy'), true), { code: 'StaleRevision' });
    between = undefined;
    assert.equal(reads, 5);
  });
});
