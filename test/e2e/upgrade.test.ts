import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { cronmesh } from '../support/cli.ts';
import { Cluster } from '../support/cluster.ts';
import { consulSkip } from '../support/consul.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import type { RunView } from '../support/rest.ts';

const skip = consulSkip() || postgresSkip();

describe('masters of two releases on one database', { skip }, () => {
  let cluster: Cluster;

  const sql = async (text: string): Promise<void> => {
    const client = new pg.Client(cluster.postgres.url);
    await client.connect();
    await client.query(text);
    await client.end();
  };
  /** As a newer program's migration leaves it. */
  const applied = (name: string): string =>
    `INSERT INTO "_prisma_migrations" (id, checksum, migration_name, finished_at, applied_steps_count)
     VALUES ('${name.padEnd(36).slice(0, 36)}', 'x', '${name}', now(), 1)`;
  const goesOn = async (master: number): Promise<void> => {
    const since = Date.now();
    await eventually(
      'runs are recorded',
      async () => {
        const path = '/api/v1/namespaces/default/jobs/a/runs?state=Succeeded&limit=5';
        const { items } = await cluster.rest(master).get<{ items: RunView[] }>(path);
        return items.some(({ tick }) => Date.parse(tick ?? '') > since);
      },
      60_000,
    );
  };

  before(async () => {
    cluster = await Cluster.start({ masters: 2, workers: 1 });
    await cluster.rest().post('/api/v1/namespaces/default/jobs', {
      metadata: { name: 'a' },
      spec: { schedule: '* * * * * *', executor: { shell: { command: 'true' } } },
    });
    await goesOn(0);
  });
  after(() => cluster?.stop());

  it('the older one goes on while a newer one adds to the schema, and after a restart; it says so', async () => {
    await sql(`ALTER TABLE run ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'; ALTER TABLE job ADD COLUMN size INT;
      CREATE TABLE later (id TEXT PRIMARY KEY); ${applied('20991231000000_colours')}`);
    await goesOn(0);
    await cluster.masters[1]?.program.stop();
    cluster.restart('master', 1);
    await eventually('it is ready', async () => (await cluster.rest(1).request('GET', '/readyz')).ok, 60_000);
    assert.match(cluster.masters[1]?.program.output ?? '', /20991231000000_colours.*newer Cronmesh/);
    await cluster.rest(1).json(
      'PUT',
      '/api/v1/namespaces/default/jobs/b',
      {
        metadata: { name: 'b' },
        spec: { schedule: '@manually', executor: { shell: { command: 'true' } } },
      },
      { 'if-none-match': '*' },
    );
    await goesOn(1);
  });

  it('migrate names what it does not know, and has nothing to do', async () => {
    const { status, stdout } = await cronmesh(['migrate'], { env: { DATABASE_URL: cluster.postgres.url } });
    assert.equal(status, 0);
    assert.equal(
      stdout,
      "the database is up to date\nthe database is a newer Cronmesh's: it has 20991231000000_colours\n",
    );
  });

  it('the older one refuses to start, in one line, once a newer one has taken something away', async () => {
    await sql(applied('20991231000001_colours_contract'));
    await cluster.masters[1]?.program.stop();
    cluster.restart('master', 1);
    assert.equal(await cluster.masters[1]?.program.exited, 2);
    const told = cluster.masters[1]?.program.output ?? '';
    assert.match(
      told,
      /cronmesh: the database cannot be used: it has the migration 20991231000001_colours_contract, which this program does not know: run a newer Cronmesh\n/,
    );
    await goesOn(0);
  });
});
