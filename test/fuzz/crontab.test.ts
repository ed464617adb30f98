import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { importCrontab } from '../../src/cli/crontab/import.ts';
import { validateManifest } from '../../src/domain/job/validate.ts';
import { cpuMs, fuzz, Mutator, took } from './support/mutate.ts';

const corpus = [
  readFileSync(new URL('../../deploy/examples/real-life.crontab', import.meta.url)),
  'MAILTO=ops\nCRON_TZ=Europe/Berlin\n# backs up\n0 5 * * * backup.sh -a%line 1%line 2\n@daily root\n',
  '\ufeffSHELL=/bin/bash\r\nHOME="/srv/a b"\r\n-*/5 * * * * root cd / && nice -n 5 php artisan schedule:run\r\n',
  '17 *\t* * *\troot    cd / && run-parts --report /etc/cron.hourly\n0~30 ~ * * 1-5 root a\n@every 5m x\n@reboot root y\n',
  '"A B"=c\n1 2 3 4 5 \\%a%\\%b%%c\n0 0 * * * timeout 5 flock -w 3 /tmp/x sh -c "echo"',
];
const tokens = [
  '@reboot',
  '%',
  '\\%',
  'CRON_TZ=',
  'TZ=',
  '* * * * * ',
  '@every ',
  '=',
  '# ',
  '~',
  'root ',
  '-',
  'flock -w ',
  'env A=b ',
];

function judge(text: string): void {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  let imported: ReturnType<typeof importCrontab> | undefined;
  const ms = took(() => {
    imported = importCrontab(text, { namespace: 'shop', defaultTimeZone: 'Europe/Berlin' });
  }, 500);
  assert.ok(ms <= 500, `the import took ${ms} ms`);
  assert.ok(imported);
  const { manifests, notices } = imported;
  const names = new Set(manifests.map(({ metadata }) => metadata.name));
  assert.equal(names.size, manifests.length, 'two jobs of one name');
  for (const manifest of manifests) validateManifest(manifest);
  for (const { line, text: told } of notices) assert.equal(told, lines[line - 1]);
  // Each line that says something is a job, a variable, or is told.
  const speaking = lines.filter(line => line.trim() !== '' && !line.trim().startsWith('#')).length;
  const dropped = notices.filter(notice => notice.dropped).length;
  assert.ok(manifests.length + dropped <= speaking);
  assert.deepEqual(importCrontab(text, { namespace: 'shop', defaultTimeZone: 'Europe/Berlin' }), imported);
}

describe('fuzz: the crontab importer', () => {
  it('makes valid jobs of any bytes, or says which line it could not read', async () => {
    await fuzz(600, new Mutator(corpus, { tokens, most: 16_384 }), input => judge(input.toString('utf8')));
    await fuzz(200, new Mutator(corpus, { tokens, most: 16_384 }), input => judge(input.toString('latin1')));
  });

  it('reads a megabyte of anything in a second', () => {
    for (const unit of [
      'a',
      ' ',
      'a ',
      '* ',
      '%',
      '\\',
      '"',
      "a='",
      '~',
      '#\n',
      '= ',
      '&&',
      '0 0 * * * /',
      '-',
      "'",
      '-n ',
    ]) {
      const began = cpuMs();
      importCrontab(unit.repeat(Math.ceil(1_048_576 / unit.length)));
      importCrontab(`0 5 * * * ${unit.repeat(Math.ceil(1_048_576 / unit.length))}`);
      const ms = cpuMs() - began;
      assert.ok(ms < 4_000, `${JSON.stringify(unit)}: ${ms} ms`);
    }
  });
});
