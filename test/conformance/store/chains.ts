import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobSpec } from '../../../src/domain/job/spec.ts';
import type { RunReference } from '../../../src/domain/run/report.ts';
import { memberRunId, type Outcome, type RunId, tickRunId } from '../../../src/domain/run/run.ts';
import type { ChangedRun, NewJob, Store, Term } from '../../../src/store/store.ts';
import { StaleTermError } from '../../../src/store/store.ts';
import {
  changeOf,
  claimed,
  finished,
  minute,
  newJob,
  newName,
  newRun,
  referenceTo,
  specOf,
  start,
  worker,
} from './fixtures.ts';

type After = NonNullable<JobSpec['after']>;

export function chainsConformance(store: () => Store): void {
  const elect = () => store().nextTerm(newName('role'), 'master-1');
  const jobAfter = async (names: readonly (string | After[number])[], changes: Partial<NewJob> = {}) => {
    const after = names.map(one => (typeof one === 'string' ? ({ job: one, outcome: 'Success' } as const) : one));
    const job = newJob({ spec: specOf({ schedule: '@manually', ...(after.length > 0 && { after }) }), ...changes });
    await store().createJob(job);
    return job;
  };
  /** A run of the job that ended at an instant, as the leader is told of it. */
  const end = async (
    job: NewJob,
    at: number,
    outcome: Outcome = 'Succeeded',
    about: Partial<RunReference> = {},
  ): Promise<ChangedRun> => {
    const run = newRun({ jobUid: job.uid, name: job.name, namespace: job.namespace });
    const reference = { ...referenceTo(run), ...about };
    await store().applyReports(worker, [claimed(reference), finished(reference, { outcome, at })], at);
    const term = await elect();
    const undecided = (await store().undecidedRetries(1_000)).filter(({ id }) => id === reference.run);
    await store().decideRetries(
      term,
      undecided.map(one => ({ run: one })),
      at,
    );
    const row = await store().getRun(reference.run);
    assert.ok(row);
    return { ...row, changedAt: at };
  };
  const fresh = async ({ id }: Pick<ChangedRun, 'id'>) => {
    const run = await store().getRun(id);
    assert.ok(run);
    return run;
  };
  const follow = (term: Term, ended: readonly ChangedRun[], now: number) =>
    store().followEnds(term, ended, now, run => [run]);

  describe('chains: cycles', () => {
    it('are refused at create and update with the path, and nothing is written', async () => {
      const [a, b, c] = [newName('a'), newName('b'), newName('c')];
      const first = await jobAfter([], { name: a });
      await jobAfter([a], { name: b });
      await jobAfter([b], { name: c });
      const closing = changeOf(first, { spec: specOf({ after: [{ job: c, outcome: 'Always' }] }) });
      await assert.rejects(store().updateJob(closing), {
        code: 'InvalidInput',
        message: `after: ${a} → ${b} → ${c} → ${a} is a cycle`,
      });
      assert.equal((await store().getJob('default', a))?.revision, 1);
      await assert.rejects(
        jobAfter([b], { name: b.concat('-self'), spec: specOf({ after: [{ job: `${b}-self`, outcome: 'Success' }] }) }),
        {
          message: `after: ${b}-self → ${b}-self is a cycle`,
        },
      );
      assert.equal(await store().getJob('default', `${b}-self`), undefined);
    });

    it('are seen through a job that is made later, and through none of another namespace', async () => {
      const [a, b] = [newName('a'), newName('b')];
      await jobAfter([b], { name: a });
      await assert.rejects(jobAfter([a], { name: b }), { message: `after: ${b} → ${a} → ${b} is a cycle` });
      const other = newName('ns');
      await jobAfter([a], { name: b, namespace: other });
      const [link] = (await store().chainLinks({ uid: newJob().uid, namespace: other, name: a })).downstreams;
      assert.equal(link?.job, b);
    });

    it('are not made by edits at the same time: one of them is refused', async () => {
      for (let round = 0; round < 5; round++) {
        const [a, b] = [await jobAfter([]), await jobAfter([])];
        const edits = await Promise.allSettled([
          store().updateJob(changeOf(a, { spec: specOf({ after: [{ job: b.name, outcome: 'Success' }] }) })),
          store().updateJob(changeOf(b, { spec: specOf({ after: [{ job: a.name, outcome: 'Success' }] }) })),
        ]);
        assert.deepEqual(edits.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
        const [refused] = edits.filter(one => one.status === 'rejected');
        assert.match(String(refused?.reason), /is a cycle/);
      }
    });

    it('may be given up by an edit, and a wide net is looked through once', async () => {
      const [a, b] = [await jobAfter([]), newName('b')];
      const second = await jobAfter([a.name], { name: b });
      await store().updateJob(changeOf(second, { spec: specOf() }));
      await store().updateJob(changeOf(a, { spec: specOf({ after: [{ job: b, outcome: 'Success' }] }) }));
      // 12 layers of 4 jobs, each after all of the layer before: 4^12 paths.
      let layer: string[] = [];
      for (let depth = 0; depth < 12; depth++) {
        const names = Array.from({ length: 4 }, () => newName('net'));
        for (const name of names) await jobAfter(layer, { name });
        layer = names;
      }
    });
  });

  describe('chains: links', () => {
    it('show upstreams in their order, missing ones too, and what comes after', async () => {
      const [here, missing] = [await jobAfter([]), newName('missing')];
      const job = await jobAfter([{ job: missing, outcome: 'Always' }, here.name]);
      assert.deepEqual(await store().chainLinks(job), {
        upstreams: [
          { job: missing, outcome: 'Always', exists: false },
          { job: here.name, outcome: 'Success', exists: true },
        ],
        downstreams: [],
      });
      assert.deepEqual((await store().chainLinks(here)).downstreams, [
        { job: job.name, outcome: 'Success', exists: true },
      ]);
      await store().deleteJob(job.uid, start + minute);
      assert.deepEqual((await store().chainLinks(here)).downstreams, []);
    });
  });

  describe('chains: joins', () => {
    it('make one run once all have ended, linked to theirs, however often that is told', async () => {
      const term = await elect();
      const [a, b] = [await jobAfter([]), await jobAfter([])];
      const job = await jobAfter([a.name, b.name]);
      const [first, second] = [await end(a, start + 1_000), await end(b, start + 2_000)];
      assert.deepEqual(await follow(term, [first], start + 3_000), []);
      assert.deepEqual((await store().chainLinks(job)).upstreams[0]?.arrived, {
        run: first.id,
        state: 'Succeeded',
        at: start + 1_000,
      });
      const [made, ...more] = await follow(term, [second], start + 4_000);
      assert.ok(made);
      assert.deepEqual(more, []);
      assert.match(made.id, /^[a-z0-9]{16}-c-[a-z0-9]{20}$/);
      assert.deepEqual(
        [made.state, made.trigger, made.requestedAt, made.upstream, made.chain],
        ['Pending', 'chain', start + 4_000, [first.id, second.id], first.id],
      );
      const [pending] = (await store().pendingRuns(10_000)).filter(({ id }) => id === made.id);
      assert.deepEqual([pending?.deadline, pending?.attempt], [start + 4_000 + 5 * minute, 1]);
      assert.equal((await store().getRun(first.id))?.chain, first.id);
      // A new leader tells the last ones again, alone and together.
      const later = await elect();
      for (const again of [[first], [second], [second, first], [first, second]])
        assert.deepEqual(await follow(later, again, start + 9_000), []);
      assert.equal((await store().chainLinks(job)).upstreams[0]?.arrived, undefined);
      assert.deepEqual(
        (await store().chainOf(await fresh(second), 10)).map(({ id }) => id).sort(),
        [first.id, made.id, second.id].sort(),
      );
    });

    it('belong to their term', async () => {
      const old = await elect();
      const a = await jobAfter([]);
      const job = await jobAfter([a.name]);
      const ended = await end(a, start + 1_000);
      await store().nextTerm(old.role, 'master-2');
      await assert.rejects(follow(old, [ended], start + 2_000), StaleTermError);
      assert.equal((await store().listRuns({ namespace: 'default', name: job.name, limit: 1 })).items.length, 0);
    });

    it('end as Skipped where an end is another than asked for, and that goes on only to Always', async () => {
      const term = await elect();
      const extract = await jobAfter([]);
      const load = await jobAfter([extract.name]);
      const alarm = await jobAfter([{ job: extract.name, outcome: 'Failure' }]);
      const tidy = await jobAfter([{ job: load.name, outcome: 'Always' }]);
      const report = await jobAfter([load.name]);
      const made = await follow(term, [await end(extract, start + 1_000, 'Failed')], start + 2_000);
      const of = (job: NewJob) => made.find(({ name }) => name === job.name);
      assert.deepEqual([of(alarm)?.state, made.length], ['Pending', 2]);
      const skipped = of(load);
      assert.deepEqual(
        [skipped?.state, skipped?.reason, skipped?.message, skipped?.finishedAt],
        ['Skipped', 'Upstream', `${extract.name} ended as Failed, asked for is Success`, start + 2_000],
      );
      const ended = await store().runsEndedAfter({ changedAt: start, id: '' }, 100, [load.uid]);
      assert.deepEqual(
        ended.map(({ id }) => id),
        [skipped?.id],
      );
      const next = await follow(term, ended, start + 3_000);
      assert.deepEqual(
        next.map(({ name, state }) => [name, state]).sort(),
        [
          [report.name, 'Skipped'],
          [tidy.name, 'Pending'],
        ].sort(),
      );
      assert.ok(next.every(({ chain }) => chain === skipped?.chain));
    });

    it('take Killed as a failure', async () => {
      const term = await elect();
      const a = await jobAfter([]);
      await jobAfter([{ job: a.name, outcome: 'Failure' }]);
      const [made] = await follow(term, [await end(a, start + 1_000, 'Killed')], start + 2_000);
      assert.equal(made?.state, 'Pending');
    });

    it('take the later end of an upstream when the others are not there yet, and a settled loss as it was settled', async () => {
      const term = await elect();
      const [a, b] = [await jobAfter([]), await jobAfter([])];
      await jobAfter([a.name, b.name]);
      const ends = [
        await end(a, start + 1_000, 'Failed'),
        await end(a, start + 2_000, 'Lost'),
        await end(b, start + 3_000),
      ];
      assert.deepEqual(await follow(term, ends.slice(0, 2), start + 4_000), []);
      const [, lost, last] = ends;
      assert.ok(lost && last);
      assert.deepEqual(
        await follow(term, [{ ...lost, state: 'Succeeded', changedAt: start + 5_000 }], start + 5_000),
        [],
      );
      // Settled in the rows that are read, not in what is told: the whole is judged by what is told of a run alone.
      const [made] = await follow(term, [last], start + 6_000);
      assert.deepEqual([made?.state, made?.upstream], ['Pending', [lost.id, last.id]]);
      // What had been replaced does not come back.
      assert.deepEqual(await follow(term, ends, start + 7_000), []);
    });

    it('count no end of before the edge, nor of another job of the name', async () => {
      const term = await elect();
      const a = await jobAfter([]);
      const old = await end(a, start - 1_000);
      const job = await jobAfter([a.name]);
      assert.deepEqual(await follow(term, [old], start + 1_000), []);
      const ended = await end(a, start + 2_000);
      await store().deleteJob(a.uid, start + 3_000);
      await jobAfter([], { name: a.name, now: start + 3_000 });
      assert.deepEqual(await follow(term, [ended], start + 4_000), []);
      // The same by an edit of `after`, and for a job that was made again.
      const [b, c] = [await jobAfter([]), await jobAfter([])];
      const both = {
        after: [
          { job: b.name, outcome: 'Success' },
          { job: c.name, outcome: 'Success' },
        ],
      } as const;
      const join = await jobAfter([b.name]);
      await store().updateJob(changeOf(join, { spec: specOf({ after: [...both.after] }) }));
      const first = await end(b, start + 2 * minute);
      assert.deepEqual(await follow(term, [first], start + 2 * minute), []);
      const edited = specOf({ after: [{ job: c.name, outcome: 'Always' }, both.after[0]] });
      await store().updateJob(changeOf(join, { revision: 2, spec: edited, now: start + 3 * minute }));
      assert.deepEqual(await follow(term, [first, await end(c, start + 4 * minute)], start + 4 * minute), []);
      await store().deleteJob(join.uid, start + 5 * minute);
      await jobAfter([b.name, c.name], { name: join.name, now: start + 5 * minute });
      assert.deepEqual(await follow(term, [await end(b, start + 6 * minute)], start + 6 * minute), []);
      assert.equal((await store().listRuns({ namespace: 'default', name: job.name, limit: 1 })).items.length, 0);
    });

    it('are skipped for a suspended and for a paused job', async () => {
      const term = await elect();
      const a = await jobAfter([]);
      const after: After = [{ job: a.name, outcome: 'Success' }];
      const suspended = await jobAfter([], { spec: specOf({ suspend: true, after }) });
      const paused = await jobAfter([], { spec: specOf({ maxRuns: 1, after }) });
      const limit = { uid: paused.uid, countsFrom: start, detail: 'it has had its 1 runs (maxRuns)' };
      await store().pauseAtLimit(term, [limit], start + 500);
      const made = await follow(term, [await end(a, start + 1_000)], start + 2_000);
      const of = (job: NewJob) => made.find(({ name }) => name === job.name);
      assert.deepEqual([of(suspended)?.reason, of(suspended)?.message], ['Suspended', 'the job was suspended']);
      assert.deepEqual([of(paused)?.reason, of(paused)?.message], ['RunLimit', `paused: ${limit.detail}`]);
    });

    it('wait for every member of a whole, and succeed when all did', async () => {
      const term = await elect();
      const wide = await jobAfter([]);
      await jobAfter([wide.name]);
      const members = async (tick: number, outcomes: readonly Outcome[]): Promise<readonly ChangedRun[]> => {
        const whole = tickRunId(wide.uid, tick);
        const ended: ChangedRun[] = [];
        for (const [index, outcome] of outcomes.entries()) {
          const member = { index, count: 3 };
          ended.push(
            await end(wide, tick + 1_000 + index, outcome, {
              run: memberRunId(whole, index),
              tick,
              trigger: 'tick',
              member,
            }),
          );
        }
        return ended;
      };
      const two = await members(start + minute, ['Succeeded', 'Succeeded']);
      assert.deepEqual(await follow(term, two, start + 2 * minute), []);
      const whole = tickRunId(wide.uid, start + minute);
      const member = { index: 2, count: 3 };
      const third = await end(wide, start + 2 * minute, 'Succeeded', {
        run: memberRunId(whole, 2),
        tick: start + minute,
        trigger: 'tick',
        member,
      });
      const [made] = await follow(term, [third], start + 2 * minute);
      assert.deepEqual([made?.state, made?.upstream], ['Pending', [0, 1, 2].map(i => memberRunId(whole, i))]);
      for (const one of made?.upstream ?? []) assert.equal((await store().getRun(one))?.chain, made?.chain);
      const all = await members(start + 3 * minute, ['Succeeded', 'Failed', 'Succeeded']);
      const [skipped, ...more] = await follow(term, all, start + 4 * minute);
      assert.deepEqual([skipped?.reason, more.length], ['Upstream', 0]);
      assert.deepEqual(await follow(term, all.slice(1), start + 5 * minute), []);
    });

    it('join chains: the first of them is the run’s, and all are shown', async () => {
      const term = await elect();
      const [x, y] = [await jobAfter([]), await jobAfter([])];
      const [left, right] = [await jobAfter([x.name]), await jobAfter([y.name])];
      const both = await jobAfter([left.name, right.name]);
      const [rootX, rootY] = [await end(x, start + 1_000), await end(y, start + 2_000)];
      const made = await follow(term, [rootX, rootY], start + 3_000);
      const done: ChangedRun[] = [];
      for (const [i, run] of made.entries()) {
        const job = run.name === left.name ? left : right;
        done.push(await end(job, start + 4_000 + i, 'Succeeded', { run: run.id as RunId, trigger: 'chain' }));
      }
      const [last] = await follow(term, done, start + 5_000);
      assert.deepEqual([last?.name, last?.chain], [both.name, rootX.id]);
      const shown = await store().chainOf(await fresh(last ?? rootX), 100);
      assert.deepEqual(shown.at(-1)?.id, last?.id);
      assert.equal(shown.length, 5);
      assert.equal((await store().chainOf(await fresh(rootX), 100)).length, 5);
    });

    it('forget what was used up with history, and keep what waits', async () => {
      const term = await elect();
      const [a, b] = [await jobAfter([]), await jobAfter([])];
      const job = await jobAfter([a.name, b.name]);
      await follow(term, [await end(a, start + 1_000)], start + 2_000);
      await store().retain(term, start + minute, 1_000);
      assert.ok((await store().chainLinks(job)).upstreams[0]?.arrived);
      assert.equal((await follow(term, [await end(b, start + 3_000)], start + 4_000)).length, 1);
    });
  });
}
