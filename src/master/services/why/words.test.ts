import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { JobUid } from '../../../domain/job/job.ts';
import type { RunId, WorkerId } from '../../../domain/run/run.ts';
import type { Run } from '../../../store/store.ts';
import { runClause } from './words.ts';

it('tells a run between two attempts from one that waits for a worker', () => {
  const tick = Date.UTC(2026, 2, 1, 12);
  const run: Run = {
    id: 'a-1' as RunId,
    jobUid: 'a' as JobUid,
    namespace: 'default',
    name: 'a',
    trigger: 'tick',
    tick,
    state: 'Pending',
    attempt: 0,
    requestedAt: tick,
  };
  assert.equal(runClause(run, tick), 'it waits for a worker with room');
  const between: Run = {
    ...run,
    attempt: 1,
    worker: 'w-1' as WorkerId,
    exitCode: 75,
    lastOutcome: 'Failed',
    nextAttemptAt: tick + 90_000,
  };
  assert.equal(
    runClause(between, tick),
    'its attempt 1 ended as Failed on w-1 (exit 75); it waits for its attempt 2, due at 2026-03-01T12:01:30Z',
  );
});
