import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { newJob } from '../../../test/conformance/store/fixtures.ts';
import { type PostgresServer, postgresSkip, startPostgres } from '../../../test/support/postgres.ts';
import type { Store } from '../store.ts';
import { openPostgresStore } from './postgres.ts';

const away = { code: 'Unavailable', retryable: true };
const connectTimeout = 500;
/** These stop and crash the server: one that others use is not theirs to stop. */
const skip =
  postgresSkip() ||
  (process.env.TEST_DATABASE_URL ? 'TEST_DATABASE_URL names a server that must not be stopped' : false);

describe('a PostgreSQL that fails', { skip }, () => {
  let server: PostgresServer;

  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  async function open(t: TestContext, url = server.url): Promise<Store> {
    const store = await openPostgresStore({ url, connectTimeout });
    t.after(() => store.close());
    return store;
  }

  it('lets one of several processes apply the migrations', async t => {
    const url = await server.createDatabase();
    const stores = await Promise.all([1, 2, 3].map(() => open(t, url)));
    const applied = await Promise.all(stores.map(store => store.migrate()));
    assert.equal(applied.filter(names => names.length > 0).length, 1);
  });

  it('is said to be away, and is used again when it is back', async t => {
    const store = await open(t);
    await store.migrate();
    const kept = await store.createJob(newJob());
    await server.crash();
    await assert.rejects(store.ping(), away);
    await assert.rejects(store.createJob(newJob()), away);
    await assert.rejects(store.migrate(), away);
    await server.restart();
    await store.ping();
    assert.deepEqual(await store.getJob(kept.namespace, kept.name), kept, 'what resolved has outlived the crash');
  });

  it('is given up within the time allowed when it has fallen silent', async t => {
    const store = await open(t);
    process.kill(server.pid, 'SIGSTOP');
    try {
      const begin = performance.now();
      await assert.rejects(store.ping(), away);
      await assert.rejects(store.createJob(newJob()), away);
      await assert.rejects(store.migrate(), away);
      assert.ok(performance.now() - begin < 20 * connectTimeout);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    await store.ping();
  });

  it('says what is missing', async t => {
    const bare = await open(t, await server.createDatabase());
    const noTables = { code: 'Unavailable', retryable: false, message: /run `cronmesh migrate`/ };
    await assert.rejects(bare.listJobs({ limit: 1 }), noTables);
    await assert.rejects(bare.getJob('default', 'x'), noTables);
    const nowhere = new URL(server.url);
    nowhere.pathname = '/nowhere';
    await assert.rejects((await open(t, nowhere.href)).ping(), {
      retryable: false,
      message: /"nowhere" does not exist/,
    });
  });
});
