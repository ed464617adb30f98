import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Api } from '../../test/support/api.ts';
import { cronmesh, type Finished, serveApi } from '../../test/support/cli.ts';

const holidays = fileURLToPath(new URL('../../test/fixtures/icalendar/holidays.ics', import.meta.url));
const job = (name: string, calendar: string, labels = '') =>
  `metadata: { name: ${name}${labels} }
spec: { schedule: "0 3 * * *", calendars: { exclude: [${calendar}] }, executor: { shell: { command: date } } }
`;
const calendar = (name: string, date: string) =>
  `kind: Calendar\nmetadata: { name: ${name} }\nspec: { dates: ["${date}"] }\n`;

describe('cronmesh and calendars', () => {
  let api: Api;
  let server: string;
  let stop: () => Promise<void>;
  before(async () => {
    ({ api, url: server, stop } = await serveApi());
  });
  after(() => stop());
  const run = (args: string[], stdin?: string): Promise<Finished> =>
    cronmesh(args, { server, ...(stdin !== undefined && { stdin }) });
  const done = async (args: string[], stdin?: string): Promise<string> => {
    const { status, stdout, stderr } = await run(args, stdin);
    assert.equal(status, 0, stderr);
    return stdout;
  };

  it('applies calendars before the jobs that name them, in whatever order they are written', async () => {
    const documents = `${job('report', 'closed')}---\n${calendar('closed', '2026-03-03')}`;
    assert.equal(
      await done(['apply', '-f', '-'], documents),
      'calendar default/closed created\njob default/report created\n',
    );
    assert.equal(
      await done(['apply', '-f', '-'], `${calendar('closed', '2026-03-04')}---\n${job('report', 'closed')}`),
      'calendar default/closed configured\njob default/report unchanged\n',
    );
    assert.deepEqual((await api.store.getJob('default', 'report'))?.calendars?.[0]?.spec.dates, ['2026-03-04']);
    const diff = await run(['diff', '-f', '-'], calendar('closed', '2026-03-03'));
    assert.equal(diff.status, 1);
    assert.match(diff.stdout, /^-\s+- '2026-03-04'$/m);
    assert.match(diff.stdout, /^\+\s+- '2026-03-03'$/m);
  });

  it('checks calendars before anything is sent, and tells a job’s calendar that is not there', async () => {
    const wrong = await run(['apply', '-f', '-'], calendar('bad', '2026-02-30'));
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /spec\.dates\[0\]: must be a date of the years 1970 to 2499.*"2026-02-30"/);
    const lost = await run(['apply', '-f', '-'], job('lost', 'clozed'));
    assert.equal(lost.status, 2, lost.stderr);
    assert.match(lost.stderr, /spec\.calendars\.exclude\[0\].*did you mean "closed"\?/s);
  });

  it('prunes jobs, and never calendars', async () => {
    const labels = ', labels: { fleet: a }';
    await done(['apply', '-f', '-'], `${job('kept', 'closed', labels)}---\n${job('pruned', 'closed', labels)}`);
    assert.equal(
      await done(['apply', '-f', '-', '--prune', '-l', 'fleet=a'], job('kept', 'closed', labels)),
      'job default/kept unchanged\njob default/pruned pruned\n',
    );
    // A calendar of the same name keeps no job.
    await done(['apply', '-f', '-'], job('closed', 'closed', labels));
    assert.equal(
      await done(['apply', '-f', '-', '--prune', '-l', 'fleet=a'], `${calendar('closed', '2026-03-04')}`),
      'calendar default/closed unchanged\njob default/closed pruned\njob default/kept pruned\n',
    );
    assert.ok(await api.store.getCalendar('default', 'closed'));
  });

  it('imports an iCalendar file, lists and describes calendars', async () => {
    const args = ['calendar', 'import', holidays, '--name', 'bank', '--from', '2026-01-01', '--to', '2027-06-01'];
    assert.equal(await done(args), 'calendar default/bank created: 10 dates, 2 ranges\n');
    assert.equal(await done(args), 'calendar default/bank unchanged: 10 dates, 2 ranges\n');
    const table = await done(['get', 'calendars']);
    assert.match(table, /^NAMESPACE\s+NAME\s+ZONE\s+DATES\s+RANGES\s+WEEKLY\s+CHANGED$/m);
    assert.match(table, /^default\s+bank\s+Europe\/Berlin\s+10\s+2\s+0/m);
    const one = JSON.parse(await done(['get', 'calendar', 'bank', '-o', 'json']));
    assert.equal(one.metadata.annotations['cronmesh.io/icalendar-window'], '2026-01-01/2027-06-01');
    const text = await done(['describe', 'calendar', 'closed']);
    assert.match(text, /^Named by: +report$/m);
    const wrong = await run(['calendar', 'import', '-', '--name', 'bad'], 'BEGIN:VCALENDAR\nBEGIN:VEVENT\n');
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /iCalendar line 2 begins VEVENT, which does not end/);
  });

  it('shows a job’s next ticks, and what falls out', async () => {
    const from = ['--from', '2026-03-02T12:00:00Z', '--count', '2'];
    assert.equal(await done(['next', 'report', ...from]), '2026-03-03T03:00:00Z\n2026-03-05T03:00:00Z\n');
    assert.equal(
      await done(['next', 'report', '--excluded', ...from]),
      '2026-03-03T03:00:00Z\n2026-03-04T03:00:00Z  falls out: calendar closed excludes it (2026-03-04)\n2026-03-05T03:00:00Z\n',
    );
    assert.match(await done(['describe', 'job', 'report']), /^Fall out:\n {2}2026-03-04T03:00:00Z {2}calendar closed/m);
    assert.match(
      await done(['describe', 'job', 'report', '--at', '2026-03-04T03:00:00Z']),
      /^2026-03-04T03:00:00Z of default\/report falls out: calendar closed excludes it \(2026-03-04\); the next is/,
    );
    assert.equal(await done(['next', '0 3 * * *', ...from.slice(0, 2), '--count', '1']), '2026-03-03T03:00:00Z\n');
    assert.equal((await run(['next', '0 3 * * *', '--excluded'])).status, 2);
    assert.equal((await run(['next', 'report', '--tz', 'UTC'])).status, 2);
  });

  it('deletes calendars that no job names', async () => {
    const refused = await run(['delete', 'calendar', 'closed', 'bank']);
    assert.deepEqual([refused.status, refused.stdout], [1, 'calendar default/bank deleted\n']);
    assert.match(refused.stderr, /is named by the job report; take it out/);
    const files = `${calendar('closed', '2026-03-04')}---\n${job('report', 'closed')}`;
    assert.equal(
      await done(['delete', '-f', '-'], files),
      'job default/report deleted\ncalendar default/closed deleted\n',
    );
  });
});
