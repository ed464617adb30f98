import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Store } from '../../src/store/store.ts';
import { archiveConformance } from './store/archive.ts';
import { backfillsConformance } from './store/backfills.ts';
import { backupsConformance } from './store/backups.ts';
import { calendarsConformance } from './store/calendars.ts';
import { chainsConformance } from './store/chains.ts';
import { failingConformance } from './store/failing.ts';
import { freezesConformance } from './store/freezes.ts';
import { jobsConformance } from './store/jobs.ts';
import { leaderConformance } from './store/leader.ts';
import { membersConformance } from './store/members.ts';
import { notificationsConformance } from './store/notifications.ts';
import { pausesConformance } from './store/pauses.ts';
import { reportsConformance } from './store/reports.ts';
import { retriesConformance } from './store/retries.ts';
import { runChangesConformance } from './store/run-changes.ts';
import { runClaimsConformance } from './store/run-claims.ts';
import { runsConformance } from './store/runs.ts';

export interface OpenStore {
  readonly store: Store;
  /** Lets go of what is under the store, after it was closed. */
  readonly stop?: () => Promise<void>;
}

/**
 * What every store must do, one that was opened with `archive`. All tests share the one that `open` gives, on an empty database.
 *
 * @example storeConformance('PGlite', async () => ({ store: await openPgliteStore() }));
 */
export function storeConformance(name: string, open: () => Promise<OpenStore>, skip: string | false = false): void {
  describe(`store: ${name}`, { skip }, () => {
    let opened: OpenStore | undefined;
    const store = (): Store => {
      assert.ok(opened, 'the store is open');
      return opened.store;
    };

    before(async () => {
      opened = await open();
    });
    after(async () => {
      await opened?.store.close();
      await opened?.stop?.();
    });

    it('applies its migrations once, however many ask', async () => {
      const applied = await Promise.all([store().migrate(), store().migrate(), store().migrate()]);
      assert.ok(applied.flat().length > 0);
      assert.equal(new Set(applied.flat()).size, applied.flat().length);
      assert.deepEqual(await store().migrate(), []);
      await store().ping();
    });

    jobsConformance(store);
    calendarsConformance(store);
    reportsConformance(store);
    runClaimsConformance(store);
    runsConformance(store);
    runChangesConformance(store);
    leaderConformance(store);
    retriesConformance(store);
    freezesConformance(store);
    failingConformance(store);
    backfillsConformance(store);
    chainsConformance(store);
    pausesConformance(store);
    membersConformance(store);
    notificationsConformance(store);
    archiveConformance(store);
    backupsConformance(store);

    it('does not stand still under calls of every kind at once', async () => {
      const calls = Array.from({ length: 25 }, (_, i) => [
        store().nextTerm(`busy-${i % 3}`, 'master-1'),
        store().listJobs({ limit: 5 }),
        store().saveKeys([{ key: 'cron/busy', value: String(i), index: i }]),
        store()
          .nextTerm(`own-${i}`, 'master-1')
          .then(term => store().putEpoch(term, { number: 9, floor: 0, beat: i, at: 0 })),
      ]);
      await Promise.all(calls.flat());
      assert.equal((await store().getEpoch())?.beat, 24);
    });

    it('closes as often as asked, and says so afterwards', async () => {
      await store().close();
      await store().close();
      await assert.rejects(store().ping(), { code: 'Unavailable', retryable: false });
    });
  });
}
