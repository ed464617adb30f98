import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { BackupStore } from './backup.ts';
import { backupRows, checkBackup, writeBackup } from './backup-file.ts';
import { openPgliteStore } from './prisma/index.ts';
import type { Store } from './store.ts';

describe('a backup’s file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cronmesh-backup-'));
  const whole = join(folder, 'whole.jsonl');
  const packed = join(folder, 'packed.jsonl.gz');
  let store: Store;
  let lines: string[];

  before(async () => {
    store = await openPgliteStore();
    await store.migrate();
    await store.createCalendar({
      ...{ namespace: 'shop', name: 'holidays', labels: {}, annotations: { note: 'a\u2028b\r\nc' }, now: 1_000 },
      spec: { dates: ['2026-12-25'], ranges: [], weekly: [] } as never,
    });
    for (const path of [whole, packed]) await writeBackup(store, path, { program: '1.2.3' });
    lines = readFileSync(whole, 'utf8').split('\n').filter(Boolean);
  });
  after(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  const changed = (name: string, content: string | Buffer): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const refused = async (path: string, why: RegExp): Promise<void> => {
    await assert.rejects(checkBackup(path), (error: Error & { code: string }) => {
      assert.equal(error.code, 'InvalidInput');
      assert.match(error.message, why);
      assert.ok(
        error.message.startsWith(`${path} can't be restored: `) && !error.message.includes('\n'),
        error.message,
      );
      return true;
    });
  };

  it('begins with what it is, and is for its owner to read alone', async () => {
    const { header, rows } = await checkBackup(whole);
    assert.deepEqual([header.format, header.program, header.history], [1, '1.2.3', {}]);
    assert.deepEqual(rows, { calendar: 1 });
    assert.equal(statSync(whole).mode & 0o777, 0o600);
    const read = [];
    for await (const row of backupRows(packed)) read.push(row);
    assert.deepEqual(
      read.map(({ table, json }) => [table, JSON.parse(json).name]),
      [['calendar', 'holidays']],
    );
    assert.deepEqual(await checkBackup(packed).then(one => one.rows), rows);
    assert.equal(gunzipSync(readFileSync(packed)).toString().split('\n').filter(Boolean).length, lines.length);
  });

  it('is refused when it is torn, wherever', async () => {
    await refused(changed('a', lines.slice(0, -1).join('\n')), /breaks off after line 2: the end with the checksum/);
    await refused(changed('b', lines.join('\n').slice(0, -20)), /breaks off after line 3/);
    await refused(changed('c', (lines[0] ?? '').slice(0, 40)), /no backup of Cronmesh/);
    const gz = readFileSync(packed);
    await refused(changed('d', gz.subarray(0, gz.length - 12)), /breaks off: the compressed data ends too early/);
    await refused(changed('e', ''), /it is empty/);
    await refused(join(folder, 'none'), /there is no such file/);
  });

  it('is refused when it was changed, or is none', async () => {
    await refused(changed('f', `${lines.join('\n').replace('holidays', 'workdays')}\n`), /checksum differs/);
    await refused(changed('g', [...lines, lines[1]].join('\n')), /line 4 comes after its end/);
    await refused(changed('h', [lines[0], '{"colour":{}}', lines[2]].join('\n')), /line 2 is no row of a backup/);
    await refused(changed('i', [lines[0], '{"run":{}}', ...lines.slice(1)].join('\n')), /line 3 is out of order/);
    await refused(changed('j', gzipSync('hello\n')), /no backup of Cronmesh/);
    await refused(changed('k', readFileSync(process.execPath).subarray(0, 5_000)), /no backup of Cronmesh/);
  });

  it('is refused when its format is a newer one', async () => {
    const newer = (lines[0] ?? '').replace('"format":1', '"format":2');
    await refused(changed('l', [newer, ...lines.slice(1)].join('\n')), /format 2, of Cronmesh 1\.2\.3.*reads format 1/);
  });

  it('is not there when it could not be made whole', async () => {
    const path = join(folder, 'half.jsonl.gz');
    const failing: BackupStore['exportBackup'] = (options, sink) =>
      store.exportBackup(options, {
        ...sink,
        row: async () => {
          throw new Error('the database went away');
        },
      });
    await assert.rejects(writeBackup({ exportBackup: failing }, path, { program: '1.2.3' }), /went away/);
    assert.deepEqual(
      readdirSync(folder).filter(name => name.startsWith('half')),
      [],
    );
    await assert.rejects(writeBackup(store, join(folder, 'no/such/folder'), { program: '1.2.3' }), { code: 'ENOENT' });
  });
});
