import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubernetesSkip } from '../../../test/support/kubernetes.ts';
import { temporaryNamespace } from '../../../test/support/kubernetes-async.ts';
import { jobsOf, numbers, seen } from '../../../test/support/kubernetes-runs.ts';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { readProcess } from '../executors/shell/processes.ts';
import type { AttemptMessage } from './protocol.ts';
import { kubernetesRequest, shellRequest } from './testing/requests.ts';
import { startWorker } from './testing/stand-in.ts';

const options = { skip: kubernetesSkip(), timeout: 120_000 };

/** About 50 lines a second for 10 s. */
const talking = 'i=1; while [ $i -le 500 ]; do echo $i; i=$((i+1)); sleep 0.015; done';

const printedIn = (messages: readonly AttemptMessage[]): string =>
  messages.map(one => (one.type === 'output' && one.stream === 'stdout' ? one.text : '')).join('');

test('a worker dies by kill -9: its Job goes on, and the next worker’s supervisor adopts it', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const request = kubernetesRequest(talking, { namespace, exclusive: true, atOnce: 1 });
  const orders = { lease: 20_000, kubernetes: true };
  const first = await startWorker(t, { ...orders, directory: temporaryDirectory(t), requests: [request] });
  await seen(async () => printedIn(first.messages).includes('\n50\n'));
  const { supervisorPid } = first;
  first.child.kill('SIGKILL');
  await seen(async () => readProcess(supervisorPid) === undefined);

  const [job] = await jobsOf(request);
  assert.ok(job, 'its Job is there');
  assert.ok(job.metadata.annotations?.['cronmesh.io/output'], 'its supervisor has noted how far it came');
  const adopted = { ...request, handovers: 1 };
  const second = await startWorker(t, { ...orders, directory: temporaryDirectory(t), requests: [adopted] });
  await seen(async () => second.find(request, 'finished') !== undefined);
  assert.deepEqual(await second.finished(request), { outcome: 'Succeeded', exitCode: 0 });
  // What the first supervisor passed on after its worker's death is lost with the worker, and nothing is there twice.
  const [before, after] = [printedIn(first.messages), printedIn(second.messages)];
  assert.ok(numbers(500).startsWith(before) && numbers(500).endsWith(after), `${before.length} and ${after.length}`);
  assert.ok(before.length + after.length <= numbers(500).length);
  assert.equal((await jobsOf(request)).length, 1);
});

test('the environment of the API reaches the supervisor and no process of a job', options, async t => {
  const request = shellRequest('env | grep -c KUBE; echo end');
  const worker = await startWorker(t, {
    lease: 20_000,
    kubernetes: true,
    directory: temporaryDirectory(t),
    requests: [request],
  });
  assert.equal((await worker.finished(request))?.outcome, 'Succeeded');
  assert.equal(printedIn(worker.messages), '0\nend\n');
});
