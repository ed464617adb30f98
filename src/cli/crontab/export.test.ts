import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ManifestInput } from '../../domain/job/spec.ts';
import { validateManifest } from '../../domain/job/validate.ts';
import { exportCrontab } from './export.ts';
import { importCrontab } from './import.ts';
import { toCrontabSchedule } from './schedule.ts';

type Spec = Partial<ManifestInput['spec']>;

const job = (name: string, spec: Spec) =>
  validateManifest({
    metadata: { name, namespace: 'ops' },
    spec: { schedule: '0 5 * * *', executor: { shell: { command: 'run' } }, ...spec },
  });
/** The lines that are neither comments nor empty, and the notices. */
const exported = (...jobs: ReturnType<typeof job>[]) => {
  const { text, notices } = exportCrontab(jobs);
  return {
    lines: text.split('\n').filter(line => line !== '' && !line.startsWith('#')),
    notices: notices.map(({ job, message, dropped }) => `${job}${dropped ? ' dropped' : ''}: ${message}`),
  };
};

describe('jobs become a crontab', () => {
  it('with zone and shell above the lines they are for', () => {
    const bash = { shell: { command: 'echo [[ 50% ]]', interpreter: '/bin/bash' } };
    const { lines, notices } = exported(
      job('a', {}),
      job('b', { timeZone: 'Europe/Berlin', executor: bash }),
      job('c', { schedule: 'TZ=Europe/Berlin @daily', executor: bash }),
    );
    assert.deepEqual(lines, [
      'CRON_TZ=UTC',
      'SHELL=/bin/sh',
      '0 5 * * * run',
      'CRON_TZ=Europe/Berlin',
      'SHELL=/bin/bash',
      '0 5 * * * echo [[ 50\\% ]]',
      '@daily echo [[ 50\\% ]]',
    ]);
    assert.deepEqual(notices, []);
  });

  it('with shared variables at the top and the others in the command', () => {
    const { lines } = exported(
      job('a', { executor: { shell: { command: 'a', env: { X: '1 "2"', E: '' } } } }),
      job('b', { executor: { shell: { command: 'b; c', env: { X: '1 "2"', E: '', Y: "it's" } } } }),
    );
    assert.deepEqual(lines, [
      'X=1 "2"',
      'E=""',
      'CRON_TZ=UTC',
      'SHELL=/bin/sh',
      '0 5 * * * a',
      `0 5 * * * env Y='it'\\''s' /bin/sh -c 'b; c'`,
    ]);
  });

  it('with lists, folders and standard input', () => {
    const { lines } = exported(
      job('a', { executor: { shell: { command: ['printf', '%s|', 'a b', '$X'] } } }),
      job('b', {
        executor: { shell: { command: 'ls; pwd', workingDirectory: '/srv/my shop', stdin: 'one\ntwo 2%\n' } },
      }),
    );
    assert.deepEqual(lines.slice(2), [
      `0 5 * * * printf '\\%s|' 'a b' '$X'`,
      `0 5 * * * cd '/srv/my shop' || exit 1; ls; pwd%one%two 2\\%`,
    ]);
  });

  it('comes back the same when it is imported', () => {
    const crontab = `SHELL=/bin/bash
HOME=/tmp
PATH=/usr/bin:/bin
# Reports of the week
CRON_TZ=Europe/Berlin
*/5 8-18 * * 1-5 report --all > /tmp/r-\\%F; cat%in%put
CRON_TZ=UTC
@monthly invoice "a b"
`;
    const once = importCrontab(crontab).manifests.map(manifest => validateManifest(manifest));
    const { text, notices } = exportCrontab(once);
    assert.deepEqual(notices, []);
    const twice = importCrontab(text).manifests.map(manifest => validateManifest(manifest));
    assert.deepEqual(
      twice.map(({ spec }) => spec),
      once.map(({ spec }) => spec),
    );
  });
});

describe('what a crontab cannot say is said', () => {
  it('policies, labels, and whatever else is not as usual', () => {
    const limited = validateManifest({
      metadata: { name: 'a', namespace: 'ops', labels: { team: 'shop' } },
      spec: {
        schedule: '@daily',
        concurrencyPolicy: 'Forbid',
        timeoutSeconds: 60,
        executor: { shell: { command: 'x', stdin: 'y' } },
      },
    });
    assert.deepEqual(exported(limited), {
      lines: ['CRON_TZ=UTC', 'SHELL=/bin/sh', '@daily x%y'],
      notices: [
        'ops/a: concurrencyPolicy "Forbid" has no equal in a crontab',
        'ops/a: timeoutSeconds 60 has no equal in a crontab',
        'ops/a: cron puts a line end behind its standard input',
        'ops/a: labels {"team":"shop"} have no equal in a crontab',
      ],
    });
  });

  it('jobs that have no line, which stay as comments', () => {
    const jobs = [
      job('seconds', { schedule: '*/10 * * * * *' }),
      job('hash', { schedule: 'H 2 * * *' }),
      job('http', { executor: { http: { url: 'https://example.com/' } } }),
      job('script', { executor: { shell: { script: 'a\nb' } } }),
      job('lines', { executor: { shell: { command: 'a\nb' } } }),
      job('rests', { suspend: true }),
    ];
    const { lines, notices } = exported(...jobs);
    assert.deepEqual(lines, []);
    assert.deepEqual(notices, [
      'ops/seconds dropped: */10 * * * * *: a crontab has no seconds',
      'ops/hash dropped: H (minute) has no equal in a crontab',
      'ops/http dropped: only a shell executor can be expressed',
      'ops/script dropped: a script cannot be expressed: a crontab has commands of one line only',
      'ops/lines dropped: cannot be expressed: it has a line end, or a backslash before a percent sign or a line end',
      'ops/rests dropped: is suspended: its line is commented out',
    ]);
    assert.match(exportCrontab(jobs).text, /\n# suspended: 0 5 \* \* \* run\n/);
  });
});

describe('schedules of a crontab', () => {
  const cases: readonly (readonly [expression: string, written: object])[] = [
    ['? ? 1,15 JAN-mar,12 ?', { schedule: '* * 1,15 1-3,12 *' }],
    ['5/20 */2 ?/3 * 5/1', { schedule: '5-59/20 */2 */3 * 5-6/1' }],
    ['0 0 * * FRI-MON', { schedule: '0 0 * * 5-6,0-1' }],
    ['0 0 0 1 1 * *', { schedule: '0 0 1 1 *' }],
    ['CRON_TZ=Asia/Tokyo @HOURLY', { timeZone: 'Asia/Tokyo', schedule: '@hourly' }],
    ['@minutely', { schedule: '* * * * *' }],
    ['@every 5m', { problem: '@every 5m has no equal in a crontab' }],
    ['0 0 L * *', { problem: 'L (day-of-month) has no equal in a crontab' }],
    ['0 0 * * MON#2', { problem: 'MON#2 (day-of-week) has no equal in a crontab' }],
    ['0 0 0 1 1 * 2030', { problem: '0 0 0 1 1 * 2030: a crontab has no years' }],
  ];
  for (const [expression, written] of cases)
    it(expression, () => assert.deepEqual(toCrontabSchedule(expression), written));
});
