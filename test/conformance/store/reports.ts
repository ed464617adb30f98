import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Report, RunReference } from '../../../src/domain/run/report.ts';
import { fencingToken, type WorkerId } from '../../../src/domain/run/run.ts';
import type { Run, Store } from '../../../src/store/store.ts';
import {
  claimed,
  finished,
  newName,
  newRun,
  output,
  progressed,
  referenceOf,
  referenceTo,
  skipped,
  start,
  started,
  worker,
} from './fixtures.ts';

export function reportsConformance(store: () => Store): void {
  const apply = (...reports: Report[]) => store().applyReports(worker, reports, start + 5_000);
  const runOf = async (about: RunReference): Promise<Run> => {
    const run = await store().getRun(about.run);
    assert.ok(run);
    return run;
  };

  describe('reports', () => {
    it('make a run from claim to end, one by one', async () => {
      const about = referenceOf();
      await apply(claimed(about));
      const { run: id, attempt, jobUid, namespace, name, tick, trigger } = about;
      const claim = { id, attempt, jobUid, namespace, name, tick, trigger, worker, revision: 1 };
      const first = {
        ...claim,
        state: 'Claimed',
        requestedAt: tick,
        claimedAt: start + 1,
        fencingToken: '1099511627777',
      };
      assert.deepEqual(await runOf(about), first);
      await apply(started(about));
      assert.deepEqual(await runOf(about), { ...first, state: 'Running', startedAt: start + 2 });
      await apply(finished(about, { outcome: 'Failed', exitCode: 3, message: 'exit code 3' }));
      const end = { state: 'Failed', finishedAt: start + 1_000, exitCode: 3, message: 'exit code 3' };
      assert.deepEqual(await runOf(about), { ...first, ...end, startedAt: start + 2 });
    });

    it('make the same run in one batch, and again when they come again', async () => {
      const [one, two] = [referenceOf(), referenceOf()];
      const reports = (about: RunReference) => [
        claimed(about),
        started(about),
        output(about, 0, 'a'),
        finished(about, { outcome: 'Killed', signal: 'SIGTERM', message: 'killed by ada' }),
      ];
      await apply(...reports(one), ...reports(two));
      for (const report of reports(two)) await apply(report);
      await apply(...reports(one));
      const outcome = ({ id, jobUid, name, ...rest }: Run) => rest;
      assert.deepEqual(outcome(await runOf(one)), outcome(await runOf(two)));
      assert.equal((await runOf(one)).signal, 'SIGTERM');
      assert.equal((await store().runLogs(one.run, { after: 0, limit: 10 })).length, 1);
    });

    it('keep the newest word on the progress of the newest attempt', async () => {
      const about = referenceOf();
      const progress = async () => {
        const { progress: percent, progressMessage, progressAt } = await runOf(about);
        return [percent, progressMessage, progressAt];
      };
      await apply(claimed(about), started(about));
      assert.deepEqual(await progress(), [undefined, undefined, undefined]);
      await apply(progressed(about, 10, start + 10, 'ten'), progressed(about, 12.5, start + 20, 'twelve\0'));
      assert.deepEqual(await progress(), [12.5, 'twelve\uFFFD', start + 20]);
      await apply(output(about, 0, 'a'));
      await apply(progressed(about, 40, start + 30));
      assert.deepEqual(await progress(), [40, undefined, start + 30]);
      await apply(progressed(about, 10, start + 10, 'ten'));
      assert.deepEqual(await progress(), [40, undefined, start + 30]);
      await apply(finished(about, { outcome: 'Failed' }));
      assert.deepEqual(await progress(), [40, undefined, start + 30]);
      const next = { ...about, attempt: 2 };
      await apply(claimed(next, { fencingToken: '1099511627778' }));
      assert.deepEqual(await progress(), [undefined, undefined, undefined]);
      await apply(progressed(next, 1, start + 5));
      assert.deepEqual(await progress(), [1, undefined, start + 5]);
    });

    it('keep the order of states whatever comes late', async () => {
      const about = referenceOf();
      await apply(claimed(about), started(about), finished(about));
      const done = await runOf(about);
      await apply(started(about, { at: start + 9_000 }));
      await apply(claimed(about, { at: start + 9_000 }));
      await apply(finished(about, { outcome: 'Failed', exitCode: 1 }));
      await apply(claimed(about), finished(about, { outcome: 'Lost' }));
      assert.deepEqual(await runOf(about), done);
    });

    it('take over a run that was asked for', async () => {
      const run = newRun();
      await store().createRun(run);
      await apply(claimed(referenceTo(run)));
      const taken = await runOf(referenceTo(run));
      assert.equal(taken.state, 'Claimed');
      assert.equal(taken.attempt, 1);
      assert.equal(taken.requestedAt, run.requestedAt);
      assert.deepEqual(
        (await store().pendingRuns(10_000)).filter(one => one.id === run.id),
        [],
      );
    });

    it('follow an attempt that was handed back unstarted and claimed by another worker', async () => {
      const about = referenceOf();
      await apply(claimed(about));
      const other = 'worker-2-x7a2' as WorkerId;
      const again = claimed(about, { at: start + 50, fencingToken: fencingToken(1, 900), revision: 2 });
      await store().applyReports(other, [again, started(about)], start + 60);
      await apply(claimed(about));
      const run = await runOf(about);
      assert.deepEqual([run.state, run.worker, run.claimedAt, run.revision], ['Running', other, start + 50, 2]);
      assert.equal(run.fencingToken, fencingToken(1, 900));
    });

    it('let a newer attempt go on after a failed one, and ignore the older one then', async () => {
      const about = referenceOf();
      await apply(claimed(about), started(about), finished(about, { outcome: 'Failed', exitCode: 1, message: 'no' }));
      const second = { ...about, attempt: 2 };
      await apply(claimed(second, { fencingToken: '1099511627999' }));
      const run = await runOf(about);
      assert.deepEqual(
        [run.state, run.attempt, run.startedAt, run.exitCode, run.message],
        ['Claimed', 2, undefined, undefined, undefined],
      );
      await apply(finished(about, { outcome: 'Succeeded' }));
      assert.equal((await runOf(about)).state, 'Claimed');
    });

    it('fold a batch with several attempts to what they mean one by one', async () => {
      const batches: ((about: RunReference) => Report[])[] = [
        about => [claimed(about), finished(about, { outcome: 'Failed' }), claimed({ ...about, attempt: 2 })],
        about => [claimed(about), finished(about), claimed({ ...about, attempt: 2 })],
        about => [finished(about, { outcome: 'Lost' }), finished(about), finished(about, { outcome: 'Failed' })],
        about => [started({ ...about, attempt: 2 }), finished(about), output(about, 1, 'late')],
        about => [finished(about), started(about), claimed(about)],
        about => [output(about, 0, 'first of all')],
        about => [
          claimed(about),
          claimed(about, { fencingToken: '5', at: 7 }),
          started(about),
          started(about, { at: 9 }),
        ],
      ];
      for (const batch of batches) {
        const [together, apart] = [referenceOf(), referenceOf()];
        await apply(...batch(together));
        for (const report of batch(apart)) await apply(report);
        const { id: _, jobUid: _uid, name: _name, ...one } = await runOf(together);
        const { id: _id, jobUid: _jobUid, name: _jobName, ...other } = await runOf(apart);
        assert.deepEqual(one, other);
      }
    });

    it('keep output in order, once, and every attempt apart', async () => {
      const about = referenceOf();
      await apply(claimed(about), output(about, 1, 'two\n'), output(about, 0, 'one\n'), output(about, 1, 'again'));
      await apply(output({ ...about, attempt: 2 }, 0, 'nul \0 and half \ud83d a pair'));
      const lines = await store().runLogs(about.run, { after: 0, limit: 10 });
      assert.deepEqual(
        lines.map(line => [line.attempt, line.sequence, line.text]),
        [
          [1, 0, 'one\n'],
          [1, 1, 'two\n'],
          [2, 0, 'nul \uFFFD and half \uFFFD a pair'],
        ],
      );
      const second = lines[1];
      assert.ok(second);
      const after = await store().runLogs(about.run, { after: second.id, limit: 10 });
      assert.deepEqual(after, lines.slice(2));
      assert.deepEqual(await store().runLogs(about.run, { after: 0, limit: 1, attempt: 2 }), lines.slice(2));
      assert.deepEqual(await store().runLogs(about.run, { after: lines[2]?.id ?? 0, limit: 1 }), []);
    });

    it('record a skipped range once for each reason', async () => {
      const name = newName();
      const skip = skipped({ name });
      await apply(skip, skip);
      await apply(skip, { ...skip, reason: 'Misfire' });
      const { type: _, at: _at, ...expected } = skip;
      const found = await store().listSkips({ name, limit: 10 });
      assert.deepEqual(found.map(one => one.reason).sort(), ['Misfire', 'StillRunning']);
      assert.deepEqual(
        found.find(one => one.reason === 'StillRunning'),
        { ...expected, recordedAt: start + 5_000 },
      );
    });

    it('come from several masters at once without harm', async () => {
      const abouts = Array.from({ length: 50 }, () => referenceOf());
      const all = abouts.flatMap(about => [claimed(about), started(about), finished(about)]);
      await Promise.all([apply(...all), apply(...all.toReversed()), apply(...all)]);
      const states = new Set((await store().getRuns(abouts.map(about => about.run))).map(run => run.state));
      assert.deepEqual([...states], ['Succeeded']);
    });

    it('take a thousand at once, and none', async () => {
      const abouts = Array.from({ length: 250 }, () => referenceOf());
      await apply(...abouts.flatMap(about => [claimed(about), started(about), output(about, 0, 'x'), finished(about)]));
      assert.equal((await store().getRuns(abouts.map(about => about.run))).length, 250);
      await apply();
    });
  });
}
