import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunId } from '../domain/run/run.ts';
import { traceparent } from './trace-context.ts';

test('a run is one trace, each attempt a span of its own, and both are the same for everybody who knows their names', () => {
  const [run, other] = ['k3v9-m1' as RunId, 'k3v9-m2' as RunId];
  const parts = (text: string) => /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(text)?.slice(1) ?? assert.fail(text);
  const [trace, span] = parts(traceparent(run, 1));
  const [again, second] = parts(traceparent(run, 2));
  assert.deepEqual([again, second === span], [trace, false]);
  assert.notEqual(parts(traceparent(other, 1))[0], trace);
  assert.equal(traceparent(run, 1), traceparent(run, 1));
});
