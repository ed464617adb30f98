import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { cronmesh } from '../support/cli.ts';

describe('a program that cannot start here', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cronmesh-refusals-'));
  const taken = createServer();
  let takenPort = 0;

  before(async () => {
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    takenPort = typeof address === 'object' && address !== null ? address.port : 0;
    writeFileSync(join(folder, 'file'), '');
    writeFileSync(join(folder, 'settings.yaml'), 'worker: { capcity: 5 }\n');
  });
  after(() => {
    taken.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const refused = (args: string[], env: () => Record<string, string>, message: RegExp): void => {
    it(`says so in one line, with status 2: ${message.source}`, async () => {
      const data = { CRONMESH_DATA_DIRECTORY: join(folder, 'data'), CRONMESH_HTTP_HOST: '127.0.0.1' };
      const { status, stderr } = await cronmesh(args, { env: { ...data, ...env() } });
      assert.equal(status, 2, stderr);
      assert.match(stderr, message);
      assert.match(stderr, /^cronmesh: [^\n]+\n$/);
    });
  };

  const port = (): Record<string, string> => ({ CRONMESH_HTTP_PORT: String(takenPort) });
  const any = { CRONMESH_HTTP_PORT: '0' };
  refused(['standalone'], port, /http\.port: 127\.0\.0\.1:\d+ is in use by another process; set CRONMESH_HTTP_PORT/);
  refused(['worker'], port, /http\.port: 127\.0\.0\.1:\d+ is in use/);
  refused(
    ['worker'],
    () => ({ CRONMESH_HTTP_PORT: '99999' }),
    /http\.port \(from CRONMESH_HTTP_PORT\): must be at most 65535/,
  );
  refused(
    ['worker'],
    () => ({ ...any, CRONMESH_HTTP_HOST: 'no-such-host.invalid' }),
    /http\.host: cannot listen on no-such-host/,
  );
  refused(
    ['standalone'],
    () => ({ ...any, CRONMESH_DATA_DIRECTORY: join(folder, 'file') }),
    /data\.directory: .*file cannot be used/,
  );
  refused(
    ['worker'],
    () => ({ ...any, CRONMESH_DATA_DIRECTORY: join(folder, 'file/x') }),
    /data\.directory: .*below, a file/,
  );
  refused(
    ['standalone'],
    () => ({ ...any, CRONMESH_DATA_DIRECTORY: '/proc/x' }),
    /data\.directory: \/proc\/x cannot be used/,
  );
  refused(
    ['worker', '--config', join(folder, 'settings.yaml')],
    () => any,
    /worker\.capcity .*did you mean capacity\?/,
  );
  refused(['worker', '--config', join(folder, 'none.yaml')], () => any, /cannot read .*none\.yaml/);
  refused(['master'], () => any, /database\.url is missing: set DATABASE_URL/);
  refused(
    ['migrate'],
    () => ({ DATABASE_URL: 'mysql://a/b' }),
    /database\.url \(from DATABASE_URL\): must begin with postgresql/,
  );
  refused(['worker', '--bogus'], () => any, /unknown option '--bogus'/);
});
