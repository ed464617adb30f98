import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type CalendarSpec, calendarSpec } from '../../src/domain/calendar/spec.ts';
import { clusterAnnotation, resourceUidAnnotation } from '../../src/domain/job/resource.ts';
import { conditionOf } from '../../src/operator/status/conditions.ts';
import { kubectl, kubernetesSkip } from '../support/kubernetes.ts';
import { OperatorBed, operatorSkip, type RunningOperator } from '../support/operator.ts';
import { eventually } from '../support/process.ts';

describe('the operator, with a resource', { skip: kubernetesSkip() || operatorSkip() }, () => {
  let bed: OperatorBed;
  let operator: RunningOperator;
  let kubeconfig: string;

  before(async () => {
    bed = await OperatorBed.open();
    kubeconfig = bed.restrictedKubeconfig();
    operator = await bed.start({ kubeconfig });
    await operator.leads();
  });
  after(async () => {
    await bed?.close();
  });

  /** What users see within 2 s in `cron/jobs/`. */
  const soon = <T>(what: string, check: () => Promise<T | undefined | false>): Promise<T> =>
    eventually(what, check, 2_000);

  it('makes a job of it, in the database and in Consul', async () => {
    const metadata = {
      labels: { team: 'ops' },
      annotations: { note: 'mine', [resourceUidAnnotation]: 'forged', [clusterAnnotation]: 'forged' },
    };
    const made = await bed.create('made', { schedule: '*/5 * * * *', timeZone: 'Europe/Berlin' }, metadata);
    const published = await soon('it is published', () => bed.published('made'));
    const job = await bed.job('made');
    assert.ok(job);
    assert.deepEqual(
      [published.uid, published.revision, published.spec.schedule, published.spec.timeZone],
      [job.uid, 1, '*/5 * * * *', 'Europe/Berlin'],
    );
    assert.deepEqual([job.source, job.labels], ['kubernetes', { team: 'ops' }]);
    assert.deepEqual(job.annotations, {
      note: 'mine',
      [resourceUidAnnotation]: made.metadata.uid,
      [clusterAnnotation]: bed.cluster,
    });
    const { metadata: seen, status } = await bed.ready('made', 'True');
    assert.deepEqual(seen.finalizers, ['cronmesh.io/job']);
    assert.deepEqual([status?.jobUid, status?.revision, status?.active], [job.uid, 1, 0]);
    const next = Date.parse(status?.nextScheduleTime ?? '');
    assert.ok(
      next > Date.now() - 2_000 && next <= Date.now() + 300_000 && next % 300_000 === 0,
      status?.nextScheduleTime,
    );
    await eventually('the event is told', async () => (await bed.events('made')).some(one => one.reason === 'Created'));
  });

  it('carries an edit over', async () => {
    const before = await bed.job('made');
    await bed.patch('made', { spec: { schedule: '0 4 * * *' }, metadata: { labels: { team: 'dev' } } });
    await soon('it is published', async () => (await bed.published('made'))?.spec.schedule === '0 4 * * *');
    const job = await bed.job('made');
    assert.deepEqual([job?.uid, job?.labels], [before?.uid, { team: 'dev' }]);
    const { status } = await bed.ready('made', 'True');
    assert.equal(status?.revision, job?.revision);
    assert.equal(conditionOf(status?.conditions, 'Applied')?.observedGeneration, 2);
  });

  it('suspends and resumes', async () => {
    await bed.patch('made', { spec: { suspend: true } });
    await soon('it is suspended', async () => (await bed.published('made'))?.spec.suspend === true);
    await eventually('the status says so', async () => {
      const status = (await bed.get('made'))?.status;
      return conditionOf(status?.conditions, 'Suspended')?.status === 'True' && status?.nextScheduleTime === undefined;
    });
    const floor = (await bed.job('made'))?.floor ?? 0;
    await bed.patch('made', { spec: { suspend: false } });
    await soon('it is resumed', async () => (await bed.published('made'))?.spec.suspend === false);
    assert.ok(((await bed.job('made'))?.floor ?? 0) > floor, 'nothing of the past fires');
    await eventually('the status says so', async () => {
      const status = (await bed.get('made'))?.status;
      return conditionOf(status?.conditions, 'Suspended')?.status === 'False' && status?.nextScheduleTime !== undefined;
    });
  });

  it('keeps the job as it was when the spec becomes invalid, and says what is wrong', async () => {
    const before = await bed.job('made');
    await bed.patch('made', { spec: { timeZone: 'Mars/Olympus' } });
    const { status, metadata } = await bed.ready('made', 'False', 'InvalidSpec');
    const message = conditionOf(status?.conditions, 'Ready')?.message ?? '';
    assert.match(message, /spec\.timeZone \("Mars\/Olympus"\)/);
    assert.match(
      message,
      new RegExp(
        `the job stays as it was of generation ${metadata.generation - 1}: revision ${before?.revision} is in force`,
      ),
    );
    assert.deepEqual(await bed.job('made'), before);
    assert.equal(status?.jobUid, before?.uid);
    await bed.patch('made', { spec: { timeZone: 'Europe/Paris' } });
    await bed.ready('made', 'True');
    assert.equal((await bed.job('made'))?.spec.timeZone, 'Europe/Paris');
  });

  it('makes no job of a spec that was never right', async () => {
    await bed.create('wrong', { timeZone: 'Nowhere/Land' });
    const { status, metadata } = await bed.ready('wrong', 'False', 'InvalidSpec');
    assert.match(conditionOf(status?.conditions, 'Ready')?.message ?? '', /there is no job$/);
    assert.equal(metadata.finalizers, undefined, 'it may go at once');
    assert.equal(await bed.job('wrong'), undefined);
    await eventually('the event is told', async () =>
      (await bed.events('wrong')).some(one => one.reason === 'InvalidSpec' && one.type === 'Warning'),
    );
  });

  it('waits for a calendar that is not there, and makes the job once it is', async () => {
    const at = (spec: CalendarSpec) => ({ labels: {}, annotations: {}, spec, now: Date.now() });
    await bed.create('closed-days', { calendars: { exclude: ['closed'] } });
    const { status } = await bed.ready('closed-days', 'False', 'InvalidSpec');
    const message = conditionOf(status?.conditions, 'Ready')?.message ?? '';
    assert.match(message, /spec\.calendars\.exclude\[0\] is no calendar of the namespace .*there is no job$/);
    assert.equal(await bed.job('closed-days'), undefined);
    const spec = calendarSpec.parse({ dates: ['2030-12-25'] });
    await bed.store.createCalendar({ namespace: bed.namespace, name: 'closed', ...at(spec) });
    await bed.ready('closed-days', 'True');
    assert.deepEqual((await bed.job('closed-days'))?.calendars, [{ name: 'closed', spec }]);
    await bed.delete('closed-days');
    await soon('the resource is gone', async () => (await bed.get('closed-days')) === undefined);
  });

  it('converges when it is edited 50 times quickly', async () => {
    await bed.create('busy', {});
    for (let i = 0; i < 50; i++) await bed.patch('busy', { spec: { schedule: `${i} 5 * * *` } });
    await soon('the last edit is published', async () => (await bed.published('busy'))?.spec.schedule === '49 5 * * *');
    const { status } = await bed.ready('busy', 'True');
    const job = await bed.job('busy');
    assert.deepEqual([status?.revision, job?.spec.schedule], [job?.revision, '49 5 * * *']);
  });

  it('deletes the job with the resource', async () => {
    await bed.delete('made');
    await soon('the key is gone', async () => (await bed.published('made')) === undefined);
    await soon('the resource is gone', async () => (await bed.get('made')) === undefined);
    assert.equal(await bed.job('made'), undefined);
    await eventually('the event is told', async () => (await bed.events('made')).some(one => one.reason === 'Deleted'));
  });

  it('makes a new job of a resource that is made again', async () => {
    await bed.create('again', { schedule: '@every 1h' });
    await bed.ready('again', 'True');
    const former = await bed.job('again');
    await bed.delete('again');
    await eventually('it is gone', async () => (await bed.get('again')) === undefined);
    await bed.create('again', { schedule: '@every 1h' });
    await bed.ready('again', 'True');
    const job = await bed.job('again');
    assert.ok(former && job);
    assert.notEqual(job.uid, former.uid);
    assert.ok(job.anchor > former.anchor && job.floor > former.floor);
  });

  it('renames by making one and deleting the other', async () => {
    await bed.create('old-name', {});
    await bed.ready('old-name', 'True');
    await bed.create('new-name', {});
    await bed.delete('old-name');
    await soon('only the new one is published', async () => {
      const [old, fresh] = [await bed.published('old-name'), await bed.published('new-name')];
      return old === undefined && fresh !== undefined;
    });
  });

  it('is described with its events, by an operator with no right too many', async () => {
    await eventually('kubectl shows the event', () =>
      /Normal\s+Created\s.*created the job \w{16}, revision 1/.test(
        kubectl(['describe', 'mcj', '-n', bed.namespace, 'again']),
      ),
    );
    assert.doesNotMatch(operator.program.output, /forbidden|lacks this right/);
  });

  it('could be followed in the whole cluster', async () => {
    const stopping = new AbortController();
    const { items, resourceVersion } = await bed.api.list(undefined, stopping.signal);
    const ours = items.filter(one => one.metadata.namespace === bed.namespace).map(one => one.metadata.name);
    assert.deepEqual(ours.sort(), ['again', 'busy', 'new-name', 'wrong']);
    const seen = new Set<string>();
    const watching = bed.api.watch(
      undefined,
      resourceVersion,
      ({ type, resource }) => seen.add(`${type} ${resource.metadata.namespace}/${resource.metadata.name}`),
      stopping.signal,
    );
    await bed.patch('wrong', { metadata: { labels: { seen: 'yes' } } });
    await eventually('the change is seen', () => seen.has(`changed ${bed.namespace}/wrong`));
    stopping.abort();
    await assert.rejects(watching, /did not answer/);
  });

  it('counts what it does', async () => {
    const text = await operator.metrics();
    assert.match(text, /cronmesh_operator_reconciles_total\{result="done"\} \d+/);
    assert.match(text, /cronmesh_operator_resources\{ready="true"\} 3/);
    assert.match(text, /cronmesh_operator_resources\{ready="false"\} 1/);
    assert.match(text, /cronmesh_operator_queue_depth 0/);
    assert.match(text, /cronmesh_operator_leader 1/);
  });

  it('takes the finalizers off when it is told to, and leaves them off', async () => {
    const released = bed.run(['operator', '--release-finalizers'], {
      KUBECONFIG: kubeconfig,
      CRONMESH_OPERATOR_NAMESPACES: bed.namespace,
    });
    assert.equal(await released.exited, 0, released.output);
    assert.match(released.output, /released 3 resources/);
    await bed.patch('busy', { spec: { schedule: '1 6 * * *' } });
    await soon('it is still reconciled', async () => (await bed.published('busy'))?.spec.schedule === '1 6 * * *');
    assert.equal((await bed.get('busy'))?.metadata.finalizers, undefined);
    await bed.delete('busy');
    assert.equal(await bed.get('busy'), undefined);
    await soon('its job goes all the same', async () => (await bed.published('busy')) === undefined);
  });

  it('stops in order', async () => {
    assert.equal(await operator.program.stop(), 0, operator.program.output);
  });
});
