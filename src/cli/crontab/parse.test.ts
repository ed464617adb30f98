import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCrontab } from './parse.ts';

describe('lines of a crontab', () => {
  it('leaves out comments and empty lines, and counts from 1', () => {
    const { lines } = parseCrontab('# head\n\n   \n\t# indented\n0 5 * * * backup\r\n');
    assert.deepEqual(lines, [
      {
        kind: 'job',
        line: 5,
        text: '0 5 * * * backup',
        schedule: '0 5 * * *',
        command: 'backup',
        quiet: false,
        comment: 'indented',
      },
    ]);
  });

  it('reads variables as cron does', () => {
    const values = (text: string): unknown[] =>
      parseCrontab(text).lines.map(line => (line.kind === 'environment' ? [line.name, line.value] : line.kind));
    assert.deepEqual(values('A=1'), [['A', '1']]);
    assert.deepEqual(values('  A = two words  '), [['A', 'two words']]);
    assert.deepEqual(values(`"B"='  kept  '`), [['B', '  kept  ']]);
    assert.deepEqual(values('C="a" b'), [['C', '"a" b']]);
    assert.deepEqual(values('MAILTO='), [['MAILTO', '']]);
    assert.deepEqual(values('P=$HOME/bin:50%'), [['P', '$HOME/bin:50%']]);
    assert.deepEqual(values('* * * * * A=1 run'), ['job']);
    assert.deepEqual(values('@daily A=1'), ['job']);
  });

  it('keeps the command as it stands', () => {
    const [job] = parseCrontab('*/5\t1-3  * jan,feb  MON-FRI   run  "a  b" # no comment %').lines;
    assert.ok(job?.kind === 'job');
    assert.equal(job.schedule, '*/5\t1-3  * jan,feb  MON-FRI');
    assert.equal(job.command, 'run  "a  b" # no comment %');
  });

  it('reads macros', () => {
    const jobs = parseCrontab('@daily run it\n@reboot start\n@every 5m poll').lines;
    assert.deepEqual(
      jobs.map(job => job.kind === 'job' && [job.schedule, job.command]),
      [
        ['@daily', 'run it'],
        ['@reboot', 'start'],
        ['@every 5m', 'poll'],
      ],
    );
  });

  it('takes the comment right above a job, but no rulers, heads or lines that were commented out', () => {
    const comments = (text: string) => parseCrontab(text).lines.map(line => line.kind === 'job' && line.comment);
    assert.deepEqual(comments('# Backup of\n## the shop\n0 5 * * * a\n0 6 * * * b'), [
      'Backup of\nthe shop',
      undefined,
    ]);
    assert.deepEqual(comments('# Not this\n\n0 5 * * * a'), [undefined]);
    assert.deepEqual(
      comments('# ------\n# m h dom mon dow user command\n# MIN HOUR DOM\n#0 5 * * * old\n#A=1\n0 5 * * * a'),
      [undefined],
    );
  });

  it('says what is wrong with other lines', () => {
    const messages = (text: string, system = false) =>
      parseCrontab(text, { system }).lines.map(line => line.kind === 'unreadable' && line.message);
    assert.deepEqual(messages('0 5 * *'), [
      'is neither NAME=value nor a job: a job has five time fields (or a macro such as @daily) and a command',
    ]);
    assert.deepEqual(messages('0 5 * * *\n@daily'), [
      'has no command behind the schedule',
      'has no command behind the schedule',
    ]);
    assert.deepEqual(messages('0 5 * * * root', true), ['has no command behind the schedule and the user']);
  });

  it("takes off the - that keeps SUSE's cron quiet", () => {
    const [job] = parseCrontab('-*/15 * * * * run').lines;
    assert.ok(job?.kind === 'job' && job.quiet);
    assert.equal(job.schedule, '*/15 * * * *');
  });
});

describe('the system format', () => {
  const debian = `SHELL=/bin/sh
17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly
25 6\t* * *\troot\ttest -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }
@daily www-data php artisan schedule:run`;

  it('is seen by its users', () => {
    const { system, lines } = parseCrontab(debian);
    assert.equal(system, true);
    const jobs = lines.flatMap(line => (line.kind === 'job' ? [[line.user, line.command]] : []));
    assert.deepEqual(jobs, [
      ['root', 'cd / && run-parts --report /etc/cron.hourly'],
      ['root', 'test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }'],
      ['www-data', 'php artisan schedule:run'],
    ]);
  });

  it('is not seen in commands', () => {
    for (const text of [
      '* * * * * php artisan schedule:run\n0 1 * * * backup all',
      '0 5 * * * /root/backup.sh now',
      '* * * * * root\n',
      '* * * * * root run\n* * * * * /usr/bin/other',
      'root=1',
      '',
    ]) {
      assert.equal(parseCrontab(text).system, false, text);
    }
  });

  it('can be forced either way', () => {
    const [forced] = parseCrontab('* * * * * shopuser run it', { system: true }).lines;
    assert.ok(forced?.kind === 'job');
    assert.deepEqual([forced.user, forced.command], ['shopuser', 'run it']);
    const [plain] = parseCrontab(debian, { system: false }).lines.slice(1);
    assert.ok(plain?.kind === 'job' && plain.user === undefined && plain.command.startsWith('root\tcd /'));
  });
});
