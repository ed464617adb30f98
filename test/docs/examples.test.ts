import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadAll } from 'js-yaml';
import { eventually, freePort, Program } from '../support/process.ts';
import { Rest } from '../support/rest.ts';
import { blocks } from './blocks.ts';

const root = new URL('../../', import.meta.url);

/** Lines that another test runs, with the servers that they need. */
const elsewhere: readonly (readonly [RegExp, string])[] = [
  [/^npm ci/, 'test/e2e/package.test.ts and CI'],
  [/^(helm|kubectl|skaffold) /, 'test/e2e/kubernetes.test.ts, test/static/skaffold.test.ts'],
  [/^consul agent -dev|^export CONSUL_HTTP_ADDR/, 'test/support/cluster.ts'],
  [/^(CRONMESH_\w+=\S+ )?npx cronmesh (master|worker|operator|standalone)\b/, 'test/support/cluster.ts'],
  [/^(export DATABASE_URL|npx cronmesh (backup|restore) )/, 'test/e2e/backup.test.ts'],
];

/** Pieces of the pages' own world, as they are here. */
const here = (folder: string): readonly (readonly [RegExp, string])[] => [
  [/\/etc\/crontab/g, join(folder, 'crontab')],
  [/\/backup\//g, `${folder}/`],
];

describe('the examples of the pages', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cronmesh-docs-'));
  const all = blocks(root);
  let server: string;
  let program: Program;

  before(async () => {
    const port = await freePort();
    server = `http://127.0.0.1:${port}`;
    const env = {
      CRONMESH_HTTP_PORT: String(port),
      CRONMESH_WORKER_NAME: 'worker-1',
      PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
    };
    mkdirSync(join(folder, 'bin'));
    // What the pages' jobs run, which a machine need not have.
    writeFileSync(join(folder, 'bin', 'pg_dump'), '#!/bin/sh\necho "dump of $1"\n');
    chmodSync(join(folder, 'bin', 'pg_dump'), 0o755);
    program = new Program(['standalone'], { env, log: join(folder, 'log'), cwd: folder });
    mkdirSync(join(folder, 'jobs'));
    const spec = 'schedule: "@daily"\n  executor: { shell: { command: "true" } }';
    writeFileSync(join(folder, 'jobs', 'a.yaml'), `metadata: { name: a, labels: { app: shop } }\nspec:\n  ${spec}\n`);
    writeFileSync(join(folder, 'load.yaml'), `metadata: { generateName: load- }\nspec:\n  ${spec}\n`);
    writeFileSync(join(folder, 'crontab'), '17 * * * * root cd / && true\n');
    await eventually('it answers', async () => (await fetch(`${server}/readyz`)).ok, 60_000);
  });
  after(async () => {
    await program.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('there are some', () => assert.ok(all.length >= 4));

  for (const block of all.filter(({ language }) => language === 'yaml')) {
    it(`manifests are applied: ${block.at}`, async () => {
      const text = localized(`${block.lines.join('\n')}\n`);
      const manifests = loadAll(text).filter(one => (one as { kind?: string } | null)?.kind !== undefined);
      if (manifests.length === 0) return;
      const name = /^# (\S+\.yaml)$/.exec(block.lines[0] ?? '')?.[1] ?? 'example.yaml';
      writeFileSync(join(folder, name), text);
      assert.match(run(`npx cronmesh apply -f ${name}`), /(created|configured|unchanged)/);
    });
  }

  for (const block of all.filter(({ language }) => language === 'sh')) {
    it(`commands end well: ${block.at}`, { timeout: 180_000 }, () => {
      for (const line of block.lines.map(one => one.replace(/\s+#.*$/, '').trim())) {
        if (line === '' || line.startsWith('#') || elsewhere.some(([pattern]) => pattern.test(line))) continue;
        run(line);
      }
      // What brakes a page has put on is none of the next one's.
      run('npx cronmesh uncordon worker-1; npx cronmesh thaw -n shop; true');
    });
  }

  it('what they left behind is there', async () => {
    const { items } = await new Rest(server).get<{ items: { metadata: { name: string } }[] }>('/api/v1/jobs?limit=500');
    assert.ok(items.some(({ metadata }) => metadata.name === 'backup'));
  });

  function localized(text: string): string {
    return here(folder).reduce((given, [pattern, by]) => given.replaceAll(pattern, by), text);
  }

  /** Runs a line as a reader would, against this server. @throws with what it printed, where it ends badly */
  function run(line: string): string {
    const command = localized(line);
    const bin = join(root.pathname, 'bin');
    const path = `${bin}:${process.env.PATH}`;
    try {
      return execFileSync('/bin/sh', ['-c', command.replaceAll(/\bnpx cronmesh\b/g, 'cronmesh')], {
        cwd: folder,
        env: { PATH: path, HOME: folder, CRONMESH_SERVER: server },
        encoding: 'utf8',
        timeout: 60_000,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    } catch (error) {
      const { stderr, stdout, status } = error as { stderr: string; stdout: string; status: number };
      throw new Error(`${command}\nended with ${status}:\n${stdout}${stderr}`);
    }
  }
});
