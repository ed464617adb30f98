import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadAll } from 'js-yaml';
import type { ShellExecutorSpec } from '../../src/domain/job/spec.ts';
import { type ValidManifest, validateManifest } from '../../src/domain/job/validate.ts';
import { cronmesh, serveApi } from '../support/cli.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { toolSkip } from '../support/tools.ts';
import { jobManifest } from '../support/wrong-manifests.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = join(root, 'deploy/examples');
const files = globSync('*.yaml', { cwd: folder }).sort();

const examples = files.map(file => {
  const documents = loadAll(readFileSync(join(folder, file), 'utf8'));
  return { file, documents, text: readFileSync(join(folder, file), 'utf8') };
});

describe('the example jobs', () => {
  it('are more than a dozen, and are one job each, named as their file', () => {
    assert.ok(files.length > 12, `only ${files.length}`);
    for (const { file, documents } of examples) {
      assert.equal(documents.length, 1, file);
      assert.equal(valid(documents[0]).metadata.name, basename(file, '.yaml'));
    }
  });

  for (const { file, documents, text } of examples) {
    describe(file, () => {
      it('is right, whole and commented', () => {
        const { apiVersion, kind } = valid(documents[0]);
        assert.deepEqual([apiVersion, kind], ['cronmesh.io/v1alpha1', 'CronJob']);
        assert.match(text, /^# .{40}/, 'it begins with a comment that says what it is for');
      });

      const { shell } = valid(documents[0]).spec.executor;
      const body = shell === undefined ? undefined : scriptOf(shell);
      if (shell !== undefined && body !== undefined) {
        it('has a script that its interpreter can read', { skip: toolSkip(basename(shell.interpreter)) }, () => {
          const { status, stderr } = spawnSync(shell.interpreter, ['-n'], { input: body, encoding: 'utf8' });
          assert.equal(status, 0, stderr);
        });
      }
    });
  }

  it('are in the index, with their schedules', () => {
    const index = readFileSync(join(folder, 'README.md'), 'utf8');
    const rows = [...index.matchAll(/^\| \[([\w-]+)\]\(\1\.yaml\) \| (.*?) \|/gm)];
    assert.deepEqual(rows.map(([, name]) => `${name}.yaml`).sort(), files);
    for (const [, name, when = ''] of rows) {
      const { schedule } = valid(examples.find(({ file }) => file === `${name}.yaml`)?.documents[0]).spec;
      const said = /^`(.*?)`/.exec(when)?.[1] ?? '* * * * *';
      assert.equal(said, schedule, name);
    }
  });

  describe('over REST', () => {
    let server: Awaited<ReturnType<typeof serveApi>>;
    before(async () => {
      server = await serveApi();
    });
    after(() => server.stop());

    it('are all accepted, by one `cronmesh apply`', async () => {
      const args = files.flatMap(file => ['-f', join(folder, file)]);
      const { status, stdout, stderr } = await cronmesh(['apply', ...args], { server: server.url });
      assert.equal(status, 0, stderr);
      const jobs = await server.api.jobs.list({ limit: 100 });
      assert.deepEqual(jobs.items.map(job => `${job.name}.yaml`).sort(), files, stdout);
    });
  });
});

describe('the JSON schema of the custom resource', { skip: toolSkip('kubeconform') }, () => {
  /** Writes the schema as the README of the examples says, and lets kubeconform judge files by it. */
  const judge = (folderOfSchemas: string, ...paths: string[]) => {
    const location = `${folderOfSchemas}/{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json`;
    const args = ['-strict', '-summary', '-output', 'json', '-schema-location', location, ...paths];
    const { stdout } = spawnSync('kubeconform', args, { encoding: 'utf8' });
    return JSON.parse(stdout) as {
      readonly resources: readonly { readonly filename: string; readonly msg: string }[];
      readonly summary: { readonly valid: number; readonly invalid: number; readonly errors: number; skipped: number };
    };
  };
  const schemas = (target: string): string => {
    const script = join(root, 'scripts/generate-crd.ts');
    const { status, stderr } = spawnSync(process.execPath, [script, '--json-schema', target], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return target;
  };

  it('accepts the examples', t => {
    const target = schemas(temporaryDirectory(t));
    const { summary, resources } = judge(target, ...files.map(file => join(folder, file)));
    assert.deepEqual(summary, { valid: files.length, invalid: 0, errors: 0, skipped: 0 }, JSON.stringify(resources));
  });

  const wrong: [what: string, manifest: Record<string, unknown>, message: RegExp][] = [
    ['an unknown field', jobManifest({ shedule: '@daily' }), /shedule/],
    ['an unknown field at the top', { ...jobManifest(), specs: {} }, /specs/],
    ['an unknown field deep inside', jobManifest({ executor: { http: { url: 'http://a', verb: 'GET' } } }), /verb/],
    ['a status that is none', jobManifest({ executor: { http: { url: 'http://a', expectedStatus: [700] } } }), /599/],
    ['another word', jobManifest({ misfirePolicy: 'runAll' }), /RunAll/],
    ['a command and a script', jobManifest({ executor: { shell: { command: 'a', script: 'b' } } }), /oneOf/],
    ['no name', { ...jobManifest(), metadata: {} }, /name/],
  ];
  for (const [what, manifest, message] of wrong) {
    it(`refuses ${what}`, t => {
      const target = schemas(temporaryDirectory(t));
      const file = join(target, 'wrong.json');
      writeFileSync(file, JSON.stringify(manifest));
      const { summary, resources } = judge(target, file);
      assert.equal(summary.invalid, 1, JSON.stringify({ summary, resources }));
      assert.match(resources[0]?.msg ?? '', message);
    });
  }
});

function valid(manifest: unknown): ValidManifest {
  return validateManifest(manifest);
}

function scriptOf({ command, script }: ShellExecutorSpec): string | undefined {
  return script ?? (typeof command === 'string' ? command : undefined);
}
