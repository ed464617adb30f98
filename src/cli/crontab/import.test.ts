import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ManifestInput } from '../../domain/job/spec.ts';
import { importCrontab } from './import.ts';

const shellOf = (manifest: ManifestInput | undefined) => manifest?.spec.executor.shell;
const messages = (text: string): string[] =>
  importCrontab(text).notices.map(({ line, message }) => `${line}: ${message}`);

describe('a crontab becomes jobs', () => {
  it('one for each line, whole', () => {
    const { manifests, notices } = importCrontab('# Nightly backup\n30  2 * * *  /opt/backup.sh', { namespace: 'ops' });
    assert.deepEqual(notices, []);
    assert.deepEqual(manifests, [
      {
        apiVersion: 'cronmesh.io/v1alpha1',
        kind: 'CronJob',
        metadata: { name: 'backup', namespace: 'ops', annotations: { 'cronmesh.io/description': 'Nightly backup' } },
        spec: {
          schedule: '30 2 * * *',
          // Cron never ends a job.
          timeoutSeconds: 31_536_000,
          executor: { shell: { command: '/opt/backup.sh' } },
        },
      },
    ]);
  });

  it('with the environment above it, as it is there', () => {
    const { manifests } = importCrontab(
      'A=1\n* * * * * one\nA=2\nSHELL=/bin/bash\nHOME=/srv\nPATH=/opt/bin\n* * * * * two\n',
    );
    assert.deepEqual(shellOf(manifests[0]), { command: 'one', env: { A: '1' } });
    assert.deepEqual(shellOf(manifests[1]), {
      command: 'two',
      interpreter: '/bin/bash',
      workingDirectory: '/srv',
      env: { A: '2', SHELL: '/bin/bash', HOME: '/srv', PATH: '/opt/bin' },
    });
  });

  it('in the zone above it', () => {
    const zones = importCrontab('@daily a\nCRON_TZ=Asia/Tokyo\n@daily b\nCRON_TZ=""\n@daily c', {
      defaultTimeZone: 'Europe/Berlin',
    }).manifests.map(({ spec }) => spec.timeZone);
    assert.deepEqual(zones, ['Europe/Berlin', 'Asia/Tokyo', 'Europe/Berlin']);
    assert.equal(importCrontab('@daily a').manifests[0]?.spec.timeZone, undefined);
  });

  it('with standard input and percent signs', () => {
    const { manifests } = importCrontab('0 9 * * 1 mail -s "\\% done" ops%Hello,%bye');
    assert.deepEqual(shellOf(manifests[0]), { command: 'mail -s "% done" ops', stdin: 'Hello,\nbye\n' });
  });

  it('with names that do not change when lines are added', () => {
    const names = (text: string): string[] => importCrontab(text).manifests.map(({ metadata }) => metadata.name);
    const [first, second] = names('0 1 * * * sync a.txt\n0 2 * * * sync b.txt');
    assert.equal(first, 'sync-a-txt');
    assert.equal(second, 'sync-b-txt');
    const before = names('0 1 * * * run\n0 2 * * * run');
    assert.deepEqual(names('0 1 * * * run\n0 2 * * * run\n0 3 * * * run').slice(0, 2), before);
    assert.equal(new Set(names('0 1 * * * run\n0 1 * * * run\n0 1 * * * run')).size, 3);
  });
});

describe('what cannot be carried over is said, line by line', () => {
  it('@reboot, and schedules and lines that mean nothing', () => {
    const { manifests, notices } = importCrontab('@reboot start\n61 * * * * run\n0 5 * *\n* * * * * good');
    assert.deepEqual(
      manifests.map(({ metadata }) => metadata.name),
      ['good'],
    );
    assert.deepEqual(
      notices.map(({ line, text, dropped }) => [line, text, dropped]),
      [
        [1, '@reboot start', true],
        [2, '61 * * * * run', true],
        [3, '0 5 * *', true],
      ],
    );
    assert.match(notices[0]?.message ?? '', /^is not imported: expression: @reboot has no meaning in a cluster/);
    assert.equal(notices[1]?.message, 'is not imported: minute: 61 is out of range (allowed: 0-59)');
  });

  it('mail, but not the wish for none', () => {
    assert.deepEqual(messages('MAILTO=ops@example.com\nMAILFROM=x\nMAILTO=""\nMAILTO='), [
      '1: MAILTO: mail is not sent: the output of a run is kept in its log',
      '2: MAILFROM: mail is not sent: the output of a run is kept in its log',
    ]);
  });

  it('users of the system format', () => {
    const { system, manifests, notices } = importCrontab(
      '0 5 * * * root apt-get update\n0 6 * * * www-data /srv/tick.sh',
    );
    assert.equal(system, true);
    assert.deepEqual(
      manifests.map(one => [one.metadata.name, shellOf(one)?.command]),
      [
        ['apt-get-update', 'apt-get update'],
        ['tick', '/srv/tick.sh'],
      ],
    );
    assert.deepEqual(
      notices.map(({ line, message, dropped }) => `${line} ${dropped}: ${message}`),
      [
        "1 false: the user root is not carried over: the job runs as its worker's user",
        "2 false: the user www-data is not carried over: the job runs as its worker's user",
      ],
    );
  });

  it('an unknown zone, and every job that would run at other times for it', () => {
    const { manifests, notices } = importCrontab('CRON_TZ=Mars/Phobos\n@daily a\n@daily b\nCRON_TZ=UTC\n@daily c');
    assert.deepEqual(
      manifests.map(({ metadata }) => metadata.name),
      ['c'],
    );
    assert.deepEqual(
      notices.map(({ line, dropped }) => [line, dropped]),
      [
        [1, false],
        [2, true],
        [3, true],
      ],
    );
  });

  it("variables that are cron's own, or none", () => {
    assert.deepEqual(messages('RANDOM_DELAY=30\nTZ=Asia/Tokyo\nMY-VAR=1\nSHELL=bash\nHOME=here'), [
      '1: RANDOM_DELAY: is not carried over: jobs start at their tick; H in a schedule spreads them',
      '2: TZ is passed to the commands only, as cron does: CRON_TZ sets the zone of schedules',
      '3: MY-VAR is not carried over: it is no name for a variable',
      '4: SHELL is not carried over: "bash" is no absolute path',
      '5: HOME is not carried over: "here" is no absolute path',
    ]);
  });

  it("cronie's random times, which become stable ones, and the quiet -", () => {
    const { manifests, notices } = importCrontab('0~29 ~ * * * run\n-0 5 * * * run b');
    assert.equal(manifests[0]?.spec.schedule, 'H(0-29) H * * *');
    assert.deepEqual(
      notices.map(({ line, message }) => `${line}: ${message}`),
      [
        "1: the random 0~29 ~ * * * becomes H(0-29) H * * *: a time that the job's name decides",
        '2: the - before the schedule (no entry in syslog) is not carried over: every run is recorded',
      ],
    );
  });

  it('commands that are too large for a job', () => {
    const { manifests, notices } = importCrontab(`* * * * * echo ${'x'.repeat(400_000)}`);
    assert.deepEqual(manifests, []);
    assert.match(notices[0]?.message ?? '', /^is not imported: spec is too large/);
  });
});
