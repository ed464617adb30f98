import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunReference } from '../../../src/domain/run/report.ts';
import { type Findings, type Run, StaleTermError, type Store } from '../../../src/store/store.ts';
import { claimed, finished, minute, newName, output, referenceOf, start, started, worker } from './fixtures.ts';

const nothing: Findings = { skips: [], lost: [], expired: [], catchups: [], accounted: [] };
/** Far from the instants of other tests: they share the database. */
const era = start + 700 * 86_400_000;

export function retriesConformance(store: () => Store): void {
  const elect = () => store().nextTerm(newName('role'), 'master-1');
  const get = async (about: RunReference): Promise<Run> => {
    const run = await store().getRun(about.run);
    assert.ok(run);
    return run;
  };
  const ids = (runs: readonly { readonly id: string }[], about: RunReference) =>
    runs.filter(({ id }) => id === about.run).length;
  const end = async (about: RunReference, outcome: 'Failed' | 'Lost' | 'Succeeded' = 'Failed', exitCode = 75) => {
    await store().applyReports(worker, [claimed(about), started(about)], start);
    await store().applyReports(worker, [finished(about, { outcome, exitCode })], start + 1_000);
  };
  /** A run that waits for its second attempt. */
  const waiting = async (outcome: 'Failed' | 'Lost' = 'Failed', at = era) => {
    const about = referenceOf();
    await end(about, outcome);
    await store().decideRetries(await elect(), [{ run: await get(about), at }], start + 2_000);
    return about;
  };
  const ask = async (about: RunReference, now = era) => {
    const asked = [{ run: about.run, attempt: 1, deadline: era + minute }];
    await store().askForRetries(await elect(), { asked, dropped: [] }, now);
  };

  describe('retries', () => {
    it('are decided for what did not succeed, once', async () => {
      const [failed, fine] = [referenceOf(), referenceOf()];
      await end(failed);
      await end(fine, 'Succeeded', 0);
      const undecided = await store().undecidedRetries(100_000);
      assert.deepEqual([ids(undecided, failed), ids(undecided, fine)], [1, 0]);
      assert.equal((await get(failed)).retryDecided, undefined);
      await store().decideRetries(await elect(), [{ run: await get(failed) }], start);
      const run = await get(failed);
      assert.deepEqual([run.state, run.retryDecided, run.nextAttemptAt], ['Failed', true, undefined]);
      assert.equal(ids(await store().undecidedRetries(100_000), failed), 0);
      // Too late: it is final.
      await store().decideRetries(await elect(), [{ run, at: era }], start);
      assert.equal((await get(failed)).state, 'Failed');
    });

    it('make the run wait, and show how it ended', async () => {
      const about = await waiting();
      const run = await get(about);
      assert.deepEqual(
        [run.state, run.attempt, run.lastOutcome, run.nextAttemptAt, run.exitCode, run.finishedAt],
        ['Pending', 1, 'Failed', era, 75, start + 1_000],
      );
      assert.equal(ids(await store().pendingRuns(100_000), about), 0);
      assert.deepEqual(
        [ids(await store().dueRetries(era - 1, 100_000), about), ids(await store().dueRetries(era, 100_000), about)],
        [0, 1],
      );
      // The same reports once more change nothing.
      await end(about);
      assert.deepEqual(await get(about), run);
    });

    it('are asked for once their time has come, as pending runs of the next attempt', async () => {
      const about = await waiting();
      await ask(about, era + 5);
      const pending = (await store().pendingRuns(100_000)).find(({ id }) => id === about.run);
      assert.deepEqual(
        [pending?.attempt, pending?.trigger, pending?.requestedAt, pending?.deadline, pending?.published],
        [2, 'retry', era + 5, era + minute, false],
      );
      assert.equal(ids(await store().dueRetries(era + minute, 100_000), about), 0);
      const second = { ...about, attempt: 2, trigger: 'retry' as const };
      const token = '1099511627999';
      await store().applyReports(worker, [claimed(second, { fencingToken: token }), output(second, 0, 'b')], era);
      const run = await get(about);
      assert.deepEqual(
        [run.state, run.attempt, run.trigger, run.lastOutcome, run.nextAttemptAt, run.exitCode, run.finishedAt],
        ['Claimed', 2, 'tick', undefined, undefined, undefined, undefined],
      );
      await store().applyReports(worker, [finished(second, { outcome: 'Failed', exitCode: 3 })], era);
      assert.equal(ids(await store().undecidedRetries(100_000), about), 1);
      const lines = await store().runLogs(about.run, { after: 0, limit: 10, attempt: 2 });
      assert.deepEqual(
        lines.map(({ text }) => text),
        ['b'],
      );
    });

    it('are dropped with a word on why where there is one', async () => {
      const about = await waiting();
      const why = { reason: 'Replaced', message: 'a later run came before it' } as const;
      await store().askForRetries(await elect(), { asked: [], dropped: [{ run: about.run, attempt: 1, ...why }] }, era);
      const { state, reason, message } = await get(about);
      assert.deepEqual({ state, reason, message }, { state: 'Failed', ...why });
    });

    it('are dropped where the job wants them no more: the run ended as it did', async () => {
      const about = await waiting();
      await store().askForRetries(await elect(), { asked: [], dropped: [{ run: about.run, attempt: 1 }] }, era);
      const run = await get(about);
      assert.deepEqual([run.state, run.nextAttemptAt, run.retryDecided], ['Failed', undefined, true]);
      assert.equal(ids(await store().undecidedRetries(100_000), about), 0);
    });

    it('are withdrawn when the lost attempt tells its end before they are asked for', async () => {
      const about = await waiting('Lost');
      await store().applyReports(worker, [started(about)], start + 3_000);
      assert.equal((await get(about)).state, 'Pending');
      await store().applyReports(worker, [finished(about)], start + 3_000);
      const run = await get(about);
      assert.deepEqual([run.state, run.attempt, run.nextAttemptAt], ['Succeeded', 1, undefined]);
      await ask(about);
      assert.equal((await get(about)).state, 'Succeeded');
    });

    it('stand when the lost attempt tells its end too late', async () => {
      const about = await waiting('Lost');
      await ask(about);
      await store().applyReports(worker, [finished(about)], era);
      assert.equal((await get(about)).state, 'Pending');
      assert.equal(ids(await store().pendingRuns(100_000), about), 1);
    });

    it('that could not start leave the run as it ended, and say why', async () => {
      const about = await waiting();
      const expired = [{ run: about.run, reason: 'NoCapacity', message: 'no room' }] as const;
      await store().account(await elect(), { ...nothing, expired }, era);
      assert.equal((await get(about)).state, 'Pending', 'what waits does not expire');
      await ask(about);
      await store().account(await elect(), { ...nothing, expired }, era + minute);
      const run = await get(about);
      assert.deepEqual(
        [run.state, run.attempt, run.reason, run.message, run.finishedAt, run.retryDecided],
        ['Failed', 1, 'NoCapacity', 'attempt 2 was not started: no room', start + 1_000, true],
      );
    });

    it('are lost as attempts of their own, and an attempt that ended is not lost again', async () => {
      const about = await waiting();
      const lost = (attempt: number) => ({ ...about, attempt, worker, message: 'its worker went away' });
      await store().account(await elect(), { ...nothing, lost: [lost(1)] }, era);
      assert.deepEqual([(await get(about)).state, (await get(about)).attempt], ['Pending', 1]);
      await ask(about);
      await store().account(await elect(), { ...nothing, lost: [lost(1)] }, era);
      assert.equal((await get(about)).state, 'Pending');
      await store().account(await elect(), { ...nothing, lost: [lost(2)] }, era);
      const run = await get(about);
      assert.deepEqual(
        [run.state, run.attempt, run.exitCode, run.startedAt, run.retryDecided],
        ['Lost', 2, undefined, undefined, undefined],
      );
    });

    it('end with a kill while they wait, and not once they were asked for', async () => {
      const about = await waiting();
      const run = await get(about);
      assert.equal(await store().killWaiting(run, 'killed by ada', era), true);
      assert.deepEqual([(await get(about)).state, (await get(about)).message], ['Killed', 'killed by ada']);
      await ask(about);
      assert.equal((await get(about)).state, 'Killed');
      const late = await waiting();
      await ask(late);
      assert.equal(await store().killWaiting(await get(late), 'killed by ada', era), false);
      assert.equal((await get(late)).state, 'Pending');
    });

    it('are the newest leader’s alone', async () => {
      const about = referenceOf();
      await end(about);
      const old = await elect();
      await store().nextTerm(old.role, 'master-2');
      const run = await get(about);
      await assert.rejects(store().decideRetries(old, [{ run, at: era }], start), StaleTermError);
      await assert.rejects(store().askForRetries(old, { asked: [], dropped: [] }, start), StaleTermError);
      assert.deepEqual(await get(about), run);
    });

    it('are not forgotten with what ended long ago', async () => {
      const about = await waiting();
      await store().retain(await elect(), era, 100_000);
      assert.equal((await get(about)).state, 'Pending');
    });
  });
}
