import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { publishedCatalog } from './catalog.ts';
import { loadModules, ModuleError } from './load.ts';

const head = "import { defineJob, defineExecutor } from 'cronmesh/jobs';\nimport { z } from 'zod';\n";
const job = (name: string): string => `${head}export const a = defineJob({ name: '${name}', run() {} });\n`;

/** A folder with these files. */
function folderOf(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = temporaryDirectory(t);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  return folder;
}

describe('modules', () => {
  it('are files, folders and packages, in JavaScript and TypeScript', async t => {
    const base = folderOf(t, {
      'one.mjs': job('one'),
      'jobs/two.ts': `${job('two')}export { a as again } from '../one.mjs';\nexport const other: number = 5;\n`,
      'jobs/helper.js': 'export const help = 1;\n',
      'jobs/two.test.ts': 'throw new Error();\n',
      'jobs/three.cjs':
        "const { defineJob } = require('cronmesh/jobs');\nexports.three = defineJob({ name: 'three', run() {} });\n",
      'node_modules/@shop/jobs/package.json': '{ "name": "@shop/jobs", "type": "module", "exports": "./lib.js" }',
      'node_modules/@shop/jobs/lib.js': `${head}
        export const four = defineJob({ name: 'four', description: 'The fourth.', input: z.object({ n: z.int() }), run() {} });
        export const sql = defineExecutor({ name: 'sql', config: z.object({ query: z.string() }), run() {} });`,
    });
    const { jobs, executors } = await loadModules(['./one.mjs', 'jobs', '@shop/jobs'], base);
    assert.deepEqual(
      jobs.map(({ name }) => name),
      ['four', 'one', 'three', 'two'],
    );
    const [four] = jobs;
    assert.equal(four?.description, 'The fourth.');
    assert.equal(four?.source, 'cronmesh-module:@shop/jobs');
    assert.deepEqual(four?.schema?.required, ['n']);
    assert.deepEqual(
      executors.map(({ name }) => name),
      ['sql'],
    );
    const published = publishedCatalog({ jobs, executors });
    assert.match(published?.hash ?? '', /^[0-9a-f]{32}$/);
    assert.doesNotMatch(published?.value ?? '', /source|file:/);
  });

  it('that do what a schema says first by code are left to the run', async t => {
    const base = folderOf(t, {
      'a.ts': `${head}export const a = defineJob({ name: 'a', input: z.object({ n: z.coerce.number(), m: z.preprocess(v => v ?? 1, z.number()), k: z.number().catch(1), s: z.string() }), run() {} });`,
    });
    const { schema } = (await loadModules(['a.ts'], base)).jobs[0] ?? {};
    assert.deepEqual(schema?.properties, { n: {}, m: {}, k: {}, s: { type: 'string' } });
    assert.deepEqual(schema?.required, ['s']);
  });

  const wrong: [what: string, specifiers: string[], files: Record<string, string>, because: RegExp][] = [
    [
      'a file that is not there',
      ['./no.ts'],
      {},
      /^worker\.modules: \.\/no\.ts cannot be loaded: there is no file or folder \S+no\.ts$/,
    ],
    [
      'a package that is not there',
      ['@shop/no'],
      {},
      /^worker\.modules: @shop\/no cannot be loaded: Cannot find package '@shop\/no'/,
    ],
    ['an empty folder', ['jobs'], { 'jobs/notes.txt': '' }, /jobs cannot be loaded: the folder \S+ holds no module/],
    [
      'no definition',
      ['a.js'],
      { 'a.js': 'export const a = 1;' },
      /^worker\.modules: a\.js exports no job and no executor$/,
    ],
    [
      'no JavaScript',
      ['a.js'],
      { 'a.js': 'export const = 1;' },
      /^worker\.modules: a\.js cannot be loaded: Unexpected token '='$/,
    ],
    [
      'one that throws',
      ['a.js'],
      { 'a.js': "throw new Error('no database\\nat all');" },
      /a\.js cannot be loaded: no database$/,
    ],
    [
      'one that ends the process',
      ['a.js'],
      { 'a.js': 'process.exit(3);' },
      /^worker\.modules: a\.js ended with status 3$/,
    ],
    [
      'a name twice',
      ['a.ts', 'b.ts'],
      { 'a.ts': job('mail'), 'b.ts': job('mail') },
      /^worker\.modules: b\.ts: the job mail is there twice; a\.ts defines it too$/,
    ],
    [
      'a wrong name',
      ['a.ts'],
      { 'a.ts': job('send mail') },
      /a\.ts cannot be loaded: defineJob: name "send mail" must be letters/,
    ],
    [
      'no run',
      ['a.js'],
      { 'a.js': `${head}export const a = defineJob({ name: 'a' });` },
      /a\.js cannot be loaded: defineJob: run of a must be a function, got undefined/,
    ],
  ];
  for (const [what, specifiers, files, because] of wrong) {
    it(`refuse in one line: ${what}`, async t => {
      await assert.rejects(loadModules(specifiers, folderOf(t, files)), error => {
        assert.ok(error instanceof ModuleError);
        assert.match(error.message, because);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      });
    });
  }
});
