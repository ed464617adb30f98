import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Job, JobSource } from '../../domain/job/job.ts';
import { clusterAnnotation, resourceUidAnnotation } from '../../domain/job/resource.ts';
import { jobSpec } from '../../domain/job/spec.ts';
import { adoptAnnotation, type CronJobResource, releasedAnnotation } from '../resource.ts';
import { manifestOf } from './manifest.ts';
import { ownership } from './ownership.ts';

const spec = { schedule: '@daily', executor: { shell: { command: 'date' } } };

function resource(changes: Partial<CronJobResource['metadata']> = {}, over: unknown = spec): CronJobResource {
  const metadata = { namespace: 'ns', name: 'a', uid: 'r1', resourceVersion: '1', generation: 1, ...changes };
  return { metadata, spec: over };
}

function job(source: JobSource, annotations: Job['annotations'] = {}): Job {
  return {
    uid: 'job1' as Job['uid'],
    namespace: 'ns',
    name: 'a',
    labels: {},
    annotations,
    spec: jobSpec.parse(spec),
    revision: 1,
    floor: 0,
    anchor: 0,
    countsFrom: 0,
    source,
    createdAt: 0,
    updatedAt: 0,
  };
}

const made = (uid: string, cluster: string) =>
  job('kubernetes', { [resourceUidAnnotation]: uid, [clusterAnnotation]: cluster });

describe('whose a job is', () => {
  it('is told by its source, its resource and its cluster', () => {
    const adopting = resource({ annotations: { [adoptAnnotation]: 'c2' } });
    const cases: [what: string, job: Job | undefined, kind: string, one?: CronJobResource][] = [
      ['none', undefined, 'free'],
      ['its own', made('r1', 'c1'), 'ours'],
      ['its own, of a former namespace of the operator', made('r1', 'c2'), 'ours'],
      ['of a resource that is gone', made('r0', 'c1'), 'former'],
      ['of another cluster', made('r0', 'c2'), 'foreign'],
      ['of another cluster, to be taken over', made('r0', 'c2'), 'former', adopting],
      ['of a third cluster', made('r0', 'c3'), 'foreign', adopting],
      ['of REST', job('api'), 'foreign'],
      ['of REST, with forged annotations', job('api', made('r1', 'c1').annotations), 'foreign'],
      ['of Consul', job('consul'), 'foreign'],
      ['of a resource, without its annotations', job('kubernetes'), 'former'],
    ];
    for (const [what, one, kind, by = resource()] of cases) assert.equal(ownership(one, by, 'c1').kind, kind, what);
  });

  it('is said with what to do', () => {
    const text = (one: Job) => {
      const owner = ownership(one, resource(), 'c1');
      return owner.kind === 'foreign' ? owner.message : '';
    };
    assert.match(
      text(job('api')),
      /made through the API or command line \(uid job1\); delete it there \(cronmesh delete/,
    );
    assert.match(text(job('consul')), /in Consul by hand/);
    assert.match(text(made('r0', 'c2')), /kubectl annotate mcj -n ns a cronmesh\.io\/adopt-from=c2$/);
  });
});

describe('the job of a resource', () => {
  it('has of its metadata labels and annotations, and the owner’s over forged ones', () => {
    const annotations = {
      note: 'mine',
      'kubectl.kubernetes.io/last-applied-configuration': '{}',
      [resourceUidAnnotation]: 'forged',
      [clusterAnnotation]: 'forged',
      [releasedAnnotation]: '2026-01-01T00:00:00Z',
    };
    const finalizers = ['x/y'];
    const judged = manifestOf(resource({ labels: { a: 'b' }, annotations, finalizers }), 'c1');
    assert.ok(judged.valid);
    assert.deepEqual(judged.manifest.metadata, {
      namespace: 'ns',
      name: 'a',
      labels: { a: 'b' },
      annotations: { note: 'mine', [resourceUidAnnotation]: 'r1', [clusterAnnotation]: 'c1' },
    });
  });

  it('is not made of a wrong spec: all problems are said, with field and value', () => {
    const judged = manifestOf(resource({}, { schedule: '61 * * * *', executor: {}, retires: 3 }), 'c1');
    assert.ok(!judged.valid);
    assert.match(judged.message, /spec\.schedule \("61 \* \* \* \*"\) minute: /);
    assert.match(judged.message, /spec\.retires \(3\) is not a known field/);
    assert.match(judged.message, /spec\.executor/);
    for (const missing of [undefined, null, 'text'])
      assert.ok(!manifestOf({ ...resource(), spec: missing }, 'c1').valid);
  });

  it('is said with a bounded message', () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`field${i}`, 'x'.repeat(500)]));
    const judged = manifestOf(resource({}, { ...spec, ...many }), 'c1');
    assert.ok(!judged.valid);
    assert.ok(judged.message.length < 5_000, `${judged.message.length}`);
    assert.match(judged.message, /; and \d+ more$/);
  });
});
