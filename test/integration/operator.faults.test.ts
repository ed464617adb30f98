import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { finalizer } from '../../src/operator/resource.ts';
import { kubernetesSkip } from '../support/kubernetes.ts';
import { OperatorBed, operatorSkip, type RunningOperator } from '../support/operator.ts';
import { eventually } from '../support/process.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

describe('the operator, when something fails', { skip: kubernetesSkip() || operatorSkip() }, () => {
  let bed: OperatorBed;
  let operator: RunningOperator;

  before(async () => {
    bed = await OperatorBed.open();
    operator = await bed.start({ resyncSeconds: 5, finalizerTimeoutSeconds: 4 });
    await operator.leads();
  });
  after(async () => {
    await bed?.close();
  });

  const schedule = async (name: string) => (await bed.published(name))?.spec.schedule;
  const gone = (name: string, timeout = 30_000) =>
    eventually(`the job of ${name} is gone`, async () => (await bed.published(name)) === undefined, timeout);

  it('deletes at its start the job of a resource that went while it was down', async () => {
    await bed.create('orphan', {});
    await bed.create('edited', { schedule: '1 1 * * *' });
    await bed.create('asked', {});
    for (const name of ['orphan', 'edited', 'asked']) await bed.ready(name, 'True');
    assert.equal(await operator.program.stop(), 0);
    await bed.patch('orphan', { metadata: { finalizers: null } });
    await bed.delete('orphan');
    await bed.delete('asked');
    await bed.patch('edited', { spec: { schedule: '2 2 * * *' } });
    assert.equal(await bed.get('orphan'), undefined);
    assert.ok(await bed.job('orphan'));
    assert.ok((await bed.get('asked'))?.metadata.deletionTimestamp, 'its finalizer keeps it');
    operator = await bed.start({ resyncSeconds: 5, finalizerTimeoutSeconds: 4 });
    await gone('orphan');
    await gone('asked');
    await eventually('the edit is published', async () => (await schedule('edited')) === '2 2 * * *');
    await eventually('the resource may go', async () => (await bed.get('asked')) === undefined);
    assert.equal(await bed.job('orphan'), undefined);
  });

  it('does not touch jobs of others without a resource', async () => {
    await bed.store.createJob({
      uid: 'aaaaaaaaaaaaaaaa' as never,
      namespace: bed.namespace,
      name: 'by-rest',
      labels: {},
      annotations: {},
      spec: (await bed.job('edited'))?.spec ?? assert.fail(),
      source: 'api',
      now: Date.now(),
    });
    const resyncs = async () => {
      const text = await operator.metrics();
      return Number(/cronmesh_operator_reconciles_total\{result="done"\} (\d+)/.exec(text)?.[1]);
    };
    const before = await resyncs();
    await eventually('a resync has been', async () => (await resyncs()) >= before + 2);
    assert.ok(await bed.job('by-rest'));
  });

  it('lets a resource go without its job when the database is away for long, and deletes the job later', async () => {
    await bed.create('left', {});
    await bed.ready('left', 'True');
    await bed.postgres.crash();
    const asked = Date.now();
    await bed.delete('left');
    assert.deepEqual((await bed.get('left'))?.metadata.finalizers, [finalizer]);
    await eventually('the resource is gone', async () => (await bed.get('left')) === undefined);
    assert.ok(Date.now() - asked >= 3_000, `only after the timeout: ${Date.now() - asked} ms`);
    await eventually('the event is told', async () =>
      (await bed.events('left')).some(one => one.reason === 'FinalizerTimedOut' && one.type === 'Warning'),
    );
    await bed.postgres.restart();
    assert.ok(await bed.job('left'));
    await eventually('the orphan is deleted', async () => (await bed.job('left')) === undefined, 60_000);
  });

  it('carries out what was asked for while the database was away', async () => {
    await bed.postgres.crash();
    await bed.patch('edited', { spec: { schedule: '3 3 * * *' } });
    await bed.create('late', {});
    const tried = new RegExp(`"job":"${bed.namespace}/edited","wait":\\d+,"reason":"the database`);
    await eventually('it has tried', () => tried.test(operator.program.output));
    await eventually('it is not ready', async () => !(await operator.state()).ready);
    assert.equal((await operator.state()).leading, true);
    assert.deepEqual(await schedule('late'), undefined);
    await bed.postgres.restart();
    await bed.ready('late', 'True', 'Applied', 60_000);
    await eventually('the edit is published', async () => (await schedule('edited')) === '3 3 * * *', 60_000);
    assert.ok(operator.program.running);
  });

  it('goes on when Consul was away', async () => {
    await bed.consul.kill9();
    await bed.patch('edited', { spec: { schedule: '4 4 * * *' } });
    await eventually('it has noticed', async () => !(await operator.state()).leading, 60_000);
    await bed.consul.restart({ empty: false });
    await eventually(
      'the edit is stored',
      async () => (await bed.job('edited'))?.spec.schedule === '4 4 * * *',
      60_000,
    );
    await operator.leads();
  });

  it('hands over to another when the leader is killed', async () => {
    const second = await bed.start({ resyncSeconds: 5, finalizerTimeoutSeconds: 4 });
    await bed.patch('edited', { spec: { schedule: '5 5 * * *' } });
    await eventually('the leader works', async () => (await bed.job('edited'))?.spec.schedule === '5 5 * * *');
    assert.deepEqual([(await operator.state()).leading, (await second.state()).leading], [true, false]);
    assert.equal((await second.state()).ready, true, 'one that stands by is well');
    await operator.program.kill();
    await bed.patch('edited', { spec: { schedule: '6 6 * * *' } });
    await bed.delete('late');
    await eventually('the other works', async () => (await bed.job('edited'))?.spec.schedule === '6 6 * * *', 60_000);
    await gone('late');
    operator = second;
  });

  it('hands over at once when the leader is stopped', async () => {
    const next = await bed.start({ resyncSeconds: 5, finalizerTimeoutSeconds: 4 });
    assert.equal(await operator.program.stop(), 0);
    await bed.patch('edited', { spec: { schedule: '7 7 * * *' } });
    await eventually('the other works', async () => (await schedule('edited')) === '7 7 * * *', 5_000);
    operator = next;
  });

  it('hears of changes after its connections to the API server were cut', async () => {
    assert.equal(await operator.program.stop(), 0);
    const server = new URL(bed.connection.server);
    const proxy = await TcpProxy.open({ host: server.hostname, port: Number(server.port) });
    const kubeconfig = join(bed.folder, 'proxied.kubeconfig');
    const text = readFileSync(process.env.KUBECONFIG ?? '', 'utf8');
    writeFileSync(kubeconfig, text.replace(bed.connection.server, `https://127.0.0.1:${proxy.port}`));
    try {
      // No resync may hide that the watch stands still.
      operator = await bed.start({ kubeconfig, resyncSeconds: 3_600 });
      await operator.leads();
      await bed.create('cut', { schedule: '1 1 * * *' });
      await eventually('it works through the proxy', async () => (await schedule('cut')) === '1 1 * * *');
      const accepted = proxy.accepted;
      for (const minute of [2, 3, 4]) {
        proxy.cut();
        await bed.patch('cut', { spec: { schedule: `${minute} 1 * * *` } });
        await eventually('the edit is heard of', async () => (await schedule('cut')) === `${minute} 1 * * *`, 10_000);
      }
      proxy.refuse(true);
      await bed.patch('cut', { spec: { schedule: '5 1 * * *' } });
      await bed.create('born-meanwhile', {});
      await eventually('it says so', async () =>
        (await operator.state()).reasons.some(one => /Kubernetes API/.test(one)),
      );
      proxy.refuse(false);
      await eventually('the edit is heard of', async () => (await schedule('cut')) === '5 1 * * *');
      await eventually('and the new one', async () => (await schedule('born-meanwhile')) !== undefined);
      const { ready } = await operator.state();
      assert.equal(ready, true);
      assert.match(await operator.metrics(), /cronmesh_operator_watch_restarts_total\{reason="error"\} [1-9]/);
      assert.ok(proxy.accepted - accepted < 60, `${proxy.accepted - accepted} connections: they are kept`);
    } finally {
      await operator.program.stop();
      await proxy.close();
    }
  });
});
