import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { documentedFields, loggedFields } from '../support/log-fields.ts';

describe('docs/logs.md', () => {
  it('has every field that the sources write to the log', () => {
    const known = documentedFields();
    const logged = loggedFields();
    assert.ok(logged.length > 150);
    const missing = logged.filter(({ field }) => !known.has(field)).map(({ file, field }) => `${field} (${file})`);
    assert.deepEqual(missing, []);
  });

  it('calls a run `run`, a job `job`, a worker `worker`: no other name for the same', () => {
    const wrong = /^(runId|run_id|jobId|jobName|workerId|workerName|trace_id|traceID|error|message|ns)$/;
    assert.deepEqual(
      loggedFields().filter(({ field }) => wrong.test(field)),
      [],
    );
  });
});
