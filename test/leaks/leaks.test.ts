import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { consulSkip } from '../support/consul.ts';
import { postgresSkip } from '../support/postgres.ts';
import { coarse, leakTest } from './run.ts';

describe('churn of jobs, runs, followers, connections and processes', { skip: consulSkip() || postgresSkip() }, () => {
  it('leaves nothing behind, and nothing runs away (75 s; the long form is npm run test:leaks)', async t => {
    const report = await leakTest({
      minutes: 1.25,
      everySeconds: 5,
      warmUp: 0.3,
      allowances: coarse,
      say: line => t.diagnostic(line),
    });
    const growing = report.verdicts.filter(one => one.grows);
    assert.deepEqual(growing, [], 'these grow');
    assert.deepEqual(report.leftKeys, [], 'these keys have no owner');
    assert.ok(report.actions > 30, `only ${report.actions} actions were done`);
    assert.ok(report.actions > 2 * report.failures, `${report.failures} failed beside ${report.actions}`);
  });
});
