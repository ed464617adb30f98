import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Authority, opensslSkip } from '../../../test/support/certificates.ts';
import { type PostgresServer, postgresSkip, startPostgres } from '../../../test/support/postgres.ts';
import { openPostgresStore } from './index.ts';

describe('PostgreSQL by TLS alone', { skip: postgresSkip() || opensslSkip() }, () => {
  let authority: Authority;
  let other: Authority;
  let server: PostgresServer;

  before(async () => {
    [authority, other] = [new Authority(), new Authority('another CA')];
    const pair = authority.issue('database', { ip: ['127.0.0.1'] });
    server = await startPostgres({ tls: { ...pair, caFile: authority.caFile, password: 's3cret-word' } });
  });
  after(async () => {
    await server?.stop();
    for (const one of [authority, other]) one?.remove();
  });

  async function ping(url: URL, caFile?: string): Promise<string> {
    const store = await openPostgresStore({ url: url.href, ...(caFile !== undefined && { caFile }) });
    try {
      await store.migrate();
      await store.ping();
      return 'connected';
    } catch (error) {
      return (error as Error).message;
    } finally {
      await store.close();
    }
  }
  const bare = (): URL => {
    const url = new URL(server.url);
    url.search = '';
    return url;
  };

  it('connects with database.caFile, and with what the URL says by itself', async () => {
    assert.equal(await ping(bare(), authority.caFile), 'connected');
    assert.equal(await ping(new URL(server.url)), 'connected');
    const weak = bare();
    weak.searchParams.set('sslmode', 'disable');
    assert.equal(await ping(weak, authority.caFile), 'connected', 'the setting is stronger than the URL');
  });

  it('refuses a server of another CA, of another name, and plain text, in one line without the password', async () => {
    const elsewhere = bare();
    elsewhere.hostname = 'localhost';
    const refused: [said: string, because: RegExp][] = [
      [await ping(bare(), other.caFile), /unable to verify|self-signed|signed certificate/i],
      [await ping(elsewhere, authority.caFile), /altnames/],
      [await ping(bare()), /pg_hba\.conf rejects|no encryption/],
    ];
    for (const [said, because] of refused) {
      assert.match(said, because);
      assert.ok(!said.includes('\n') && !said.includes('s3cret-word'), said);
    }
  });
});
