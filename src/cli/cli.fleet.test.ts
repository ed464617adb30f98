import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { type Api, manifest } from '../../test/support/api.ts';
import { cronmesh, type Finished, serveApi } from '../../test/support/cli.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { validateManifest } from '../domain/job/validate.ts';
import { createJob } from './apply/create-documents.ts';
import { prunable, pruneJob } from './apply/prune.ts';
import { Client } from './client.ts';

const job = (name: string, schedule = '0 3 * * *', metadata = '') =>
  `metadata: { name: ${name}${metadata} }\nspec: { schedule: "${schedule}", executor: { shell: { command: date } } }\n`;

describe('fleets of files', () => {
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
  const names = async (namespace: string): Promise<string[]> =>
    (await api.store.listJobs({ namespace, limit: 500 })).items.map(one => one.name).sort();

  /** Files by their paths in a new folder. */
  const folder = (t: TestContext, files: Record<string, string>): string => {
    const directory = temporaryDirectory(t);
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(directory, path, '..'), { recursive: true });
      writeFileSync(join(directory, path), content);
    }
    return directory;
  };

  describe('apply -f', () => {
    it('reads several files, a folder in order, and its folders with -R', async t => {
      const at = folder(t, {
        'b.yml': job('b'),
        'a.yaml': `${job('a2')}---\n${job('a1')}`,
        'c.json': JSON.stringify([manifest('c')]),
        'deep/er/d.yaml': job('d'),
        'deep.yaml/no.txt': 'not a manifest',
        '.hidden.yaml': 'wrong: [',
        '.git/e.yaml': 'wrong: [',
        'README.md': 'not a manifest',
      });
      symlinkSync(at, join(at, 'round.yaml'));
      const flat = ['a2', 'a1', 'b', 'c'];
      const lines = (all: string[], what: string) => all.map(name => `job files/${name} ${what}\n`).join('');
      assert.equal(await done(['apply', '-n', 'files', '-f', at]), lines(flat, 'created'));
      assert.deepEqual(await names('files'), ['a1', 'a2', 'b', 'c']);
      assert.equal(
        await done(['apply', '-n', 'files', '-R', '-f', at]),
        `${lines(flat, 'unchanged')}job files/d created\n`,
      );
      const two = ['-f', join(at, 'b.yml'), '-f', join(at, 'a.yaml')];
      assert.equal(await done(['apply', '-n', 'files', ...two]), lines(['b', 'a2', 'a1'], 'unchanged'));
      assert.equal(
        await done(['apply', '-n', 'files', '-f', '-', join(at, 'b.yml')], job('e')),
        'job files/e created\njob files/b unchanged\n',
      );
      assert.equal(await done(['delete', '-n', 'files', '-R', '-f', join(at, 'deep')]), 'job files/d deleted\n');
    });

    it('tells everything that is wrong in all files, and changes nothing', async t => {
      const at = folder(t, {
        '1.yaml': job('right'),
        '2.yaml': `# two\n${job('also-right')}---\n\nmetadata:\n  name: wrong\n  labels:\n    team: 7\nspec:\n  schedule: "* * *"\n`,
        '3.yaml': 'a: [1\n',
        '4.json': '{\n\t"metadata": { "name": "x", "name": "y" }\n}',
        '5.json': JSON.stringify({ items: [manifest('ok'), manifest('Bad')] }, null, 2),
        '6.yaml': `${job('right')}---\n- just\n- text\n`,
      });
      const { status, stdout, stderr } = await run(['apply', '-n', 'wrong', '-f', at, '-f', '/nowhere/x.yaml']);
      assert.deepEqual([status, stdout], [2, '']);
      assert.equal(
        stderr.replaceAll(`${at}/`, ''),
        `cronmesh: 10 problems in the manifests:
  cannot read /nowhere/x.yaml: there is no such file
  2.yaml, document 2, line 9: metadata.labels.team: must be a string; put it in quotes: "7" (got 7)
  2.yaml, document 2, line 10: spec.executor: is needed: a mapping
  2.yaml, document 2, line 11: spec.schedule: "* * *" has 3 fields (allowed: 5, minute hour day-of-month month day-of-week; 6, with seconds before them; 7, with a year behind them too; or a macro such as @daily) (got "* * *")
  3.yaml is neither JSON nor YAML: deficient indentation at line 2, column 1
  4.json names a field twice at line 2
  5.json, document 2, line 18: metadata.name: must be lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit (got "Bad")
  6.yaml, document 2, line 4: a manifest is a mapping with metadata and spec (got "just")
  6.yaml, document 3, line 5: a manifest is a mapping with metadata and spec (got "text")
  6.yaml, document 1: the job wrong/right is in 1.yaml already
`,
      );
      assert.deepEqual(await names('wrong'), []);
    });

    const wrong: [args: string[], stdin: string, because: string][] = [
      [
        ['-f', 'https://example.com/jobs.yaml'],
        '',
        'https://example.com/jobs.yaml is a URL, and only files are read: read it first, for example: curl -fsS https://example.com/jobs.yaml | cronmesh apply -f -',
      ],
      [['-f', '-', '-f', '-'], job('a'), 'standard input is named twice'],
      [
        ['-f', '-'],
        `${job('a')}---\n${job('a')}`,
        'standard input, document 2: the job default/a is in standard input, document 1 already',
      ],
      [['-f', '-'], '', 'no manifests in -'],
      [['-f', '-', '--prune'], job('a'), '--prune needs -l key=value: only jobs with these labels are deleted'],
      [['-f', '-', '-l', 'a=b'], job('a'), '-l says what --prune may delete: give --prune too, or leave it out'],
      [
        ['-f', '-', '--prune', '-l', 'team'],
        job('a'),
        '-l "team" must be key=value, several separated by commas or given again',
      ],
      [
        ['-f', '-', '--prune', '-l', 'a=b,c!=d'],
        job('a'),
        '-l "c!=d" must be key=value, several separated by commas or given again',
      ],
      [
        ['-f', '-', '--prune', '-l', ''],
        job('a'),
        '-l "" must be key=value, several separated by commas or given again',
      ],
      [
        ['-f', '-'],
        job('a').replace('name: a', 'generateName: a-'),
        'standard input, line 1: metadata.generateName: would make another job each time: use cronmesh create -f, or give metadata.name (got "a-")',
      ],
      [
        ['-f', '-'],
        'just text',
        'standard input, line 1: a manifest is a mapping with metadata and spec (got "just text")',
      ],
      [
        ['-f', '-', '-n', 'team'],
        job('a', '0 3 * * *', ', namespace: other'),
        'standard input, line 1: metadata.namespace: must be "team", as in the address, or be left out (got "other")',
      ],
    ];
    for (const [args, stdin, because] of wrong) {
      it(`refuses ${args.join(' ')} of ${JSON.stringify(stdin.slice(0, 60))}: ${because.slice(0, 60)}`, async () => {
        const { status, stdout, stderr } = await run(['apply', ...args], stdin);
        assert.deepEqual([status, stdout, stderr], [2, '', `cronmesh: ${because}\n`]);
      });
    }
  });

  describe('apply --prune', () => {
    const team = ', labels: { team: a }';

    it('deletes what carries the labels and is in no file, and nothing else', async () => {
      const labelled = { labels: { team: 'a', tier: 'x' } };
      for (const [name, source] of [
        ['of-kubernetes', 'kubernetes'],
        ['of-consul', 'consul'],
        ['of-seed', 'seed'],
      ] as const) {
        await api.jobs.create(validateManifest(manifest(name, {}, { ...labelled, namespace: 'prune' })), source);
      }
      await done(
        ['apply', '-n', 'prune', '-f', '-'],
        `${job('keep', '0 3 * * *', team)}---\n${job('go', '0 3 * * *', team)}`,
      );
      await done(['apply', '-n', 'prune', '-f', '-'], job('other', '0 3 * * *', ', labels: { team: b }'));
      await done(['apply', '-n', 'elsewhere', '-f', '-'], job('go', '0 3 * * *', team));
      const files = `${job('keep', '0 4 * * *', team)}---\n${job('come', '0 3 * * *', team)}`;
      const args = ['apply', '-n', 'prune', '-f', '-', '--prune', '-l', 'team=a'];
      const before = await names('prune');
      assert.equal(
        await done([...args, '--dry-run'], files),
        'job prune/keep configured (dry run)\njob prune/come created (dry run)\njob prune/go pruned (dry run)\n',
      );
      assert.deepEqual(await names('prune'), before);
      assert.equal((await api.store.getJob('prune', 'keep'))?.spec.schedule, '0 3 * * *');
      assert.equal(await done(args, files), 'job prune/keep configured\njob prune/come created\njob prune/go pruned\n');
      assert.deepEqual(await names('prune'), ['come', 'keep', 'of-consul', 'of-kubernetes', 'of-seed', 'other']);
      assert.deepEqual(await names('elsewhere'), ['go']);
      assert.equal(await done(args, files), 'job prune/keep unchanged\njob prune/come unchanged\n');
    });

    it('looks into every namespace that the files name, and needs all of the labels', async () => {
      const placed = (namespace: string, name: string, labels: string) =>
        job(name, '0 3 * * *', `, namespace: ${namespace}, labels: { ${labels} }`);
      const all = [
        placed('p1', 'stay', 'team: a, tier: x'),
        placed('p2', 'stay', 'team: a, tier: x'),
        placed('p1', 'go', 'team: a, tier: x'),
        placed('p2', 'go', 'team: a, tier: x'),
        placed('p2', 'half', 'team: a'),
        placed('p3', 'far', 'team: a, tier: x'),
      ];
      await done(['apply', '-f', '-'], all.join('---\n'));
      const kept = all.slice(0, 2).join('---\n');
      assert.equal(
        await done(['apply', '-f', '-', '--prune', '-l', 'team=a', '-l', 'tier=x'], kept),
        'job p1/stay unchanged\njob p2/stay unchanged\njob p1/go pruned\njob p2/go pruned\n',
      );
      assert.deepEqual([await names('p2'), await names('p3')], [['half', 'stay'], ['far']]);
    });

    it('prunes nothing where a job could not be applied', async () => {
      await done(['apply', '-n', 'half', '-f', '-'], job('go', '0 3 * * *', team));
      await api.jobs.create(validateManifest(manifest('owned', {}, { namespace: 'half' })), 'kubernetes');
      const files = `${job('owned')}---\n${job('new', '0 3 * * *', team)}`;
      const args = ['apply', '-n', 'half', '-f', '-', '--prune', '-l', 'team=a'];
      for (const dryRun of [['--dry-run'], []]) {
        const { status, stdout, stderr } = await run([...args, ...dryRun], files);
        assert.deepEqual([status, stdout], [1, `job half/new created${dryRun.length > 0 ? ' (dry run)' : ''}\n`]);
        assert.match(
          stderr,
          /^cronmesh: the job half\/owned comes from a CronJob resource in Kubernetes; change it there/,
        );
        assert.match(stderr, /\ncronmesh: nothing was pruned: 1 of 2 manifests could not be applied\n$/);
      }
      assert.deepEqual(await names('half'), ['go', 'new', 'owned']);
    });

    it('leaves a job that was changed after it was looked at', async () => {
      await done(
        ['apply', '-n', 'race', '-f', '-'],
        `${job('a', '0 3 * * *', team)}---\n${job('b', '0 3 * * *', team)}`,
      );
      const client = new Client(server);
      const keep = [{ kind: 'job' as const, origin: '', manifest: {}, namespace: 'race', name: 'a' }];
      const [found, ...more] = await prunable(client, keep, ['team=a']);
      assert.ok(found);
      assert.deepEqual([found.metadata.name, more], ['b', []]);
      await done(['suspend', '-n', 'race', 'b']);
      await assert.rejects(pruneJob(client, found), { code: 'StaleRevision' });
      assert.deepEqual(await names('race'), ['a', 'b']);
      await done(['delete', '-n', 'race', 'b']);
      await pruneJob(client, found);
    });

    it('says in a dry run what the server would refuse', async () => {
      await done(['apply', '-n', 'dry', '-f', '-'], job('a'));
      const dry = async (stdin: string) => (await run(['apply', '-n', 'dry', '-f', '-', '--dry-run'], stdin)).stderr;
      const read = await done(['get', 'job', 'a', '-n', 'dry', '-o', 'yaml']);
      assert.equal(await done(['apply', '-f', '-', '--dry-run=client'], read), 'job dry/a unchanged (dry run)\n');
      assert.equal(
        await dry(read.replace('revision: 1', 'revision: 7')),
        'cronmesh: the job dry/a is at revision 1, not 7\n',
      );
      await done(['delete', '-n', 'dry', 'a']);
      assert.match(
        await dry(read),
        /^cronmesh: the job dry\/a is not there, and standard input was read from one that was/,
      );
      await done(['apply', '-n', 'dry', '-f', '-'], job('a'));
      assert.equal(await dry(read), 'cronmesh: the job dry/a was deleted and made again since it was read\n');
    });
  });

  describe('create -f', () => {
    const generated = (prefix: string, more = '') => job('x').replace('name: x', `generateName: ${prefix}${more}`);

    it('makes names, and tells them', async () => {
      const stdout = await done(
        ['create', '-n', 'made', '-f', '-'],
        `${generated('load-')}---\n${generated('load-')}---\n${job('own')}`,
      );
      const lines = stdout.split('\n');
      assert.match(lines[0] ?? '', /^job made\/load-[a-z0-9]{5} created$/);
      assert.match(lines[1] ?? '', /^job made\/load-[a-z0-9]{5} created$/);
      assert.deepEqual(lines.slice(2), ['job made/own created', '']);
      const told = lines.slice(0, 3).map(line => line.slice('job made/'.length, -' created'.length));
      assert.deepEqual(told.sort(), await names('made'));
      const again = await run(['create', '-n', 'made', '-f', '-'], `${job('own')}---\n${job('next')}`);
      assert.deepEqual(
        [again.status, again.stdout, again.stderr],
        [1, 'job made/next created\n', 'cronmesh: the job made/own exists already\n'],
      );
    });

    it('makes another name where one is taken, and only where it was made', async () => {
      await done(['create', '-n', 'taken', '-f', '-'], job('load-12345'));
      const client = new Client(server);
      const document = {
        kind: 'job' as const,
        origin: '',
        manifest: manifest('load-12345'),
        namespace: 'taken',
        name: 'load-12345',
      };
      const made = await createJob(client, document, 'load-');
      assert.match(made, /^load-[a-z0-9]{5}$/);
      assert.deepEqual(await names('taken'), ['load-12345', made].sort());
      await assert.rejects(createJob(client, document, undefined), { code: 'AlreadyExists' });
    });

    const name =
      "must be lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit";
    const wrong: [document: string, because: string][] = [
      [generated('Load-'), `metadata.generateName: as a name with 5 more characters, ${name} (got "Load-")`],
      [
        generated('a', ', name: b'),
        'metadata.generateName: is not allowed beside metadata.name: give one of them (got "a")',
      ],
      [generated('7'), 'metadata.generateName: must be a string (got 7)'],
      [
        generated('a'.repeat(124)),
        `metadata.generateName: as a name with 5 more characters, must have at most 128 characters (got "${'a'.repeat(124)}")`,
      ],
    ];
    for (const [document, because] of wrong) {
      it(`refuses: ${because.slice(0, 70)}`, async () => {
        const { status, stderr } = await run(['create', '-f', '-'], document);
        assert.deepEqual([status, stderr], [2, `cronmesh: standard input, line 1: ${because}\n`]);
      });
    }
  });

  describe('diff -f', () => {
    it('shows what apply would change, with 1, and nothing with 0', async t => {
      const at = folder(t, { 'a.yaml': job('a', '0 3 * * *', ', labels: { z: y, b: c }') });
      const file = join(at, 'a.yaml');
      const created = await run(['diff', '-n', 'diff', '-f', file]);
      assert.equal(created.status, 1);
      assert.match(
        created.stdout,
        /^--- \/dev\/null\n\+\+\+ diff\/a \(.*a\.yaml\)\n@@ -0,0 \+1,\d+ @@\n\+metadata:\n\+ {2}annotations: \{\}\n\+ {2}labels:\n\+ {4}b: c\n/,
      );
      assert.match(created.stdout, /^\+ {2}misfirePolicy: Skip$/m);
      assert.deepEqual(await names('diff'), []);
      await done(['apply', '-n', 'diff', '-f', file]);
      assert.deepEqual(await run(['diff', '-n', 'diff', '-f', file]), { status: 0, stdout: '', stderr: '' });
      writeFileSync(file, job('a', '0 4 * * *', ', annotations: { note: "two\\nlines" }, labels: { b: c, z: y }'));
      const changed = await run(['diff', '-n', 'diff', '-f', file]);
      assert.deepEqual([changed.status, changed.stderr], [1, '']);
      assert.equal(changed.stdout.split('\n')[0], '--- diff/a (server, revision 1)');
      const lines = changed.stdout.split('\n').filter(line => /^[-+](?![-+])/.test(line));
      assert.deepEqual(lines, [
        '-  annotations: {}',
        '+  annotations:',
        '+    note: |-',
        '+      two',
        '+      lines',
        '-  schedule: 0 3 * * *',
        '+  schedule: 0 4 * * *',
      ]);
    });

    it('shows what --prune would delete', async () => {
      const team = ', labels: { team: a }';
      await done(['apply', '-n', 'dp', '-f', '-'], `${job('a', '0 3 * * *', team)}---\n${job('b', '0 3 * * *', team)}`);
      const { status, stdout } = await run(
        ['diff', '-n', 'dp', '-f', '-', '--prune', '-l', 'team=a'],
        job('a', '0 3 * * *', team),
      );
      assert.equal(status, 1);
      assert.match(stdout, /^--- dp\/b \(server, revision 1\)\n\+\+\+ \/dev\/null\n@@ -1,\d+ \+0,0 @@\n-metadata:\n/);
    });

    it('ends with 2 for trouble, and shows the rest', async () => {
      await api.jobs.create(validateManifest(manifest('owned', {}, { namespace: 'dt' })), 'kubernetes');
      const some = await run(['diff', '-n', 'dt', '-f', '-'], `${job('owned')}---\n${job('new')}`);
      assert.equal(some.status, 2);
      assert.match(some.stdout, /^\+\+\+ dt\/new/m);
      assert.match(some.stderr, /^cronmesh: the job dt\/owned comes from a CronJob resource/);
      assert.equal((await run(['diff', '-f', '-'], 'a: [')).status, 2);
      const away = await cronmesh(['diff', '-f', '-', '-s', 'http://127.0.0.1:1'], { stdin: job('a') });
      assert.equal(away.status, 2);
    });
  });

  describe('describe --at', () => {
    it('says in one line why it did not run', async () => {
      await done(['apply', '-n', 'why', '-f', '-'], job('nightly'));
      const { stdout } = await run(['describe', 'job', 'nightly', '-n', 'why', '--at', '2026-02-01 03:00']);
      assert.equal(
        stdout,
        'there was no job why/nightly at 2026-02-01T03:00:00Z: it was created at 2026-03-01T12:00:00Z; its first tick since then is 2026-03-02T03:00:00Z\n',
      );
      const wrong = await run(['describe', 'job', 'nightly', '-n', 'why', '--at', 'noon']);
      assert.deepEqual([wrong.status, wrong.stdout], [2, '']);
      assert.equal(
        wrong.stderr,
        'cronmesh: query parameter at must be an instant as RFC 3339, such as 2026-11-24T03:00:00Z, or a time in the job’s zone: 03:00 (the last one), 2026-11-24 03:00 (got "noon")\n',
      );
      const none = await run(['describe', 'job', 'nobody', '-n', 'why', '--at', '03:00']);
      assert.deepEqual([none.status, none.stderr], [1, 'cronmesh: there is no job why/nobody\n']);
    });
  });
});
