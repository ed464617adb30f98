import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Api } from '../../test/support/api.ts';
import { cronmesh, type Finished, serveApi } from '../../test/support/cli.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';

const job = (name: string, schedule = '0 3 * * *', extra = '') =>
  `metadata: { name: ${name}${extra} }\nspec: { schedule: "${schedule}", executor: { shell: { command: date } } }\n`;

describe('cronmesh apply, get, delete, suspend, resume', () => {
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

  it('creates, leaves alone and changes jobs, from several documents on standard input', async () => {
    const documents = `${job('a')}---\n${job('b')}---\n`;
    assert.equal(await done(['apply', '-f', '-'], documents), 'job default/a created\njob default/b created\n');
    assert.equal(
      await done(['apply', '-f', '-'], `${job('a')}---\n${job('b', '0 4 * * *')}`),
      'job default/a unchanged\njob default/b configured\n',
    );
    assert.equal((await api.store.getJob('default', 'b'))?.spec.schedule, '0 4 * * *');
  });

  it('reads folders and JSON, and takes the namespace from the option', async t => {
    const directory = temporaryDirectory(t);
    mkdirSync(join(directory, 'deeper'));
    writeFileSync(join(directory, '1.yaml'), job('from-yaml'));
    writeFileSync(join(directory, '2.json'), JSON.stringify({ items: [JSON.parse(toJson('from-json'))] }, null, '\t'));
    writeFileSync(join(directory, 'README.md'), 'no manifest');
    assert.equal(
      await done(['apply', '-f', directory, '-n', 'team']),
      'job team/from-yaml created\njob team/from-json created\n',
    );
    const wrong = await run(['apply', '-f', '-', '-n', 'team'], job('x', '0 3 * * *', ', namespace: other'));
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /metadata\.namespace/);
  });

  it('sends nothing when one document is wrong, and names each field', async () => {
    const wrong = `${job('fine')}---\nmetadata: { name: Wrong }\nspec: { schedule: "61 * * * *", executor: { shell: { comand: date } } }\n`;
    const { status, stdout, stderr } = await run(['apply', '-f', '-'], wrong);
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /^cronmesh: \d problems in the manifests:\n/);
    assert.match(stderr, /^ {2}standard input, document 2, line 4: metadata\.name: .*"Wrong"/m);
    assert.match(stderr, /^ {2}standard input, document 2, line 5: spec\.schedule: minute: 61 is out of range/m);
    assert.match(stderr, /^ {2}standard input, document 2, line 5: spec\.executor\.shell.*comand/m);
    assert.equal(await api.store.getJob('default', 'fine'), undefined);
  });

  const unreadable: [what: string, input: string, because: RegExp][] = [
    ['neither JSON nor YAML', 'a: [1\nb: }', /standard input is neither JSON nor YAML: .* at line 2/],
    ['no mapping', '- 1\n', /a manifest is a mapping with metadata and spec/],
    ['empty', '\n---\n', /no manifests in -/],
  ];
  for (const [what, input, because] of unreadable) {
    it(`refuses input that is ${what}, in one line`, async () => {
      const { status, stderr } = await run(['apply', '-f', '-'], input);
      assert.equal(status, 2);
      assert.match(stderr, because);
      assert.equal(stderr.trim().split('\n').length, 1);
    });
  }

  it('gives back what was read and edited, and notices a change in between', async () => {
    await done(['apply', '-f', '-'], job('edited'));
    const read = await done(['get', 'job', 'edited', '-o', 'yaml']);
    const edited = read.replace('0 3 * * *', '0 5 * * *');
    assert.equal(await done(['apply', '-f', '-'], edited), 'job default/edited configured\n');
    const { status, stderr } = await run(['apply', '-f', '-'], read);
    assert.equal(status, 1);
    assert.match(stderr, /is at revision 2, not 1/);
  });

  it('lists jobs as a table and in forms that apply reads again', async () => {
    await done(['apply', '-f', '-', '-n', 'lists'], `${job('one', '*/5 * * * *')}---\n${job('two')}`);
    const table = await done(['get', 'jobs', '-n', 'lists']);
    assert.match(table, /^NAMESPACE +NAME +SCHEDULE +ZONE/);
    assert.match(table, /^lists +one +\*\/5 \* \* \* \* +UTC/m);
    assert.match(await done(['get', 'jobs', '-n', 'lists', '-o', 'wide']), /RUNS\n.*date\n/);
    const json = JSON.parse(await done(['get', 'jobs', '-n', 'lists', '-o', 'json']));
    assert.deepEqual(
      json.items.map((item: { metadata: { name: string } }) => item.metadata.name),
      ['one', 'two'],
    );
    for (const format of ['json', 'yaml']) {
      const text = await done(['get', 'jobs', '-n', 'lists', '-o', format]);
      assert.equal(await done(['apply', '-f', '-'], text), 'job lists/one unchanged\njob lists/two unchanged\n');
    }
    assert.match(await done(['get', 'jobs', '-A', '--search', 'tw']), /lists +two/);
  });

  it('follows pages to the end', async () => {
    const documents = Array.from({ length: 12 }, (_, index) => job(`p${String(index).padStart(2, '0')}`)).join('---\n');
    await done(['apply', '-f', '-', '-n', 'pages'], documents);
    const limited = JSON.parse(await done(['get', 'jobs', '-n', 'pages', '--limit', '5', '-o', 'json']));
    assert.equal(limited.items.length, 5);
    const all = JSON.parse(await done(['get', 'jobs', '-n', 'pages', '-o', 'json']));
    assert.equal(all.items.length, 12);
  });

  it('describes a job: definition, next ticks, runs and skips', async () => {
    await done(['apply', '-f', '-', '-n', 'd'], job('nightly'));
    const text = await done(['describe', 'job', 'nightly', '-n', 'd']);
    for (const part of [
      /^Name: +nightly$/m,
      /^Schedule: +0 3 \* \* \* \(UTC\)$/m,
      /^Spec:\n {2}schedule: /m,
      /^Next ticks:\n {2}2026-03-02T03:00:00Z {2}/m,
      /^Concurrency: +Allow$/m,
      /^Waiting runs:\n {2}none$/m,
      /^Last runs:\n {2}none$/m,
      /^Ticks without a run:\n {2}none$/m,
    ]) {
      assert.match(text, part);
    }
  });

  it('suspends, resumes and deletes', async () => {
    await done(['apply', '-f', '-'], job('short-lived'));
    assert.equal(await done(['suspend', 'short-lived']), 'job default/short-lived suspended\n');
    assert.equal((await api.store.getJob('default', 'short-lived'))?.spec.suspend, true);
    assert.equal(await done(['resume', 'default/short-lived']), 'job default/short-lived resumed\n');
    assert.equal(await done(['delete', 'job', 'short-lived']), 'job default/short-lived deleted\n');
    const again = await run(['delete', 'short-lived', 'a']);
    assert.deepEqual([again.status, again.stdout], [1, 'job default/a deleted\n']);
    assert.equal(again.stderr, 'cronmesh: there is no job default/short-lived\n');
    await done(['delete', 'short-lived', '--ignore-not-found']);
    await done(['apply', '-f', '-'], job('by-file'));
    assert.equal(await done(['delete', '-f', '-'], job('by-file')), 'job default/by-file deleted\n');
  });
});

function toJson(name: string): string {
  return JSON.stringify({ metadata: { name }, spec: { schedule: '@daily', executor: { shell: { command: 'date' } } } });
}
