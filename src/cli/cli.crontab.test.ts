import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Api } from '../../test/support/api.ts';
import { cronmesh, serveApi } from '../../test/support/cli.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';

const crontab = `MAILTO=ops@example.org
CRON_TZ=Europe/Berlin
0 5 * * 1 /usr/local/bin/backup.sh --full
@reboot /usr/local/bin/warm-up
this is no cron line
`;

describe('cronmesh import and export', () => {
  let api: Api;
  let server: string;
  let stop: () => Promise<void>;
  before(async () => {
    ({ api, url: server, stop } = await serveApi());
  });
  after(() => stop());

  it('makes jobs of a crontab, and lists line by line what is left out', async t => {
    const path = join(temporaryDirectory(t), 'crontab');
    writeFileSync(path, crontab);
    const { status, stdout, stderr } = await cronmesh(['import', path, '-n', 'team'], { server });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^job team\/\S*backup\S* created\n$/);
    const lines = stderr.trim().split('\n');
    for (const line of [1, 4, 5]) {
      assert.ok(
        lines.some(one => one.startsWith(`${path}:${line}: `)),
        `line ${line} is not told of:\n${stderr}`,
      );
    }
    assert.equal(lines.at(-1), `${path}: 1 job, 2 lines not imported`);
    const { items } = await api.store.listJobs({ namespace: 'team', limit: 10 });
    assert.deepEqual(
      items.map(job => [job.spec.schedule, job.spec.timeZone]),
      [['0 5 * * 1', 'Europe/Berlin']],
    );
    const again = await cronmesh(['import', path, '-n', 'team'], { server });
    assert.match(again.stdout, /unchanged\n$/);
  });

  it('sends nothing in a dry run, and prints what apply reads', async () => {
    const line = '5 4 * * * root /usr/bin/true\n';
    const dry = await cronmesh(['import', '-', '--system', '--dry-run', '--tz', 'Asia/Kolkata'], { stdin: line });
    assert.equal(dry.status, 0, dry.stderr);
    assert.match(dry.stderr, /^standard input:1: .*root/m);
    assert.match(dry.stdout, /timeZone: Asia\/Kolkata/);
    const applied = await cronmesh(['apply', '-f', '-'], { server, stdin: dry.stdout });
    assert.match(applied.stdout, /^job default\/\S+ created\n$/);
  });

  it('ends with 2 when there is no job in it', async () => {
    const { status, stderr } = await cronmesh(['import', '-'], { stdin: '<html>\n' });
    assert.equal(status, 2);
    assert.match(stderr, /standard input holds no job that could be imported/);
  });

  it('prints jobs as a crontab that can be imported again, and as manifests without what the server added', async () => {
    const stdin = 'CRON_TZ=UTC\n*/10 * * * * /usr/bin/sync-it "a b"\n';
    await cronmesh(['import', '-', '-n', 'there-and-back'], { server, stdin });
    const exported = await cronmesh(['export', '-n', 'there-and-back'], { server });
    assert.equal(exported.status, 0, exported.stderr);
    assert.match(exported.stdout, /^\*\/10 \* \* \* \* .*sync-it "a b"$/m);
    const again = await cronmesh(['import', '-', '-n', 'there-and-back'], { server, stdin: exported.stdout });
    assert.match(again.stdout, /^job there-and-back\/\S+ (unchanged|configured)\n$/);
    const yaml = await cronmesh(['export', '-A', '-o', 'yaml'], { server });
    assert.doesNotMatch(yaml.stdout, /uid:|revision:|status:/);
    const json = await cronmesh(['export', '-n', 'there-and-back', '-o', 'json'], { server });
    assert.equal(JSON.parse(json.stdout).items.length, 1);
    const missing = await cronmesh(['export', 'nobody'], { server });
    assert.deepEqual([missing.status, missing.stdout], [1, '']);
  });
});
