import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makeJobUid } from '../../src/domain/job/job.ts';
import { clusterAnnotation, resourceUidAnnotation } from '../../src/domain/job/resource.ts';
import { adoptAnnotation } from '../../src/operator/resource.ts';
import { conditionOf } from '../../src/operator/status/conditions.ts';
import { newJob } from '../conformance/store/fixtures.ts';
import { kubernetesSkip } from '../support/kubernetes.ts';
import { OperatorBed, operatorSkip } from '../support/operator.ts';
import { eventually, freePort } from '../support/process.ts';
import { Rest } from '../support/rest.ts';

describe('whose a job is', { skip: kubernetesSkip() || operatorSkip() }, () => {
  let bed: OperatorBed;
  let rest: Rest;

  before(async () => {
    bed = await OperatorBed.open();
    const http = await freePort();
    const file = join(bed.folder, 'master.yaml');
    const settings = {
      http: { host: '127.0.0.1', port: http },
      grpc: { host: '127.0.0.1', port: await freePort() },
      consul: { address: bed.consul.address },
      database: { url: bed.postgres.url },
    };
    writeFileSync(file, JSON.stringify(settings));
    bed.run(['master', '--config', file]);
    rest = new Rest(`http://127.0.0.1:${http}`);
    const [operator] = await Promise.all([
      bed.start(),
      eventually('the master serves', async () => (await rest.request('GET', '/readyz')).status === 200),
    ]);
    await operator.leads();
  });
  after(async () => {
    await bed?.close();
  });

  const path = (name: string) => `/api/v1/namespaces/${bed.namespace}/jobs/${name}`;
  const readyMessage = async (name: string) =>
    conditionOf((await bed.get(name))?.status?.conditions, 'Ready')?.message ?? '';
  /** A job of a resource, as another operator left it in the database. */
  const left = (name: string, cluster: string, uid: string) =>
    bed.store.createJob(
      newJob({
        uid: makeJobUid(randomBytes(16)),
        namespace: bed.namespace,
        name,
        source: 'kubernetes',
        annotations: { [resourceUidAnnotation]: uid, [clusterAnnotation]: cluster },
        now: Date.now() - 86_400_000,
      }),
    );

  it('is refused to REST when a resource has it', async () => {
    await bed.create('resource', {});
    await bed.ready('resource', 'True');
    const before = await bed.job('resource');
    const manifest = { spec: { schedule: '@hourly', executor: { shell: { command: 'false' } } } };
    const tries: [method: string, path: string, body?: unknown, headers?: Record<string, string>][] = [
      ['PUT', path('resource'), manifest, { 'if-match': '*' }],
      ['PATCH', path('resource'), { spec: { suspend: true } }, { 'content-type': 'application/merge-patch+json' }],
      ['POST', `${path('resource')}/suspend`],
      ['DELETE', path('resource')],
    ];
    for (const [method, to, body, headers] of tries) {
      const answer = await rest.request(method, to, body, headers);
      const problem = (await answer.json()) as { code: string; detail: string };
      assert.deepEqual([answer.status, problem.code], [409, 'Conflict'], `${method}: ${JSON.stringify(problem)}`);
      assert.match(problem.detail, /kubectl edit mcj/);
    }
    assert.deepEqual(await bed.job('resource'), before);
  });

  it('stays with the API that made it, until it is deleted there', async () => {
    await rest.post(`/api/v1/namespaces/${bed.namespace}/jobs`, {
      metadata: { name: 'contested' },
      spec: { schedule: '@daily', executor: { shell: { command: 'echo api' } } },
    });
    const theirs = await bed.job('contested');
    await bed.create('contested', { schedule: '@hourly' });
    const resource = await bed.ready('contested', 'False', 'Conflict');
    assert.match(await readyMessage('contested'), /made through the API or command line.*delete it there/);
    assert.equal(resource.metadata.finalizers, undefined, 'it may go at once');
    assert.deepEqual(await bed.job('contested'), theirs);
    await eventually('the event is told', async () =>
      (await bed.events('contested')).some(one => one.reason === 'Conflict' && one.type === 'Warning'),
    );
    assert.equal((await rest.request('DELETE', path('contested'))).status, 204);
    await bed.ready('contested', 'True', 'Applied', 60_000);
    const ours = await bed.job('contested');
    assert.deepEqual([ours?.source, ours?.spec.schedule], ['kubernetes', '@hourly']);
    assert.notEqual(ours?.uid, theirs?.uid);
  });

  it('is let alone when the resource that was refused is deleted', async () => {
    await rest.post(`/api/v1/namespaces/${bed.namespace}/jobs`, {
      metadata: { name: 'kept' },
      spec: { schedule: '@daily', executor: { shell: { command: 'echo api' } } },
    });
    await bed.create('kept', {});
    await bed.ready('kept', 'False', 'Conflict');
    await bed.delete('kept');
    await eventually('the resource is gone', async () => (await bed.get('kept')) === undefined);
    assert.equal((await bed.job('kept'))?.source, 'api');
  });

  it('is replaced by a new one when its resource was another one of this cluster', async () => {
    const former = await left('taken', bed.cluster, 'a-uid-that-is-gone');
    const { metadata } = await bed.create('taken', { schedule: '@every 10m' });
    await bed.ready('taken', 'True');
    const job = await bed.job('taken');
    assert.ok(job);
    assert.notEqual(job.uid, former.uid);
    assert.equal(job.annotations[resourceUidAnnotation], metadata.uid);
    assert.ok(job.floor > former.floor && job.anchor > former.anchor, 'nothing of the past fires');
    await eventually('the new one is published', async () => (await bed.published('taken'))?.uid === job.uid);
  });

  it('stays with another cluster, unless the resource takes it over', async () => {
    const theirs = await left('abroad', 'another-cluster', 'a-uid-of-theirs');
    await bed.create('abroad', {});
    await bed.ready('abroad', 'False', 'Conflict');
    assert.match(
      await readyMessage('abroad'),
      /resource of another cluster \(another-cluster, resource a-uid-of-theirs\)/,
    );
    assert.deepEqual(await bed.job('abroad'), theirs);
    await bed.patch('abroad', { metadata: { annotations: { [adoptAnnotation]: 'another-cluster' } } });
    await bed.ready('abroad', 'True');
    const job = await bed.job('abroad');
    assert.notEqual(job?.uid, theirs.uid);
    assert.equal(job?.annotations[clusterAnnotation], bed.cluster);
  });

  it('stays with its resource when the operator’s own namespace was made anew', async () => {
    const { metadata } = await bed.create('moved', {});
    await bed.ready('moved', 'True');
    const before = await bed.job('moved');
    assert.ok(before);
    const annotations = { [resourceUidAnnotation]: metadata.uid, [clusterAnnotation]: 'the-former-namespace' };
    const { uid, revision, labels, spec, floor } = before;
    await bed.store.updateJob({ uid, revision, labels, spec, floor, annotations, now: Date.now() });
    await bed.patch('moved', { spec: { schedule: '7 7 * * *' } });
    await eventually('the annotation is ours again', async () => {
      const job = await bed.job('moved');
      return (
        job?.uid === uid && job.annotations[clusterAnnotation] === bed.cluster && job.spec.schedule === '7 7 * * *'
      );
    });
  });
});
