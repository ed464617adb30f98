import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BackupHeader, BackupOptions, BackupRow, RestoreOptions } from '../../../src/store/backup.ts';
import type { Store } from '../../../src/store/store.ts';
import {
  changeOf,
  claimed,
  finished,
  minute,
  newJob,
  newName,
  newRun,
  output,
  referenceOf,
  referenceTo,
  specOf,
  start,
  started,
  worker,
} from './fixtures.ts';

/** All of a backup at once: small ones only. */
interface Held {
  readonly header: BackupHeader;
  readonly rows: readonly BackupRow[];
}

export function backupsConformance(store: () => Store): void {
  const backUp = async (options: BackupOptions): Promise<Held> => {
    const rows: BackupRow[] = [];
    let header: BackupHeader | undefined;
    await store().exportBackup(options, {
      begin: async begun => {
        header = { ...begun, program: '0.0.0' };
      },
      row: async row => {
        rows.push(row);
      },
    });
    assert.ok(header);
    return { header, rows };
  };
  const restore = (held: Held, options: Partial<RestoreOptions> & Pick<RestoreOptions, 'now'>) => {
    async function* each() {
      yield* held.rows;
    }
    return store().restoreBackup(held.header, each(), options);
  };
  /** A job whose first three ticks are: a success with output, still running, and nothing. */
  const lived = async (namespace: string, spec = specOf()) => {
    const job = newJob({ namespace, spec });
    await store().createJob(job);
    const { uid: jobUid, name } = job;
    const [first, second] = [1, 2].map(i => referenceOf({ jobUid, namespace, name, tick: start + i * minute }));
    assert.ok(first && second);
    const ended = [claimed(first), started(first), output(first, 0, 'a line'), finished(first)];
    await store().applyReports(worker, [...ended, claimed(second), started(second)], start + 2 * minute);
    return { job, first, second };
  };
  const now = start + 5 * minute;
  const { shell } = specOf().executor;
  assert.ok(shell);

  describe('backups', () => {
    it('bring a namespace back as it was, from now on', async () => {
      const namespace = newName('shop');
      const { job, first, second } = await lived(namespace);
      const other = newJob({ namespace: newName('other') });
      await store().createJob(other);
      const waiting = newRun({ jobUid: job.uid, namespace, name: job.name, requestedAt: now + minute });
      await store().createRun(waiting);
      const [before, run, lines] = await Promise.all([
        store().getJob(namespace, job.name),
        store().getRun(first.run),
        store().runLogs(first.run, { after: 0, limit: 10 }),
      ]);
      const held = await backUp({ namespace });
      await store().updateJob(changeOf(job, { spec: specOf({ schedule: '0 0 * * *' }) }));
      const late = newJob({ namespace });
      await store().createJob(late);

      const restored = await restore(held, { now, existing: 'replace' });
      assert.deepEqual([restored.written.job, restored.written.run, restored.closed, restored.unknown], [1, 3, 1, 1]);
      const after = await store().getJob(namespace, job.name);
      assert.deepEqual(after, { ...before, revision: 2, floor: now });
      assert.equal(await store().getJob(namespace, late.name), undefined);
      assert.ok(await store().getJob(other.namespace, other.name), 'what is not of the namespace stays');
      assert.deepEqual(await store().getRun(first.run), run);
      assert.deepEqual(await store().runLogs(first.run, { after: 0, limit: 10 }), lines);
      const lost = await store().getRun(second.run);
      assert.deepEqual([lost?.state, lost?.retryDecided, lost?.nextAttemptAt], ['Lost', true, undefined]);
      assert.equal((await store().getRun(waiting.id))?.state, 'Pending', 'it is due later, and was not asked for yet');
      const published = (await store().pendingPublications(100_000)).filter(row => row.namespace === namespace);
      assert.deepEqual(published.map(({ name }) => name).sort(), [job.name, late.name].sort());
    });

    it('account for the ticks since, but for those with a run, and open a new spell at now', async () => {
      const namespace = newName('shop');
      const { job } = await lived(namespace);
      await restore(await backUp({ namespace }), { now, existing: 'replace' });
      const skips = await store().listSkips({ namespace, limit: 10 });
      const shown = skips.map(({ from, to, count, reason }) => ({ from, to, count, reason }));
      assert.deepEqual(shown, [{ from: start + 3 * minute, to: now, count: 3, reason: 'Restored' }]);
      assert.match(skips[0]?.detail ?? '', /restored at 2026-11-22T18:05:00Z from a backup of/);
      const spells = await store().spellsOf([job.uid]);
      const bounds = spells.map(({ floor, until, accountedUntil, anchor }) => [floor, until, accountedUntil, anchor]);
      assert.deepEqual(bounds, [
        [start, now, now, start],
        [now, undefined, now, start],
      ]);
    });

    it('carry what a database can not take apart: NUL in a command, and text of any kind', async () => {
      const namespace = newName('shop');
      const command = 'printf "a\\0b\0" "\\u0000" \ud83d\ude00 \'"\n\t';
      const job = newJob({
        namespace,
        spec: specOf({ executor: { shell: { ...shell, command } }, pauseAfterFailures: 3 }),
      });
      const { spec, labels, annotations } = await store().createJob({ ...job, annotations: { a: '\u2028"\\' } });
      await restore(await backUp({ namespace }), { now, existing: 'replace' });
      const after = await store().getJob(namespace, job.name);
      assert.deepEqual([after?.spec, after?.labels, after?.annotations], [spec, labels, annotations]);
    });

    it('say of a suspended job that it was suspended', async () => {
      const namespace = newName('shop');
      await store().createJob(newJob({ namespace, spec: specOf({ suspend: true }) }));
      await restore(await backUp({ namespace }), { now, existing: 'replace' });
      const skips = await store().listSkips({ namespace, limit: 10 });
      assert.deepEqual(
        skips.map(({ reason, count }) => [reason, count]),
        [['Suspended', 5]],
      );
    });

    it('try nothing of the past again, and let no chain follow it', async () => {
      const namespace = newName('shop');
      const { job, first } = await lived(
        namespace,
        specOf({ retry: { limit: 3, on: { outcomes: ['Lost', 'Failed'] } } as never }),
      );
      const failed = newRun({ jobUid: job.uid, namespace, name: job.name });
      await store().createRun(failed);
      const about = referenceTo(failed);
      await store().applyReports(worker, [claimed(about), finished(about, { outcome: 'Failed', exitCode: 1 })], now);
      const follower = newJob({ namespace, spec: specOf({ after: [{ job: job.name, outcome: 'Always' }] }) });
      await store().createJob(follower);
      await restore(await backUp({ namespace }), { now: now + 1, existing: 'replace' });
      const undecided = (await store().undecidedRetries(100_000)).filter(run => run.namespace === namespace);
      assert.deepEqual(undecided, []);
      assert.equal((await store().getRun(failed.id))?.state, 'Failed');
      const term = await store().nextTerm('leader', 'master-1');
      const end = await store().getRun(first.run);
      assert.ok(end);
      const made = await store().followEnds(term, [{ ...end, changedAt: now }], now + 2, run => [run]);
      assert.deepEqual(made, []);
    });

    it('depose whoever leads', async () => {
      const namespace = newName('shop');
      await lived(namespace);
      const term = await store().nextTerm('leader', 'master-1');
      await restore(await backUp({ namespace }), { now, existing: 'replace' });
      await assert.rejects(store().retain(term, 0, 1), { name: 'StaleTermError' });
      assert.ok((await store().nextTerm('leader', 'master-1')).term > term.term + 1);
    });

    it('keep history by range, and add to what is there', async () => {
      const namespace = newName('shop');
      const { job, first, second } = await lived(namespace);
      const held = await backUp({ namespace, history: { from: start, to: start + 2 * minute } });
      const of = (table: string) => held.rows.filter(row => row.table === table).length;
      assert.deepEqual([of('job'), of('run'), of('run_log'), of('run_archive'), of('skip')], [1, 1, 1, 1, 0]);
      assert.ok(!held.rows.some(row => row.table === 'epoch' || row.table === 'leader_term'));
      const none = await backUp({ namespace, history: false });
      assert.ok(!none.rows.some(row => ['run', 'run_log', 'run_archive', 'skip', 'backfill'].includes(row.table)));

      await restore(none, { now, existing: 'replace' });
      assert.deepEqual([await store().getRun(first.run), await store().getRun(second.run)], [undefined, undefined]);
      const edited = await store().updateJob({ ...changeOf(job, { now: now + minute }), revision: 2 });
      const again = await restore(held, { now: now + 2 * minute, existing: 'skip' });
      assert.deepEqual([again.written.job, again.kept.job, again.written.run, again.unknown], [0, 1, 1, 0]);
      assert.deepEqual(await store().getJob(namespace, job.name), edited);
      assert.equal((await store().getRun(first.run))?.state, 'Succeeded');
      assert.equal((await store().spellsOf([job.uid])).filter(spell => spell.until === undefined).length, 1);
    });

    it('know which output an archive has, and which it waits for', async () => {
      const namespace = newName('shop');
      const { job, first } = await lived(namespace);
      const waiting = newRun({ jobUid: job.uid, namespace, name: job.name });
      await store().createRun(waiting);
      const about = referenceTo(waiting);
      await store().applyReports(worker, [claimed(about), output(about, 0, 'not yet'), finished(about)], now);
      const term = await store().nextTerm(newName('role'), 'master-1');
      await store().noteArchived(term, [{ run: first.run, version: 1 }], now);
      const archived = await store().archivedOutput(first.run);
      assert.ok(archived);
      const held = await backUp({ namespace });
      await restore(await backUp({ namespace, history: false }), { now, existing: 'replace' });
      assert.equal(await store().archivedOutput(first.run), undefined, 'it went with its run');
      await restore(held, { now, existing: 'skip' });
      assert.deepEqual(await store().archivedOutput(first.run), archived);
      const asked = new Set((await store().awaitingArchive(10_000)).map(({ run }) => run));
      assert.deepEqual(
        [first.run, waiting.id].map(run => asked.has(run)),
        [false, true],
      );
    });

    it('refuse a database that is not empty, unless told', async () => {
      const namespace = newName('shop');
      const { job } = await lived(namespace);
      const before = await store().getJob(namespace, job.name);
      await assert.rejects(restore(await backUp({ namespace }), { now }), {
        code: 'Conflict',
        message: /the database is not empty \(\d+ jobs, and history\): --replace .*--skip-existing/,
      });
      assert.deepEqual(await store().getJob(namespace, job.name), before);
    });

    it('change nothing in a dry run, nor when a row is refused', async () => {
      const namespace = newName('shop');
      const { job, second } = await lived(namespace);
      const held = await backUp({ namespace });
      const tried = await restore(held, { now, existing: 'replace', dryRun: true });
      assert.deepEqual([tried.written.job, tried.written.run], [1, 2]);
      const broken = { ...held, rows: [...held.rows, { table: 'skip', json: '{"job_uid":null}' } as const] };
      await assert.rejects(restore(broken, { now, existing: 'replace' }), { code: 'Internal' });
      assert.equal((await store().getRun(second.run))?.state, 'Running');
      assert.equal((await store().getJob(namespace, job.name))?.revision, 1);
    });

    it('refuse what a newer program wrote', async () => {
      const held = await backUp({ namespace: newName('none') });
      const newer = { ...held, header: { ...held.header, schema: '20991231000000_later', program: '9.0.0' } };
      await assert.rejects(restore(newer, { now, existing: 'skip' }), {
        code: 'Conflict',
        message: /schema 20991231000000_later of Cronmesh 9\.0\.0.*newer Cronmesh/,
      });
      const columns = { ...held.header.columns, job: [...(held.header.columns.job ?? []), 'colour'] };
      const more = { ...held, header: { ...held.header, columns } };
      await assert.rejects(restore(more, { now, existing: 'skip' }), { code: 'Conflict', message: /column "colour"/ });
    });

    it('take in what an older program wrote: columns that came later have their defaults', async () => {
      const namespace = newName('shop');
      const { first } = await lived(namespace);
      const held = await backUp({ namespace });
      const late = ['former_workers', 'progress', 'progress_message', 'progress_at'];
      const { run_archive: _, run = [], ...others } = held.header.columns;
      const columns = { ...others, run: run.filter(one => !late.includes(one)) };
      const kept = held.rows.filter(({ table }) => table !== 'run_archive');
      const rows = kept.map(({ table, json }) => {
        const row = JSON.parse(json);
        if (table === 'run') for (const column of late) delete row[column];
        return { table, json: JSON.stringify(row) };
      });
      await restore({ header: { ...held.header, columns }, rows }, { now, existing: 'replace' });
      assert.equal((await store().getRun(first.run))?.state, 'Succeeded');
      const claim = (await store().runClaims([first.run])).get(first.run);
      assert.deepEqual(claim?.former, []);
    });
  });
}
