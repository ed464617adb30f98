import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubernetesSkip } from '../../../../test/support/kubernetes.ts';
import { temporaryNamespace } from '../../../../test/support/kubernetes-async.ts';
import { newExecutor, run } from '../../../../test/support/kubernetes-runs.ts';
import { kubernetesRequest } from '../../supervisor/testing/requests.ts';
import { withProgressLines } from './lines.ts';

test('a pod tells its progress on its output', { skip: kubernetesSkip(), timeout: 120_000 }, async t => {
  const namespace = await temporaryNamespace('modules-progress', t);
  const request = kubernetesRequest('echo "::progress 10 begun"; sleep 1; echo "::progress 90%"', { namespace });
  const { result, steps, texts } = run(withProgressLines(newExecutor()), request);
  assert.equal((await result).outcome, 'Succeeded');
  assert.deepEqual(steps, [[10, 'begun'], [90]]);
  assert.equal(texts.stdout, '::progress 10 begun\n::progress 90%\n');
});
